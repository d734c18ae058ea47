// It does not end.
// run: timed out
#include "attempt.h"
int main() {
    volatile bool on = true;
    while (on) {}
    return ended();
}
