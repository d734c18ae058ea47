// System calls by number, past every function of a library.
// run: refused
#include "attempt.h"
int main() {
    ATTEMPT(syscall(SYS_openat, AT_FDCWD, "@SECRET@", O_RDONLY));
    ATTEMPT(syscall(SYS_openat, AT_FDCWD, "@MARKER@", O_CREAT | O_WRONLY, 0644));
    ATTEMPT(syscall(437, AT_FDCWD, "@SECRET@", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24));
    ATTEMPT(syscall(SYS_name_to_handle_at, AT_FDCWD, "/", nullptr, nullptr, 0));
    ATTEMPT(syscall(SYS_bpf, 0, nullptr, 0));
    ATTEMPT(syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
    ATTEMPT(syscall(SYS_userfaultfd, 0));
    ATTEMPT(syscall(425, 4, nullptr));
    ATTEMPT(syscall(SYS_keyctl, 0, -3, 0));
    ATTEMPT(syscall(SYS_add_key, "user", "name", "text", 4, -3));
    ATTEMPT(syscall(SYS_seccomp, 0, 0, nullptr));
    ATTEMPT(syscall(SYS_personality, 0));
    return ended();
}
