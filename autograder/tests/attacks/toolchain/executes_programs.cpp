// Another program, or itself again.
// run: refused
#include "attempt.h"
#include <spawn.h>
int main(int argc, char** argv) {
    if (argc > 1) puts("got a second life");
    char *shell[] = {(char*)"sh", (char*)"-c", (char*)"echo got; touch @MARKER@", nullptr};
    char *again[] = {argv[0], (char*)"again", nullptr};
    char *none[] = {nullptr};
    execve("/bin/sh", shell, none);
    execve("/usr/bin/env", shell, none);
    execve(argv[0], again, none);
    execve("/proc/self/exe", again, none);
    char *loader[] = {(char*)"ld.so", argv[0], (char*)"again", nullptr};
    execve("/lib64/ld-linux-x86-64.so.2", loader, none);
    int own = open(argv[0], O_RDONLY);
    ATTEMPT(syscall(SYS_execveat, own, "", again, none, AT_EMPTY_PATH));
    ATTEMPT(-posix_spawn(nullptr, "/bin/sh", nullptr, nullptr, shell, none));
    ATTEMPT(system("touch @MARKER@") == 0 ? 0 : -1);
    return ended();
}
