// Memory and queues that outlive a process.
// run: refused
#include "attempt.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
int main() {
    ATTEMPT(shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT));
    ATTEMPT(semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT));
    ATTEMPT(msgget(IPC_PRIVATE, 0600 | IPC_CREAT));
    ATTEMPT(syscall(SYS_mq_open, "marker", O_CREAT | O_RDWR, 0600, nullptr));
    ATTEMPT(shm_open("/@NAME@", O_CREAT | O_RDWR, 0600));
    return ended();
}
