// A root, a user and mounts of its own.
// run: refused
#include "attempt.h"
#include <sched.h>
#include <sys/mount.h>
int main() {
    for (int flags : {0x10000000, 0x20000, 0x20000000, 0x40000000, 0x02000000}) ATTEMPT(unshare(flags));
    ATTEMPT(syscall(SYS_clone, 0x10000000 | SIGCHLD, 0, 0, 0, 0));
    ATTEMPT(mount("none", "/", "tmpfs", 0, ""));
    ATTEMPT(umount2("/", 2));
    ATTEMPT(chroot("."));
    ATTEMPT(syscall(SYS_pivot_root, ".", "."));
    ATTEMPT(syscall(428, -100, "/", 1));
    ATTEMPT(setuid(0));
    ATTEMPT(setgid(0));
    ATTEMPT(chdir("/"));
    ATTEMPT(getuid() == 0 || geteuid() == 0 ? 0 : -1);
    return ended();
}
