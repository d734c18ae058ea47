// Threads, which nobody needs here.
// run: refused
#include "attempt.h"
#include <pthread.h>
int main() {
    static char stack[1 << 16];
    ATTEMPT(syscall(SYS_clone, 0x50f00, stack + sizeof stack, 0, 0, 0));
    ATTEMPT(-pthread_create((pthread_t*)stack, nullptr, [](void*) -> void* { for (;;) pause(); }, nullptr));
    return ended();
}
