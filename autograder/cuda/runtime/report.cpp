// Everything that leaves the process: frames on standard output (protocol.py reads them).
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine.h"

namespace on_cpu {
int events_sent = 0;
std::vector<Region*> regions;

namespace {
constexpr int most_events = 64;
constexpr size_t most_text = 16 * 1024, most_trace = 4 * 1024 * 1024;
volatile sig_atomic_t writing = 0, late = 0;
size_t printed = 0;
std::string traced;
unsigned step = 0;

void out_of_time() {
    writing = 0;
    if (running) Event("timeout").here().send();
    else Event("timeout").send();
    _exit(3);
}

void write_all(const void* data, size_t size) {
    const char* at = (const char*)data;
    while (size) {
        ssize_t sent = write(1, at, size);
        if (sent <= 0) _exit(5);
        at += sent;
        size -= (size_t)sent;
    }
}
}  // namespace

void frame(const char tag[4], const void* data, size_t size) {
    writing = 1;
    uint64_t length = size;
    write_all(tag, 4);
    write_all(&length, 8);
    write_all(data, size);
    writing = 0;
    if (late) out_of_time();
}

Event::Event(const char* kind) : text(std::string("kind=") + kind) {}
Event& Event::with(const char* key, long long value) { return with(key, std::to_string(value)); }
Event& Event::with(const char* key, const std::string& value) {
    text += '\t';
    text += key;
    text += '=';
    for (char c : value) text += c == '\t' || c == '\n' ? ' ' : c;
    return *this;
}
Event& Event::here() {
    if (running) with("thread", (long long)running->linear);
    return with("block", (long long)block_running.x).with("block_y", (long long)block_running.y)
        .with("block_z", (long long)block_running.z);
}
void Event::send() {
    if (++events_sent <= most_events) frame("EVNT", text.data(), text.size());
}

void out_of_memory(const char* what) {
    Event("no_memory").with("what", std::string(what)).send();
    _exit(4);
}

int print(const char* format, ...) {
    char line[1024];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    size_t size = length < 0 ? 0 : (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    if (printed + size <= most_text) frame("TEXT", line, size);
    printed += size;
    return length;
}

void trace(const char* what, const Fiber& fiber) {
    if (!launched.trace || traced.size() > most_trace) return;
    char line[128];
    int size = snprintf(line, sizeof line, "%u %u %u %u %u %s %d\n", step++, block_running.x,
                        block_running.y, block_running.z, fiber.linear, what, fiber.line);
    traced.append(line, (size_t)size);
}
void send_trace() {
    if (launched.trace) frame("TRAC", traced.data(), traced.size());
    traced.clear();
    step = 0;
    printed = 0;
}

const Region* region_near(const void* address) {
    const Region* nearest = nullptr;
    size_t least = guard_bytes;
    for (const Region* region : regions) {
        const char* at = (const char*)address;
        size_t away = at < region->begin ? (size_t)(region->begin - at)
                                         : at < region->end ? 0 : (size_t)(at - region->end) + 1;
        if (away < least) {
            least = away;
            nearest = region;
        }
    }
    return nearest;
}

Event& describe(Event& event, const void* address) {
    const Region* region = region_near(address);
    if (!region) return event;
    long long bytes = (const char*)address - region->begin, element = region->element;
    long long index = bytes >= 0 ? bytes / element : -((-bytes + element - 1) / element);
    static const char* const kinds[] = {"global", "constant", "shared", "dynamic"};
    return event.with("variable", region->name).with("index", index)
        .with("count", (region->end - region->begin) / element)
        .with("memory", std::string(kinds[(int)region->kind])).with("declared", region->line)
        .with("width", region->width).with("height", region->height);
}

namespace {
// One past where it stopped, as if it were the address to which a call returns.
long long program_counter(void* context) {
#if defined(__linux__) && defined(__x86_64__)
    return (long long)((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP] + 1;
#elif defined(__linux__) && defined(__aarch64__)
    return (long long)((ucontext_t*)context)->uc_mcontext.pc + 1;
#else
    (void)context;
    return 0;
#endif
}

void on_alarm(int, siginfo_t*, void* context) {
    if (writing) {
        late = 1;
        return;
    }
    Event event("timeout");
    if (running) event.here().with("pc", program_counter(context));
    event.send();
    _exit(3);
}

void on_crash(int signal_number, siginfo_t* info, void* context) {
    if (writing) _exit(5);
    if (!running) {
        Event("died").with("signal", signal_number).send();
        _exit(5);
    }
    Event event("crash");
    event.here().with("signal", signal_number).with("pc", program_counter(context));
    const char* at = (const char*)info->si_addr;
    bool overflow = at >= running->stack - page && at < running->stack;
    event.with("stack", overflow);
    if (!overflow && signal_number != SIGFPE) describe(event, at);
    event.send();
    _exit(3);
}
}  // namespace

void catch_signals(unsigned deadline_ms) {
    static char* stack = nullptr;
    if (!stack) {
        constexpr size_t size = 128 * 1024;
        stack = (char*)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        stack_t other{};
        other.ss_sp = stack;
        other.ss_size = size;
        sigaltstack(&other, nullptr);
        struct sigaction crash{}, alarm{};
        crash.sa_flags = alarm.sa_flags = SA_SIGINFO | SA_ONSTACK;
        crash.sa_sigaction = on_crash;
        alarm.sa_sigaction = on_alarm;
        for (int signal_number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP})
            sigaction(signal_number, &crash, nullptr);
        sigaction(SIGPROF, &alarm, nullptr);
    }
    struct itimerval timer{};
    timer.it_value.tv_sec = deadline_ms / 1000;
    timer.it_value.tv_usec = (deadline_ms % 1000) * 1000;
    setitimer(ITIMER_PROF, &timer, nullptr);  // time of the processor: a busy machine costs nothing
}
}  // namespace on_cpu
