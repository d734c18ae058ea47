// The build with ThreadSanitizer: one of its fibers per CUDA thread. A second opinion on races,
// used to test the checked build. Barrier k and barrier k + 1 are different objects to it, and so
// is shared memory in every block, else half of the races would hide behind each other.
#include <cstdio>

#include "engine.h"

extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_set_fiber_name(void* fiber, const char* name);
void __tsan_acquire(void* object);
void __tsan_release(void* object);
}

namespace on_cpu {
namespace {
void* host = nullptr;
char begins, ends, barrier_object[2], warp_object[2][most_threads];
unsigned barriers = 0;
uint8_t warp_syncs[most_threads];
constexpr unsigned no_sync = 1;  // a switch of fibers orders nothing
}
namespace watch {
const bool fresh_memory = true;
void launch_begins() {
    host = __tsan_get_current_fiber();
    __tsan_release(&begins);
}
void launch_ends() { __tsan_acquire(&ends); }
void block_begins() { barriers = 0; }
void thread_begins(Fiber& fiber) {
    __tsan_release(&begins);
    fiber.watched = __tsan_create_fiber(0);
    char name[64];
    snprintf(name, sizeof name, "thread %u of block %u", fiber.linear, block_running.x);
    __tsan_set_fiber_name(fiber.watched, name);
    warp_syncs[fiber.linear] = 0;
}
void thread_enters(Fiber&) { __tsan_acquire(&begins); }
void thread_leaves(Fiber&) { __tsan_release(&ends); }
void thread_ends(Fiber& fiber) { __tsan_destroy_fiber(fiber.watched); }
void leaves(Fiber*, Fiber* to) { __tsan_switch_to_fiber(to ? to->watched : host, no_sync); }
void arrives(Fiber*) {}
void waits_at_barrier(Fiber&) { __tsan_release(&barrier_object[barriers & 1]); }
void passes_barrier(Fiber&) { __tsan_acquire(&barrier_object[(barriers - 1) & 1]); }
void waits_for_warp(Fiber& fiber) {
    if (fiber.what == 0) __tsan_release(&warp_object[warp_syncs[fiber.linear] & 1][fiber.linear]);
}
void passes_warp(Fiber& fiber, unsigned lanes) {
    for (unsigned i = 0; i < 32; ++i) {
        unsigned other = fiber.linear / 32 * 32 + i;
        if (lanes >> i & 1u) __tsan_acquire(&warp_object[(warp_syncs[other] - 1) & 1][other]);
    }
}
void block_synced() { ++barriers; }
void warp_synced(Fiber* first, unsigned lanes) {
    for (unsigned i = 0; i < 32; ++i)
        if (lanes >> i & 1u) ++warp_syncs[first[i].linear];
}
void allocates(bool begin) {  // the allocation orders no thread before another
    if (!begin) __tsan_release(&begins);
    __tsan_switch_to_fiber(begin ? host : running->watched, no_sync);
}
void finds() { __tsan_acquire(&begins); }
void allows(Region&) {}
void forbids(void*, void*) {}
void forgets(Region&) {}
void fences(Fiber&) {}
}
}
