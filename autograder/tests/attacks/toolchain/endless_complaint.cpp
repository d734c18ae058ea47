// The same on the other descriptor.
// run: output too long
#include "attempt.h"
int main() {
    for (;;) fputs("and so on, and so on, and so on, and so on", stderr);
    return ended();
}
