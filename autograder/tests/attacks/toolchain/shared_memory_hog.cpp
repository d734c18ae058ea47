// The same with memory that counts as a file's.
// run: out of memory
#include "attempt.h"
int main() {
    for (;;) {
        void* area = mmap(nullptr, 1 << 24, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED) continue;
        memset(area, 1, 1 << 24);
    }
    return ended();
}
