// A file anywhere: outside, in its own folder, in memory.
// run: refused
#include "attempt.h"
int main(int, char** argv) {
    ATTEMPT(open("@MARKER@", O_CREAT | O_WRONLY, 0644));
    ATTEMPT(creat("@MARKER@-2", 0644));
    ATTEMPT(mkdir("@MARKER@-3", 0755));
    ATTEMPT(open("file", O_CREAT | O_WRONLY, 0644));
    ATTEMPT(open("/tmp/@NAME@", O_CREAT | O_WRONLY, 0644));
    ATTEMPT(open("/dev/shm/@NAME@", O_CREAT | O_WRONLY, 0644));
    ATTEMPT(open(argv[0], O_WRONLY));
    ATTEMPT(open(".", O_TMPFILE | O_RDWR, 0600));
    ATTEMPT(truncate(argv[0], 0));
    ATTEMPT(unlink(argv[0]));
    ATTEMPT(rename(argv[0], "other"));
    ATTEMPT(symlink("/etc/passwd", "link"));
    ATTEMPT(link(argv[0], "link"));
    ATTEMPT(mkfifo("fifo", 0600));
    ATTEMPT(chmod(argv[0], 0777));
    ATTEMPT(syscall(SYS_memfd_create, "name", 0));
    return ended();
}
