// It ignores the signal of the limit on processor time.
// run: timed out
// cpu_seconds: 1
#include "attempt.h"
int main() {
    signal(SIGXCPU, SIG_IGN);
    volatile bool on = true;
    while (on) {}
    return ended();
}
