// What other tools that run now have in their folders, and what has been left there.
// run: refused
#include "attempt.h"
int main() {
    PRINT("@OTHER@/given");
    PRINT("../given");
    ATTEMPT(open("@OTHER@", O_RDONLY | O_DIRECTORY));
    return ended();
}
