// More memory than it is given, every page of it touched.
// run: out of memory
#include "attempt.h"
int main() {
    for (;;) memset(malloc(1 << 24), 1, 1 << 24);
    return ended();
}
