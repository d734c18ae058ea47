// The host side of a program: reads requests from standard input, launches, answers on standard
// output. One request is one launch; protocol.py writes them and reads the answers.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine.h"
#include "table.h"

namespace on_cpu {
namespace {
constexpr uint32_t magic = 0x31555043;  // "CPU1"
enum : uint32_t { scalar_whole = 0, scalar_real = 1, array_in = 2, array_out = 3 };

// Kernels take their arguments from here, not from the heap: a watch knows this memory as ours.
constexpr size_t most_arguments = 64;
Value values[most_arguments];

struct Argument {
    uint32_t kind = 0;
    std::string code;   // as NumPy names it: f4, i4, u1
    std::string name;
    Value value{};
    uint64_t bytes = 0;
    char* whole = nullptr;       // the mapping with its guards
    std::vector<char> before;    // to see what changed
    Region region{};
};

bool read_all(void* into, size_t size) {
    char* at = (char*)into;
    while (size) {
        ssize_t got = read(0, at, size);
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}
template <class T> T number() {
    T value;
    if (!read_all(&value, sizeof value)) exit(0);
    return value;
}
std::string text() {
    std::string value(number<uint32_t>(), '\0');
    if (!read_all(&value[0], value.size())) exit(0);
    return value;
}

size_t whole_bytes(const Argument& a) { return (a.bytes + page - 1) / page * page + 2 * guard_bytes; }

// An array between two guards filled with the poison: NaN for who reads there, proof of who writes.
void place(Argument& a) {
    a.whole = (char*)mmap(nullptr, whole_bytes(a), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (a.whole == MAP_FAILED) out_of_memory("the arrays of the launch");
    memset(a.whole, poison_byte, whole_bytes(a));
    a.value.pointer = a.whole + guard_bytes;
    if (a.kind != array_out) return;
    // Not the poison: a NaN read from elsewhere and written here must not look like nothing written.
    // As a float it is a signalling NaN, which no arithmetic returns (launch.py knows it, too).
    uint64_t unwritten = a.code.back() == '8' ? 0xfff7ffbfffbfffbfull : 0xffbfffbfffbfffbfull;
    if (a.code.back() == '1') unwritten = 0xbfbfbfbfbfbfbfbfull;
    for (size_t i = 0; i < a.bytes; ++i) ((unsigned char*)a.value.pointer)[i] = ((unsigned char*)&unwritten)[i % 8];
}

Argument argument() {
    Argument a;
    a.kind = number<uint32_t>();
    a.name = text();
    if (a.kind == scalar_whole) a.value = {false, number<int64_t>(), 0, nullptr};
    else if (a.kind == scalar_real) a.value = {true, 0, number<double>(), nullptr};
    else {
        a.code = text();
        a.bytes = number<uint64_t>();
        place(a);
        if (a.kind == array_in && !read_all(a.value.pointer, a.bytes)) exit(0);
    }
    return a;
}

std::string named(const Parameter& p) {
    std::string name = p.code == '?' ? "a type that no launch can pass"
        : p.code == 'b' ? "bfloat16" : p.code == 'f' ? "float" : p.code == 'i' ? "int" : "unsigned";
    if (p.code != '?' && p.code != 'b') name += std::to_string(8 * p.size);
    if (p.lanes > 1) name += " x " + std::to_string(p.lanes);
    return name + (p.pointer ? "*" : "");
}
std::string brought(const Argument& a) {
    return a.kind == scalar_whole ? "a whole number" : a.kind == scalar_real ? "a real number" : "an array of " + a.code;
}
bool fits(const Parameter& p, const Argument& a) {
    if (p.code == '?') return false;
    if (a.kind == scalar_whole) return !p.pointer && p.lanes == 1;
    if (a.kind == scalar_real) return !p.pointer && p.lanes == 1 && (p.code == 'f' || p.code == 'b');
    if (!p.pointer) return false;
    bool kind = p.code == a.code[0] || (p.code == 'b' && a.code[0] == 'u')
        || (a.code[0] != 'f' && p.code != 'f' && p.code != 'b' && p.size == 1);
    return kind && std::to_string(p.size) == a.code.substr(1);
}

void add_region(Region& region, const Argument& a, Kind kind, const Parameter& p, bool read_only) {
    region = Region{(char*)a.value.pointer, (char*)a.value.pointer + a.bytes, kind, a.name, p.size,
                    0, a.kind == array_in, read_only};
    regions.push_back(&region);
    watch::forbids(a.whole, a.whole + whole_bytes(a));
    watch::allows(region);
}

// What lies outside of an array and is not poison any more was written by the kernel.
void look_at_guards(const Argument& a) {
    const char *begin = (const char*)a.value.pointer, *end = begin + a.bytes;
    const char* stop = a.whole + whole_bytes(a);
    for (const char* at = end; at < stop; ++at)
        if ((unsigned char)*at != poison_byte) {
            Event event("overrun");
            describe(event, at < end + guard_bytes ? at : end).send();
            break;
        }
    for (const char* at = begin - 1; at >= a.whole; --at)
        if ((unsigned char)*at != poison_byte) {
            Event event("overrun");
            describe(event, at > begin - (long)guard_bytes ? at : begin - 1).send();
            break;
        }
}

const Kernel* find(const std::string& name) {
    for (const Kernel* k = kernels; k->name; ++k)
        if (name == k->name) return k;
    return nullptr;
}

bool check(const Kernel* kernel, const std::string& name, const std::vector<Argument>& arguments) {
    if (!kernel) {
        Event("no_kernel").with("what", name).send();
        return false;
    }
    if ((size_t)kernel->count != arguments.size() || arguments.size() > most_arguments) {
        Event("argument_count").with("takes", kernel->count).with("given", (long long)arguments.size()).send();
        return false;
    }
    for (int i = 0; i < kernel->count; ++i)
        if (!fits(kernel->parameters[i], arguments[(size_t)i])) {
            Event("argument").with("position", i + 1).with("variable", arguments[(size_t)i].name)
                .with("takes", named(kernel->parameters[i])).with("given", brought(arguments[(size_t)i])).send();
            return false;
        }
    return true;
}

void set_constants(std::vector<Argument>& given) {
    for (Argument& a : given) {
        const Constant* found = nullptr;
        for (const Constant* c = constants; c->name; ++c)
            if (a.name == c->name) found = c;
        if (!found || found->size != a.bytes || !fits(found->type, a)) {
            Event("constant").with("variable", a.name).with("given", (long long)a.bytes)
                .with("takes", found ? (long long)found->size : -1).send();
            continue;
        }
        memcpy(found->address, a.value.pointer, a.bytes);
    }
}

void answer(const Kernel& kernel, std::vector<Argument>& arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
        Argument& a = arguments[i];
        if (!a.whole) continue;
        look_at_guards(a);
        if (kernel.parameters[i].constant) {
            if (memcmp(a.before.data(), a.value.pointer, a.bytes))
                Event("changed_constant").with("variable", a.name).send();
            continue;
        }
        std::vector<char> data(4 + a.bytes);
        uint32_t position = (uint32_t)i;
        memcpy(data.data(), &position, 4);
        memcpy(data.data() + 4, a.value.pointer, a.bytes);
        frame("ARRY", data.data(), data.size());
    }
}

bool serve() {
    uint32_t first;
    if (!read_all(&first, sizeof first) || first != magic) return false;
    Launch launch;
    std::string name = text();
    auto size = [] { unsigned x = number<uint32_t>(), y = number<uint32_t>(); return dim3(x, y, number<uint32_t>()); };
    launch.grid = size();
    launch.block = size();
    launch.shared = number<uint64_t>();
    launch.seed = number<uint64_t>();
    launch.poison = (unsigned char)number<uint32_t>();
    launch.trace = number<uint32_t>() != 0;
    unsigned deadline_ms = number<uint32_t>();
    for (uint32_t i = 0, count = number<uint32_t>(); i < count; ++i) {
        dim3 block = size();
        launch.blocks.push_back({block.x, block.y, block.z});
    }
    std::vector<Argument> arguments(number<uint32_t>()), given;
    for (Argument& a : arguments) a = argument();
    given.resize(number<uint32_t>());
    for (Argument& a : given) a = argument();
    events_sent = 0;
    const Kernel* kernel = find(name);
    if (check(kernel, name, arguments)) {
        set_constants(given);
        for (size_t i = 0; i < arguments.size(); ++i) {
            Argument& a = arguments[i];
            values[i] = a.value;
            if (!a.whole) continue;
            const Parameter& p = kernel->parameters[i];
            if (p.constant) a.before.assign((char*)a.value.pointer, (char*)a.value.pointer + a.bytes);
            add_region(a.region, a, Kind::global, p, p.constant);
        }
        std::vector<Region> fixed;
        fixed.reserve(64);
        for (const Constant* c = constants; c->name && fixed.size() < 64; ++c) {
            fixed.push_back(Region{(char*)c->address, (char*)c->address + c->size, Kind::constant, c->name,
                                   c->type.size, 0, true, true});
            regions.push_back(&fixed.back());
            watch::allows(fixed.back());
        }
        launch.kernel = kernel->run;
        launch.values = values;
        catch_signals(deadline_ms);
        run(launch);
        catch_signals(0);
        for (Region* region : regions) watch::forgets(*region);
        answer(*kernel, arguments);
        regions.clear();
        send_trace();
    }
    for (std::vector<Argument>* all : {&arguments, &given})
        for (Argument& a : *all)
            if (a.whole) munmap(a.whole, whole_bytes(a));
    frame("DONE", "", 0);
    return true;
}
}  // namespace
}  // namespace on_cpu

int main() {
    while (on_cpu::serve()) {}
    return 0;
}
