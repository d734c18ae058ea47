// Whatever is open besides the three: a verdict could be forged there.
// run: refused
#include "attempt.h"
int main() {
    for (int fd = 3; fd < 4096; ++fd) {
        ATTEMPT(fcntl(fd, F_GETFD));
        ATTEMPT(write(fd, "{\"code\": 0, \"cpu_seconds\": 0}", 31));
        ATTEMPT(lseek(fd, 0, SEEK_CUR));
    }
    int low = open("/dev/null", O_RDONLY);
    ATTEMPT(low >= 0 && low != 3 ? 0 : -1);
    return ended();
}
