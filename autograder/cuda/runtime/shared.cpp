// Shared memory of a block: the declarations met so far, in one arena, each between guards. Every
// block finds it poisoned anew; where a watch needs it, at new addresses.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "engine.h"

namespace on_cpu {
namespace {
struct Arena {
    char* begin = nullptr;
    size_t used = 0, size = 0;
};
Arena arena;
std::map<const void*, Region*> declared;
Region* dynamic_region = nullptr;
size_t static_bytes = 0;

Region* carve(Kind kind, size_t bytes, size_t element, const char* name, int line) {
    size_t step = (bytes + page - 1) / page * page + guard_bytes;
    if (arena.used + step > arena.size) {
        if (kind == Kind::dynamic || watch::fresh_memory) out_of_memory("the shared arrays");
        Event("too_much_shared").with("bytes", (long long)(static_bytes + bytes)).send();
        _exit(3);
    }
    char* begin = arena.begin + arena.used;
    arena.used += step;
    Region* region = new Region{begin, begin + bytes, kind, name, (unsigned)element, line, false, false, 0, 0};
    regions.push_back(region);
    watch::allows(*region);
    memset(begin, launched.poison, bytes);
    return region;
}
}  // namespace

void begin_shared() {
    if (!arena.begin) {
        arena.size = watch::fresh_memory ? (size_t)4 << 30 : (size_t)64 << 20;
        arena.begin = (char*)mmap(nullptr, arena.size, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (arena.begin == MAP_FAILED) out_of_memory("the shared arrays");
        watch::forbids(arena.begin, arena.begin + arena.size);
        arena.used = guard_bytes;
    }
    if (!watch::fresh_memory) arena.used = guard_bytes;
    static_bytes = 0;
    dynamic_region = launched.shared
        ? carve(Kind::dynamic, launched.shared, 4, "dynamic shared memory", 0) : nullptr;
}

size_t end_shared() {
    regions.erase(std::remove_if(regions.begin(), regions.end(), [](Region* region) {
        if (region->kind != Kind::shared && region->kind != Kind::dynamic) return false;
        watch::forgets(*region);
        delete region;
        return true;
    }), regions.end());
    declared.clear();
    return static_bytes;
}

void forget_shared() {
    if (watch::fresh_memory) arena.used = guard_bytes;
}

void* shared(const void* site, size_t bytes, size_t element, size_t width, size_t height,
             const char* name, int line) {
    auto found = declared.find(site);
    if (found == declared.end()) {
        watch::allocates(true);
        Region* region = carve(Kind::shared, bytes, element, name, line);
        region->width = (unsigned)width;
        region->height = (unsigned)height;
        static_bytes += bytes;
        found = declared.emplace(site, region).first;
        watch::allocates(false);
    }
    watch::finds();
    return found->second->begin;
}

void* dynamic_shared(size_t element, const char* name, int line) {
    if (!dynamic_region) {
        Event("no_dynamic_shared").here().with("line", line).with("variable", std::string(name)).send();
        launched.shared = 1;  // say it once; the memory is there, but too small for anything
        watch::allocates(true);
        dynamic_region = carve(Kind::dynamic, 1, element, name, line);
        watch::allocates(false);
    }
    if (!dynamic_region->line) {
        watch::allocates(true);
        dynamic_region->name = name;
        dynamic_region->line = line;
        dynamic_region->element = (unsigned)element;
        watch::allocates(false);
    }
    watch::finds();
    return dynamic_region->begin;
}
}  // namespace on_cpu
