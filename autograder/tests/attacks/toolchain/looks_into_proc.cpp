// Other processes by /proc: their environment, memory, files.
// run: refused
#include "attempt.h"
int main() {
    for (const char* pid : {"1", "@PID@", "thread-self", "self"})
        for (const char* name : {"maps", "mem", "cmdline", "mountinfo", "status", "auxv", "fd/3", "cwd/given", "root/etc/passwd"}) {
            char path[256];
            snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
            ATTEMPT(open(path, O_RDONLY));
        }
    for (const char* pid : {"1", "@PID@"}) {
        char path[64], text[64];
        snprintf(path, sizeof path, "/proc/%s/environ", pid);
        ATTEMPT(open(path, O_RDONLY));
        snprintf(path, sizeof path, "/proc/%s/cwd", pid);
        ATTEMPT(readlink(path, text, sizeof text));
    }
    ATTEMPT(open("/proc/self/mem", O_RDWR));
    ATTEMPT(open("/proc/mounts", O_RDONLY));
    ATTEMPT(open("/proc/sys/kernel/core_pattern", O_RDONLY));
    ATTEMPT(open("/sys/kernel/notes", O_RDONLY));
    return ended();
}
