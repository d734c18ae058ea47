// The plain build: nobody watches. Values, barriers, schedules and guards are checked all the same.
#include "engine.h"

namespace on_cpu {
namespace watch {
const bool fresh_memory = false;
void launch_begins() {}
void launch_ends() {}
void block_begins() {}
void thread_begins(Fiber&) {}
void thread_enters(Fiber&) {}
void thread_leaves(Fiber&) {}
void thread_ends(Fiber&) {}
void leaves(Fiber*, Fiber*) {}
void arrives(Fiber*) {}
void waits_at_barrier(Fiber&) {}
void passes_barrier(Fiber&) {}
void waits_for_warp(Fiber&) {}
void passes_warp(Fiber&, unsigned) {}
void block_synced() {}
void warp_synced(Fiber*, unsigned) {}
void allocates(bool) {}
void finds() {}
void allows(Region&) {}
void forbids(void*, void*) {}
void forgets(Region&) {}
void fences(Fiber&) {}
}
}
