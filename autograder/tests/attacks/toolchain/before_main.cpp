// A function that runs before `main`, and one after.
// run: refused
#include "attempt.h"
__attribute__((constructor(101))) static void early() {
    ATTEMPT(open("@SECRET@", O_RDONLY));
    ATTEMPT(open("@MARKER@", O_CREAT | O_WRONLY, 0644));
    ATTEMPT(fork());
}
__attribute__((destructor)) static void late() { early(); }
__attribute__((section(".preinit_array"), used)) static void (*first)() = early;
int main() {
    return ended();
}
