// Its own limits, and another's.
// run: refused
#include "attempt.h"
int main() {
    for (int kind : {RLIMIT_CPU, RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_CORE}) {
        rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
        ATTEMPT(setrlimit((__rlimit_resource)kind, &most));
        ATTEMPT(prlimit(@PID@, (__rlimit_resource)kind, nullptr, &most));
        ATTEMPT(prlimit(getppid(), (__rlimit_resource)kind, &most, nullptr));
    }
    ATTEMPT(nice(-5) == -5 ? 0 : -1);
    ATTEMPT(setsid());
    ATTEMPT(mlockall(MCL_CURRENT));
    return ended();
}
