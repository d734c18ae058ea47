// Processes by every way there is; each would leave a file.
// run: refused
#include "attempt.h"
int main() {
    for (int i = 0; i < 100; ++i) {
        long ways[] = {syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), (long)fork(), syscall(435, nullptr, 0)};
        for (long pid : ways) {
            if (pid == 0) {
                fclose(fopen("@MARKER@", "w"));
                for (;;) fork();
            }
            ATTEMPT(pid);
        }
    }
    return ended();
}
