// The build with AddressSanitizer: guards are poisoned, fibers are
// announced, and a report is preceded by an event that says who touched which element of what.
#include "engine.h"

extern "C" {
void __sanitizer_start_switch_fiber(void** save, const void* bottom, size_t size);
void __sanitizer_finish_switch_fiber(void* saved, const void** old_bottom, size_t* old_size);
void __asan_poison_memory_region(const volatile void*, size_t);
void __asan_unpoison_memory_region(const volatile void*, size_t);
void* __asan_get_report_address();
void* __asan_get_report_pc();
int __asan_get_report_access_type();
size_t __asan_get_report_access_size();
void __asan_on_error();
}

namespace on_cpu {
namespace {
const void* host_stack;
size_t host_stack_size;
}

namespace watch {
const bool fresh_memory = false;
void launch_begins() {}
void launch_ends() {}
void block_begins() {}
void thread_begins(Fiber& fiber) {
    __asan_unpoison_memory_region(fiber.stack, stack_bytes);
    fiber.watched = nullptr;
}
void thread_enters(Fiber&) { __sanitizer_finish_switch_fiber(nullptr, &host_stack, &host_stack_size); }
void thread_leaves(Fiber&) {}
void thread_ends(Fiber&) {}
void leaves(Fiber* from, Fiber* to) {
    static void* host_saved;
    if (to) {
        __sanitizer_start_switch_fiber(&host_saved, to->stack, stack_bytes);
        (void)from;
        return;
    }
    bool over = from->state == State::done;
    __sanitizer_start_switch_fiber(over ? nullptr : &from->watched, host_stack, host_stack_size);
}
void arrives(Fiber* to) {
    const void* bottom;
    size_t size;
    if (to) __sanitizer_finish_switch_fiber(to->watched, &host_stack, &host_stack_size);
    else __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
}
void waits_at_barrier(Fiber&) {}
void passes_barrier(Fiber&) {}
void waits_for_warp(Fiber&) {}
void passes_warp(Fiber&, unsigned) {}
void block_synced() {}
void warp_synced(Fiber*, unsigned) {}
void allocates(bool) {}
void finds() {}
void allows(Region& region) { __asan_unpoison_memory_region(region.begin, (size_t)(region.end - region.begin)); }
void forbids(void* begin, void* end) { __asan_poison_memory_region(begin, (size_t)((char*)end - (char*)begin)); }
void forgets(Region& region) {
    size_t size = (size_t)(region.end - region.begin);
    // Shared arrays come and go inside of forbidden memory; the others are about to be unmapped.
    if (region.kind == Kind::shared || region.kind == Kind::dynamic) __asan_poison_memory_region(region.begin, size);
    if (region.kind == Kind::global)
        __asan_unpoison_memory_region(region.begin - guard_bytes, (size + page - 1) / page * page + 2 * guard_bytes);
}
void fences(Fiber&) {}
}
}  // namespace on_cpu

extern "C" void __asan_on_error() {
    on_cpu::Event event("bounds");
    event.here().with("pc", (long long)__asan_get_report_pc());
    event.with("write", __asan_get_report_access_type()).with("size", (long long)__asan_get_report_access_size());
    on_cpu::describe(event, __asan_get_report_address()).send();
}
