// The checked build: the compiler announces every access to memory (-fsanitize=thread), and these
// functions stand where ThreadSanitizer's would. They know what CUDA promises, and so can say more:
// bounds, alignment, values nobody has written, and two threads that touch one element, one of them
// writing, with neither a barrier nor an atomic operation between them. Nothing depends on the
// schedule, except in which of two orders a race is met. No sanitizer library is linked.
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "engine.h"

#ifdef __APPLE__
static char __executable_start, _end;
#else
extern "C" char __executable_start, _end;
#endif

namespace on_cpu {
namespace {
enum : uint8_t { write = 1, atomic = 2, unwritten = 4 };
constexpr int accesses_per_cell = 6;
constexpr size_t cell_bytes = 8;
constexpr size_t most_reports = 24;

struct Access {
    uint32_t pc, block, barrier, clock;
    uint16_t thread;
    uint8_t first, size, flags;
};
struct Cell {  // what is known of eight bytes
    Access accesses[accesses_per_cell];
    uint8_t count, next, written;
};
struct Shadow {
    Region* region;
    Cell* cells;
    char* begin;  // of the region, rounded down to a cell
};
struct Clocks {
    uint32_t of[32];
};
struct Work {
    uint32_t loads, stores;
};

std::vector<Shadow> shadows;
size_t last_shadow = 0;
uint32_t barriers = 0, block_serial = 0;
std::vector<Index> block_of;  // by serial number
Clocks clocks[most_threads];
std::vector<Work> work;
std::set<std::pair<uint32_t, uint32_t>> reported;
std::set<std::pair<uint32_t, int>> said;

// Blocks order each other only by a fence before and an atomic operation on a common place.
std::map<const void*, std::set<uint32_t>> released;
std::vector<std::set<uint32_t>> acquired;
std::vector<bool> fenced;
bool across_blocks = false;

Shadow* shadow_of(const char* at) {
    if (last_shadow < shadows.size()) {
        Shadow& last = shadows[last_shadow];
        if (at >= last.region->begin && at < last.region->end) return &last;
    }
    for (size_t i = 0; i < shadows.size(); ++i)
        if (at >= shadows[i].region->begin && at < shadows[i].region->end) {
            last_shadow = i;
            return &shadows[i];
        }
    return nullptr;
}

bool once(uint32_t pc, int what) { return said.size() < most_reports && said.insert({pc, what}).second; }

bool ordered(const Access& before) {
    uint32_t me = running->linear;
    if (before.block != block_serial) return across_blocks && acquired[me].count(before.block) != 0;
    if (before.thread == me || before.barrier < barriers) return true;
    return before.thread / 32 == me / 32 && clocks[me].of[before.thread % 32] > before.clock;
}

// Two threads wrote one place. If the second wrote what the first had written, no harm is done, and
// that is known only when the write has happened: at the next thing that is heard of.
struct Doubt {
    bool open = false;
    Access first, second;
    const char* at;
    size_t size;
    char before[cell_bytes];
};
Doubt doubt;

void report_race(const Access& first, const Access& second, const char* at);

void settle() {
    if (!doubt.open) return;
    doubt.open = false;
    if (memcmp(doubt.before, doubt.at, doubt.size)) report_race(doubt.first, doubt.second, doubt.at);
}

void doubtful(const Access& first, const Access& second, const char* at, size_t size) {
    if (doubt.open) return;
    doubt = {true, first, second, at, size, {}};
    memcpy(doubt.before, at, size);
}

void report_race(const Access& first, const Access& second, const char* at) {
    if (reported.size() >= most_reports || !reported.insert({first.pc, second.pc}).second) return;
    Event event("race");
    describe(event, at);
    Index a = block_of[first.block], b = block_of[second.block];
    event.with("first_thread", first.thread).with("first_flags", first.flags).with("first_pc", first.pc)
        .with("first_block", (long long)a.x).with("first_block_y", (long long)a.y).with("first_block_z", (long long)a.z)
        .with("thread", second.thread).with("flags", second.flags).with("pc", second.pc)
        .with("block", (long long)b.x).with("block_y", (long long)b.y).with("block_z", (long long)b.z)
        .with("same_block", first.block == second.block).send();
}

void remember(Cell& cell, const Access& now) {
    for (int i = 0; i < cell.count; ++i) {
        Access& old = cell.accesses[i];
        if (old.thread == now.thread && old.block == now.block && old.first == now.first
            && old.size == now.size && (old.flags & 3) == (now.flags & 3)) {
            old = now;
            return;
        }
    }
    if (cell.count < accesses_per_cell) {
        cell.accesses[cell.count++] = now;
        return;
    }
    int victim = -1;  // best what is ordered before, then a read
    for (int i = 0; i < accesses_per_cell && victim < 0; ++i)
        if (cell.accesses[i].block == now.block && ordered(cell.accesses[i])) victim = i;
    for (int i = 0; i < accesses_per_cell && victim < 0; ++i) {
        int j = (cell.next + i) % accesses_per_cell;
        if (!(cell.accesses[j].flags & write)) victim = j;
    }
    if (victim < 0) victim = cell.next;
    cell.next = (uint8_t)((cell.next + 1) % accesses_per_cell);
    cell.accesses[victim] = now;
}

// Is there something to read in which nobody has written? Of a wide read, only whole words count:
// a structure may have gaps.
bool nothing_in(const Cell& cell, uint8_t bits, size_t whole) {
    uint8_t missing = bits & (uint8_t)~cell.written;
    return whole <= 4 ? missing != 0 : (missing & 0x0f) == 0x0f || (missing & 0xf0) == 0xf0;
}

// `size` bytes at `at` lie in one cell; the access as a whole has `whole`.
void in_cell(Shadow& shadow, const char* at, size_t size, size_t whole, uint8_t flags, uint32_t pc) {
    size_t offset = (size_t)(at - shadow.begin);
    Cell& cell = shadow.cells[offset / cell_bytes];
    uint8_t first = (uint8_t)(offset % cell_bytes), bits = (uint8_t)(((1u << size) - 1u) << first);
    uint32_t me = running->linear;
    Region& region = *shadow.region;
    bool atomically = flags & atomic;
    if ((!(flags & write) || atomically) && !region.written_before && nothing_in(cell, bits, whole)) {
        flags |= unwritten;
        if (once(pc, 1)) {
            Event event("unwritten");
            describe(event.here().with("pc", pc), at).send();
        }
    }
    Access now{pc, block_serial, barriers, clocks[me].of[me % 32], (uint16_t)me, first, (uint8_t)size, flags};
    for (int i = 0; i < cell.count; ++i) {
        const Access& old = cell.accesses[i];
        if (first >= old.first + old.size || old.first >= first + size) continue;
        if (!((old.flags | flags) & write) || (old.flags & flags & atomic)) continue;
        if (ordered(old)) continue;
        bool both_write = (old.flags & flags & write) && !((old.flags | flags) & atomic);
        if (both_write && old.first == first && old.size == size) doubtful(old, now, at, size);
        else report_race(old, now, at);
    }
    if (flags & write) cell.written |= bits;
    remember(cell, now);
}

void outside(const char* at, size_t size, uint8_t flags, uint32_t pc) {
    if (at >= running->stack && at < running->stack + stack_bytes) return;
    if (at >= &__executable_start && at < &_end) return;
    if (!once(pc, 2)) return;
    Event event("bounds");
    event.here().with("pc", pc).with("write", flags & write).with("size", (long long)size);
    describe(event, at).send();
}

void access(const void* address, size_t size, uint8_t flags, const void* caller, bool aligned) {
    if (!running) return;
    settle();
    size_t whole = size;
    const char* at = (const char*)address;
    uint32_t pc = (uint32_t)(uintptr_t)caller;
    if (at >= running->stack && at < running->stack + stack_bytes) return;
    Shadow* shadow = shadow_of(at);
    if (!shadow) return outside(at, size, flags, pc);
    if (aligned && (uintptr_t)at % size && once(pc, 3)) {
        Event event("misaligned");
        event.here().with("pc", pc).with("write", flags & write).with("size", (long long)size);
        describe(event, at).send();
    }
    if (at + size > shadow->region->end) return outside(shadow->region->end, size, flags, pc);
    if ((flags & write) && shadow->region->read_only && once(pc, 4)) {
        Event event("write_constant");
        describe(event.here().with("pc", pc), at).send();
    }
    if (shadow->region->kind == Kind::global) {
        Work& mine = work[(size_t)block_serial * threads_per_block + running->linear];
        ++(flags & write ? mine.stores : mine.loads);
    }
    while (size) {
        size_t room = cell_bytes - (size_t)(at - shadow->begin) % cell_bytes;
        size_t part = size < room ? size : room;
        in_cell(*shadow, at, part, whole, flags, pc);
        at += part;
        size -= part;
    }
}

void order_by(const void* address) {
    std::set<uint32_t>& there = released[address];
    uint32_t me = running->linear;
    for (uint32_t block : there)
        if (block != block_serial && acquired[me].insert(block).second) across_blocks = true;
    if (fenced[me]) there.insert(block_serial);
}
}  // namespace

namespace watch {
const bool fresh_memory = false;
void launch_begins() {
    reported.clear();
    said.clear();
    released.clear();
    block_of.clear();
    across_blocks = false;
    work.assign(launched.blocks.size() * threads_per_block, Work{});
}
void launch_ends() {
    std::vector<uint32_t> data{(uint32_t)block_of.size(), threads_per_block};
    for (const Index& block : block_of) data.insert(data.end(), {block.x, block.y, block.z});
    for (size_t i = 0; i < block_of.size() * threads_per_block; ++i)
        data.insert(data.end(), {work[i].loads, work[i].stores});
    frame("WORK", data.data(), data.size() * sizeof data[0]);
}
void block_begins() {
    block_serial = (uint32_t)block_of.size();
    block_of.push_back(block_running);
    barriers = 0;
    memset(clocks, 0, sizeof clocks);
    acquired.assign(threads_per_block, {});
    fenced.assign(threads_per_block, false);
    across_blocks = false;
}
void thread_begins(Fiber&) {}
void thread_enters(Fiber&) {}
void thread_leaves(Fiber&) {}
void thread_ends(Fiber&) {}
void leaves(Fiber* from, Fiber*) {
    if (from) settle();
}
void arrives(Fiber*) {}
void waits_at_barrier(Fiber&) {}
void passes_barrier(Fiber&) {}
void waits_for_warp(Fiber&) {}
void passes_warp(Fiber&, unsigned) {}
void block_synced() {
    ++barriers;
    if (!across_blocks) return;
    std::set<uint32_t> all;
    for (const auto& one : acquired) all.insert(one.begin(), one.end());
    acquired.assign(threads_per_block, all);
}
void warp_synced(Fiber* first, unsigned lanes) {
    Clocks joined{};
    for (unsigned i = 0; i < 32; ++i)
        if (lanes >> i & 1u)
            for (unsigned k = 0; k < 32; ++k)
                if (clocks[first[i].linear].of[k] > joined.of[k]) joined.of[k] = clocks[first[i].linear].of[k];
    for (unsigned i = 0; i < 32; ++i)
        if (lanes >> i & 1u) ++joined.of[i];
    for (unsigned i = 0; i < 32; ++i)
        if (lanes >> i & 1u) clocks[first[i].linear] = joined;
}
void allocates(bool) {}
void finds() {}
void allows(Region& region) {
    char* begin = region.begin - (uintptr_t)region.begin % cell_bytes;
    size_t count = (size_t)(region.end - begin + (ptrdiff_t)cell_bytes - 1) / cell_bytes;
    Cell* cells = (Cell*)calloc(count ? count : 1, sizeof(Cell));
    if (!cells) abort();
    shadows.push_back({&region, cells, begin});
}
void forbids(void*, void*) {}
void forgets(Region& region) {
    for (size_t i = 0; i < shadows.size(); ++i)
        if (shadows[i].region == &region) {
            free(shadows[i].cells);
            shadows.erase(shadows.begin() + (ptrdiff_t)i);
            return;
        }
}
void fences(Fiber& fiber) { fenced[fiber.linear] = true; }
}  // namespace watch
}  // namespace on_cpu

using namespace on_cpu;
#define CALLER __builtin_return_address(0)
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_read_range(void* p, size_t size) { access(p, size, 0, CALLER, false); }
void __tsan_write_range(void* p, size_t size) { access(p, size, write, CALLER, false); }
void* __tsan_memcpy(void* to, const void* from, size_t size) {
    access(from, size, 0, CALLER, false);
    access(to, size, write, CALLER, false);
    return memcpy(to, from, size);
}
void* __tsan_memmove(void* to, const void* from, size_t size) {
    access(from, size, 0, CALLER, false);
    access(to, size, write, CALLER, false);
    return memmove(to, from, size);
}
void* __tsan_memset(void* to, int value, size_t size) {
    access(to, size, write, CALLER, false);
    return memset(to, value, size);
}
#define PLAIN(bytes)                                                                             \
    void __tsan_read##bytes(void* p) { access(p, bytes, 0, CALLER, true); }                      \
    void __tsan_write##bytes(void* p) { access(p, bytes, write, CALLER, true); }                 \
    void __tsan_volatile_read##bytes(void* p) { access(p, bytes, 0, CALLER, true); }             \
    void __tsan_volatile_write##bytes(void* p) { access(p, bytes, write, CALLER, true); }        \
    void __tsan_unaligned_read##bytes(void* p) { access(p, bytes, 0, CALLER, false); }           \
    void __tsan_unaligned_write##bytes(void* p) { access(p, bytes, write, CALLER, false); }      \
    void __tsan_read_write##bytes(void* p) {                                                     \
        access(p, bytes, 0, CALLER, true);                                                       \
        access(p, bytes, write, CALLER, true);                                                   \
    }
PLAIN(1) PLAIN(2) PLAIN(4) PLAIN(8) PLAIN(16)
// All threads of a kernel are fibers of one thread of the system: plain code is atomic here.
#define ATOMIC(bits, T)                                                                          \
    T __tsan_atomic##bits##_load(const volatile T* p, int) {                                     \
        access((const void*)p, bits / 8, atomic, CALLER, true);                                  \
        return *p;                                                                               \
    }                                                                                            \
    void __tsan_atomic##bits##_store(volatile T* p, T value, int) {                              \
        access((const void*)p, bits / 8, write | atomic, CALLER, true);                          \
        *p = value;                                                                              \
    }                                                                                            \
    T __tsan_atomic##bits##_compare_exchange_val(volatile T* p, T expected, T value, int, int) { \
        access((const void*)p, bits / 8, write | atomic, CALLER, true);                          \
        order_by((const void*)p);                                                                \
        T old = *p;                                                                              \
        if (old == expected) *p = value;                                                         \
        return old;                                                                              \
    }                                                                                            \
    int __tsan_atomic##bits##_compare_exchange_strong(                                           \
        volatile T* p, T* expected, T value, int, int) {                                         \
        access((const void*)p, bits / 8, write | atomic, CALLER, true);                          \
        order_by((const void*)p);                                                                \
        T old = *p;                                                                              \
        if (old == *expected) *p = value;                                                        \
        bool done = old == *expected;                                                            \
        *expected = old;                                                                         \
        return done;                                                                             \
    }                                                                                            \
    int __tsan_atomic##bits##_compare_exchange_weak(                                             \
        volatile T* p, T* expected, T value, int a, int b) {                                     \
        return __tsan_atomic##bits##_compare_exchange_strong(p, expected, value, a, b);          \
    }
ATOMIC(16, uint16_t) ATOMIC(32, uint32_t) ATOMIC(64, uint64_t)
}
