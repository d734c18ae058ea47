// Included by programs of the corpus: an attempt that is refused says nothing.
#pragma once
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <initializer_list>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTEMPT(call)                                           \
    do {                                                        \
        long result = (long)(call);                             \
        if (result >= 0) printf("got %ld from %s\n", result, #call); \
        fflush(stdout);                                         \
    } while (0)
#define PRINT(path)                                             \
    do {                                                        \
        char text[4096];                                        \
        int opened = open(path, O_RDONLY);                      \
        long size = opened < 0 ? -1 : (long)read(opened, text, sizeof text); \
        if (size > 0) printf("got %.*s\n", (int)size, text);    \
    } while (0)

static int ended() {
    puts("end");
    return 0;
}
