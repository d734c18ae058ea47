// Another process's registers and memory.
// run: refused
#include "attempt.h"
int main() {
    char text[16];
    struct { void* base; size_t size; } here = {text, 16}, there = {text, 16};
    for (int pid : {@PID@, (int)getppid(), 1}) {
        ATTEMPT(ptrace(PTRACE_ATTACH, pid, 0, 0));
        ATTEMPT(ptrace(PTRACE_SEIZE, pid, 0, 0));
        ATTEMPT(syscall(SYS_process_vm_readv, pid, &here, 1L, &there, 1L, 0L));
        ATTEMPT(syscall(SYS_process_vm_writev, pid, &here, 1L, &there, 1L, 0L));
    }
    ATTEMPT(ptrace(PTRACE_TRACEME, 0, 0, 0));
    ATTEMPT(syscall(SYS_process_madvise, -1, nullptr, 0, 0, 0));
    return ended();
}
