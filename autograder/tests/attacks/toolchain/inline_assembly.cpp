// The instruction for system calls, without any library.
// run: killed by signal 31, killed by signal 11
// machine: x86_64
#include "attempt.h"
int main() {
    long result;
    const char* path = "@SECRET@";
    asm volatile("syscall" : "=a"(result) : "0"(2L), "D"(path), "S"(0L), "d"(0L) : "rcx", "r11", "memory");
    ATTEMPT(result);
    // The table of 32-bit programs, which is another one: number 5 opens a file there.
    asm volatile("int $0x80" : "=a"(result) : "0"(5L), "b"(path), "c"(0L), "d"(0L) : "memory");
    ATTEMPT(result);
    return ended();
}
