// What was left in the environment and on the stack.
// run: refused
#include "attempt.h"
int main() {
    for (char** entry = environ; *entry; ++entry)
        if (strncmp(*entry, "LC_ALL=", 7) && strncmp(*entry, "TMPDIR=", 7)) printf("got %s\n", *entry);
    return ended();
}
