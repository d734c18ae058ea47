// It reads where nothing is.
// run: killed by signal 11
#include "attempt.h"
int main() {
    return *(volatile int*)16;
    return ended();
}
