// It stops instead of ending.
// run: timed out, killed by signal 19, refused
#include "attempt.h"
int main() {
    raise(SIGSTOP);
    return ended();
}
