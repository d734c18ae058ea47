// Output without an end.
// run: output too long
#include "attempt.h"
int main() {
    for (;;) puts("and so on, and so on, and so on, and so on");
    return ended();
}
