// What the parts of the runtime know of each other. None of it is seen by a kernel, and none of it
// is ever compiled with a sanitizer: only the student's own accesses are to be watched.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vectors.h"

namespace on_cpu {

struct Index { unsigned x, y, z; };

enum class State { ready, at_barrier, in_warp, done };

struct Fiber {
    unsigned linear = 0;  // threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)
    Index thread{};
    State state = State::ready;
    int line = 0;         // where it waits
    char* stack = nullptr;
    void* stack_pointer = nullptr;
    void* context = nullptr;   // ucontext, where there is no switch of our own
    void* watched = nullptr;   // the watch's own record
    int what = 0;              // of a warp operation: which, for whom, brought and taken
    unsigned mask = 0;
    int source = -1;
    unsigned long long brought = 0, taken = 0;
    int predicate = 0;
    float gathered = 0;
};

constexpr size_t stack_bytes = 256 * 1024, page = 4096;
constexpr size_t guard_bytes = 64 * 1024;   // round every array of the launch
constexpr unsigned most_threads = 1024;
constexpr unsigned char poison_byte = 0xff; // a NaN in every float format, -1 in every integer

enum class Kind { global, constant, shared, dynamic };

// Memory that a kernel may use, with what a message calls it.
struct Region {
    char* begin;
    char* end;
    Kind kind;
    std::string name;
    unsigned element;      // bytes of one element
    int line = 0;          // of a declaration in shared memory
    bool written_before;   // holds values when the launch (the block) begins
    bool read_only;
    unsigned width = 0, height = 0;  // last two extents of an array of arrays
};

struct Launch {
    dim3 grid, block;
    size_t shared = 0;
    uint64_t seed = 0;
    unsigned char poison = poison_byte;
    bool trace = false;
    std::vector<Index> blocks;  // those to run
    void (*kernel)(const void*) = nullptr;
    const void* values = nullptr;
};

// scheduler.cpp
extern Fiber* running;          // null outside of a kernel
extern Index block_running;
extern Launch launched;
extern unsigned threads_per_block;
void run(const Launch& launch);

// shared.cpp
constexpr size_t most_static_shared = 48 * 1024;
void begin_shared();   // of a block
size_t end_shared();   // returns the bytes of all static declarations
void forget_shared();  // of a launch

// report.cpp: everything that leaves the process, as frames on standard output
void frame(const char tag[4], const void* data, size_t size);
struct Event {
    std::string text;
    explicit Event(const char* kind);
    Event& with(const char* key, long long value);
    Event& with(const char* key, const std::string& value);
    Event& here();              // the running thread and block
    void send();
};
extern int events_sent;
void trace(const char* what, const Fiber& fiber);
void send_trace();
[[noreturn]] void out_of_memory(const char* what);  // of the machine: no fault of a kernel
void catch_signals(unsigned deadline_ms);
const Region* region_near(const void* address);  // also when it points just outside
Event& describe(Event& event, const void* address);
extern std::vector<Region*> regions;

// One implementation per build: watch_nothing, watch_address, watch_thread, watch_accesses.
namespace watch {
extern const bool fresh_memory;  // stacks and shared memory need new addresses in every block
void launch_begins();
void launch_ends();
void block_begins();
void thread_begins(Fiber&);
void thread_enters(Fiber&);      // on its own stack
void thread_leaves(Fiber&);
void thread_ends(Fiber&);
void leaves(Fiber* from, Fiber* to);   // null is the scheduler
void arrives(Fiber* to);
void waits_at_barrier(Fiber&);
void passes_barrier(Fiber&);
void waits_for_warp(Fiber&);
void passes_warp(Fiber&, unsigned lanes);
void block_synced();
void warp_synced(Fiber* first, unsigned lanes);
void allocates(bool begins);     // memory is prepared in the name of the host
void finds();                    // the running thread comes upon prepared memory
void allows(Region&);
void forbids(void* begin, void* end);
void forgets(Region&);
void fences(Fiber&);
}
}
