// It ends itself by a signal.
// run: killed by signal 6
#include "attempt.h"
int main() {
    abort();
    return ended();
}
