// Signals to those above, to the group, to everybody.
// run: refused
#include "attempt.h"
int main() {
    for (int pid : {@PID@, (int)getppid(), 1, -1, 0, -@PID@}) {
        ATTEMPT(kill(pid, 0));
        ATTEMPT(syscall(SYS_tgkill, pid, pid, 0));
        ATTEMPT(syscall(SYS_tkill, pid, 0));
        ATTEMPT(syscall(SYS_rt_sigqueueinfo, pid, 0, nullptr));
        ATTEMPT(syscall(434, pid, 0));
    }
    ATTEMPT(setpriority(PRIO_PROCESS, @PID@, 19));
    return ended();
}
