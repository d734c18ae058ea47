// It uses no processor time, and no signal ends it that it can ignore.
// run: timed out
#include "attempt.h"
int main() {
    for (int number = 1; number < 32; ++number) signal(number, SIG_IGN);
    for (;;) sleep(1000);
    return ended();
}
