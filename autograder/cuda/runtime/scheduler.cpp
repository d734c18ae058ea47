// The scheduler: one fiber per CUDA thread, one block after another. A fiber runs until it waits in
// a barrier or a warp operation, or ends; the order in which fibers run is the schedule (a seed).
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine.h"

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(ON_CPU_UCONTEXT)
#define OWN_SWITCH 1
#else
#include <ucontext.h>
#endif

namespace on_cpu {
Fiber* running = nullptr;
Index block_running{};
Launch launched;
unsigned threads_per_block = 0;

namespace {
std::vector<Fiber> fibers;
Fiber scheduler;
uint64_t random_state = 0;
int votes = 0;       // of a barrier: how many predicates hold
int last_votes = 0;
bool stuck = false;  // an error that ends the block

unsigned random_number() {
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(random_state >> 33);
}

#ifdef OWN_SWITCH
extern "C" void on_cpu_switch(void** save_here, void* go_there);
#ifdef __APPLE__
#define SYMBOL "_on_cpu_switch"
#else
#define SYMBOL "on_cpu_switch"
#endif
// Push what a callee must keep, swap the stack pointers, pop.
#ifdef __x86_64__
asm(".text\n.globl " SYMBOL "\n" SYMBOL ":\n"
    "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
    "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
    "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n");
#else
asm(".text\n.globl " SYMBOL "\n.p2align 2\n" SYMBOL ":\n"
    "sub sp,sp,#160\n"
    "stp x19,x20,[sp,#0]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\n"
    "stp x27,x28,[sp,#64]\nstp x29,x30,[sp,#80]\n"
    "stp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\nstp d12,d13,[sp,#128]\nstp d14,d15,[sp,#144]\n"
    "mov x9,sp\nstr x9,[x0]\nmov sp,x1\n"
    "ldp x19,x20,[sp,#0]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\n"
    "ldp x27,x28,[sp,#64]\nldp x29,x30,[sp,#80]\n"
    "ldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\nldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\n"
    "add sp,sp,#160\nret\n");
#endif
#endif

void go(Fiber* from, Fiber* to) {
    watch::leaves(from == &scheduler ? nullptr : from, to == &scheduler ? nullptr : to);
#ifdef OWN_SWITCH
    on_cpu_switch(&from->stack_pointer, to->stack_pointer);
#else
    swapcontext((ucontext_t*)from->context, (ucontext_t*)to->context);
#endif
    watch::arrives(from == &scheduler ? nullptr : from);
}

void wait(State state, int line) {
    Fiber* me = running;
    me->state = state;
    me->line = line;
    trace(state == State::at_barrier ? "barrier" : "warp", *me);
    go(me, &scheduler);
    trace("run", *me);
}

void entry() {
    Fiber* me = running;
    watch::thread_enters(*me);
    trace("run", *me);
    launched.kernel(launched.values);
    me->state = State::done;
    trace("done", *me);
    watch::thread_leaves(*me);
    go(me, &scheduler);
    abort();
}

void prepare(Fiber& fiber, unsigned linear) {
    if (!fiber.stack) {  // with a page below it that nothing may touch
        char* whole = (char*)mmap(nullptr, stack_bytes + page, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (whole == MAP_FAILED) out_of_memory("the stacks of the threads");
        mprotect(whole, page, PROT_NONE);
        fiber.stack = whole + page;
    }
    dim3 size = launched.block;
    fiber.linear = linear;
    fiber.thread = {linear % size.x, linear / size.x % size.y, linear / size.x / size.y};
    fiber.state = State::ready;
    fiber.line = 0;
    watch::thread_begins(fiber);
#ifdef OWN_SWITCH
    void** top = (void**)(((uintptr_t)fiber.stack + stack_bytes - 64) & ~(uintptr_t)15);
#ifdef __x86_64__
    *--top = nullptr;  // where entry() would return to; it never does
    *--top = (void*)entry;
    for (int i = 0; i < 6; ++i) *--top = nullptr;
#else
    top -= 20;
    for (int i = 0; i < 20; ++i) top[i] = nullptr;
    top[11] = (void*)entry;  // x30
#endif
    fiber.stack_pointer = top;
#else
    if (!fiber.context) fiber.context = new ucontext_t;
    ucontext_t* context = (ucontext_t*)fiber.context;
    getcontext(context);
    context->uc_stack.ss_sp = fiber.stack;
    context->uc_stack.ss_size = stack_bytes;
    context->uc_link = nullptr;
    makecontext(context, entry, 0);
#endif
}

Event problem(const char* kind) {
    stuck = true;
    Event event(kind);
    event.with("block", (long long)block_running.x).with("block_y", (long long)block_running.y)
        .with("block_z", (long long)block_running.z);
    return event;
}

// A warp operation is carried out when every live lane that it names waits for it, too.
bool release_warps(size_t count) {
    bool released = false;
    for (size_t base = 0; base < count; base += 32) {
        size_t lanes = std::min<size_t>(32, count - base);
        Fiber* warp = &fibers[base];
        for (size_t i = 0; i < lanes; ++i) {
            Fiber& first = warp[i];
            if (first.state != State::in_warp) continue;
            unsigned present = 0;
            bool complete = true;
            for (size_t j = 0; j < lanes; ++j) {
                if (!(first.mask >> j & 1u) || warp[j].state == State::done) continue;
                if (warp[j].state != State::in_warp) complete = false;
                present |= 1u << j;
            }
            if (!complete) continue;
            for (size_t j = 0; j < lanes; ++j) {
                Fiber& other = warp[j];
                if (!(present >> j & 1u)) continue;
                if (other.line != first.line || other.what != first.what || other.mask != first.mask) {
                    problem("warp_differs").with("thread", (long long)first.linear).with("line", first.line)
                        .with("other", (long long)other.linear).with("other_line", other.line)
                        .with("mask", first.mask).with("other_mask", other.mask).send();
                    return false;
                }
            }
            unsigned long long voted = 0;
            for (size_t j = 0; j < lanes; ++j)
                if (present >> j & 1u) voted |= (unsigned long long)(warp[j].brought != 0) << j;
            for (size_t j = 0; j < lanes; ++j) {
                Fiber& other = warp[j];
                if (!(present >> j & 1u)) continue;
                if (other.what == 2) other.taken = voted;
                if (other.what != 1) continue;
                int source = other.source;
                if (source >= 0 && source < (int)lanes && present >> source & 1u) {
                    other.taken = warp[source].brought;
                } else if (other.source != (int)j) {
                    Event("lane_absent").with("thread", (long long)other.linear)
                        .with("block", (long long)block_running.x).with("block_y", (long long)block_running.y)
                        .with("block_z", (long long)block_running.z)
                        .with("line", other.line).with("lane", (long long)source)
                        .with("exists", source < (int)lanes).with("mask", other.mask).send();
                    other.taken = ~0ull;
                }
            }
            if (first.what == 0) watch::warp_synced(warp, present);
            for (size_t j = 0; j < lanes; ++j)
                if (present >> j & 1u) {
                    warp[j].mask = present;
                    warp[j].state = State::ready;
                }
            released = true;
        }
    }
    return released;
}

bool release_barrier(size_t count) {
    size_t waiting = 0, alive = 0;
    Fiber *first = nullptr, *other = nullptr, *gone = nullptr;
    for (size_t i = 0; i < count; ++i) {
        Fiber& fiber = fibers[i];
        alive += fiber.state != State::done;
        if (fiber.state == State::done) gone = gone ? gone : &fiber;
        if (fiber.state != State::at_barrier) continue;
        ++waiting;
        if (!first) first = &fiber;
        if (fiber.line != first->line && !other) other = &fiber;
    }
    if (!alive || waiting != alive) return false;
    if (other) {
        problem("barriers_differ").with("thread", (long long)first->linear).with("line", first->line)
            .with("other", (long long)other->linear).with("other_line", other->line).send();
        return false;
    }
    if (gone) {
        problem("left_barrier").with("thread", (long long)first->linear).with("line", first->line)
            .with("other", (long long)gone->linear).with("waiting", (long long)waiting)
            .with("gone", (long long)(count - alive)).send();
        return false;
    }
    last_votes = votes;
    votes = 0;
    watch::block_synced();
    for (size_t i = 0; i < count; ++i) fibers[i].state = State::ready;
    return true;
}

void report_deadlock(size_t count) {
    Fiber *barrier = nullptr, *warp = nullptr;
    for (size_t i = 0; i < count; ++i) {
        if (fibers[i].state == State::at_barrier && !barrier) barrier = &fibers[i];
        if (fibers[i].state == State::in_warp && !warp) warp = &fibers[i];
    }
    Event event = problem("deadlock");
    if (warp) event.with("thread", (long long)warp->linear).with("line", warp->line).with("mask", warp->mask);
    if (barrier) event.with("other", (long long)barrier->linear).with("other_line", barrier->line);
    event.send();
}

// Seed 0 runs threads in order, 1 in reverse; the others draw an order anew in every round, even
// ones keep the threads of a warp together.
void shuffle(std::vector<unsigned>& order) {
    size_t count = order.size();
    if (launched.seed < 2) return;
    if (launched.seed % 2) {
        for (size_t i = count - 1; i > 0; --i) std::swap(order[i], order[random_number() % (i + 1)]);
        return;
    }
    for (size_t low = 0; low < count; low += 32)
        for (size_t i = std::min(count, low + 32) - 1; i > low; --i)
            std::swap(order[i], order[low + random_number() % (i - low + 1)]);
    if (random_number() & 1) std::reverse(order.begin(), order.end());
}

void run_block() {
    size_t count = threads_per_block;
    watch::block_begins();
    begin_shared();
    votes = 0;
    for (size_t i = 0; i < count; ++i) prepare(fibers[i], (unsigned)i);
    std::vector<unsigned> order(count);
    for (size_t i = 0; i < count; ++i) order[i] = (unsigned)(launched.seed == 1 ? count - 1 - i : i);
    size_t done = 0;
    while (done < count && !stuck) {
        bool moved = false;
        shuffle(order);
        for (unsigned i : order) {
            Fiber& fiber = fibers[i];
            if (fiber.state != State::ready) continue;
            moved = true;
            running = &fiber;
            go(&scheduler, &fiber);
            running = nullptr;
            done += fiber.state == State::done;
        }
        moved |= release_warps(count);
        if (!stuck) moved |= release_barrier(count);
        if (!moved && !stuck && done < count) report_deadlock(count);
    }
    for (size_t i = 0; i < count; ++i) {
        watch::thread_ends(fibers[i]);
        if (!watch::fresh_memory) continue;
        munmap(fibers[i].stack - page, stack_bytes + page);
        fibers[i].stack = nullptr;
    }
    size_t bytes = end_shared();
    if (bytes > most_static_shared) problem("too_much_shared").with("bytes", (long long)bytes).send();
}
}  // namespace

void run(const Launch& launch) {
    launched = launch;
    threads_per_block = launch.block.x * launch.block.y * launch.block.z;
    stuck = false;
    random_state = launch.seed;
    if (fibers.size() < threads_per_block) fibers.resize(threads_per_block);
#ifndef OWN_SWITCH
    if (!scheduler.context) scheduler.context = new ucontext_t;
#endif
    std::vector<Index> blocks = launch.blocks;
    if (launch.seed == 1) std::reverse(blocks.begin(), blocks.end());
    if (launch.seed > 1)
        for (size_t i = blocks.size(); i > 1; --i) std::swap(blocks[i - 1], blocks[random_number() % i]);
    watch::launch_begins();
    for (const Index& block : blocks) {
        block_running = block;
        run_block();
        if (stuck) break;
    }
    watch::launch_ends();
    forget_shared();
}

// ---- what a kernel calls ----
uint3 thread_index() { Index t = running->thread; return {t.x, t.y, t.z}; }
uint3 block_index() { return {block_running.x, block_running.y, block_running.z}; }
dim3 block_size() { return launched.block; }
dim3 grid_size() { return launched.grid; }
unsigned lane() { return running->linear % 32; }

enum class Warp { sync, exchange, ballot };
unsigned long long warp(Warp what, unsigned mask, unsigned long long value, int source, int line) {
    Fiber* me = running;
    me->what = (int)what;
    me->mask = mask;
    me->brought = value;
    me->source = source;
    me->taken = value;
    if (!(mask >> (me->linear % 32) & 1u)) {
        Event("lane_not_named").here().with("line", line).with("mask", mask).send();
        return value;
    }
    watch::waits_for_warp(*me);
    wait(State::in_warp, line);
    if (what == Warp::sync) watch::passes_warp(*me, me->mask);
    return me->taken;
}

void gather(float* all, float mine, int line) {
    running->gathered = mine;
    warp(Warp::ballot, 0xffffffffu, 0, -1, line);
    Fiber* first = &fibers[running->linear / 32 * 32];
    for (unsigned i = 0; i < 32; ++i)
        all[i] = first[0].linear + i < threads_per_block ? first[i].gathered : 0.0f;
    warp(Warp::ballot, 0xffffffffu, 0, -1, line);
}

int barrier(int line, int predicate) {
    votes += predicate != 0;
    watch::waits_at_barrier(*running);
    wait(State::at_barrier, line);
    watch::passes_barrier(*running);
    return last_votes;
}

void fence() { watch::fences(*running); }

void failed(const char* what, int line) {
    Event("assertion").here().with("line", line).with("what", std::string(what)).send();
}
}  // namespace on_cpu
