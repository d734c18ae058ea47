// Where the compiler finds at run time that an operation is undefined (-fsanitize=undefined), it
// calls these; no sanitizer library is linked. Each is told where in the source it happened.
#include <cstring>
#include <set>
#include <tuple>

#include "engine.h"

namespace on_cpu {
namespace {
struct Place {
    const char* file;
    uint32_t line, column;
};
struct Type {
    uint16_t kind, info;
    char name[1];
};
struct Data {  // how all of them begin; type_mismatch goes on with an alignment
    Place place;
    const Type* type;
    unsigned char log_alignment, check;
};

// Inside of a function of CUDA the line is not the student's; then the program counter says it.
void report(const Data* data, const char* what, const void* caller, long long index = 0, bool typed = false) {
    static std::set<std::tuple<uint32_t, uint32_t, const char*>> said;
    if (!running || !said.insert({data->place.line, data->place.column, what}).second) return;
    Event event("undefined");
    event.here().with("what", std::string(what)).with("index", index);
    const char* file = data->place.file ? data->place.file : "";
    bool ours = strstr(file, "runtime/") != nullptr;
    if (ours) event.with("pc", (long long)(uintptr_t)caller);
    else event.with("line", data->place.line);
    if (typed && data->type) event.with("type", std::string(data->type->name));
    event.send();
}
}
}

using on_cpu::Data;
using on_cpu::report;
#define CALLER __builtin_return_address(0)
#define HANDLER(name, what, ...)                                                                 \
    void __ubsan_handle_##name(Data* data __VA_ARGS__) { report(data, what, CALLER); }
extern "C" {
void __ubsan_handle_type_mismatch_v1(Data* data, void* pointer) {
    if (!pointer) return report(data, "null", CALLER);
    size_t alignment = (size_t)1 << data->log_alignment;
    if ((uintptr_t)pointer % alignment) report(data, "misaligned", CALLER, (long long)alignment, true);
}
void __ubsan_handle_out_of_bounds(Data* data, void* index) {
    report(data, "index", CALLER, (long long)(intptr_t)index, true);
}
HANDLER(shift_out_of_bounds, "shift", , void*, void*)
HANDLER(divrem_overflow, "divide", , void*, void*)
HANDLER(add_overflow, "overflow", , void*, void*)
HANDLER(sub_overflow, "overflow", , void*, void*)
HANDLER(mul_overflow, "overflow", , void*, void*)
HANDLER(negate_overflow, "overflow", , void*)
HANDLER(pointer_overflow, "pointer", , void*, void*)
HANDLER(load_invalid_value, "value", , void*)
HANDLER(float_cast_overflow, "conversion", , void*)
HANDLER(vla_bound_not_positive, "size", , void*)
HANDLER(nonnull_arg, "null")
HANDLER(invalid_builtin, "builtin")
void __ubsan_handle_alignment_assumption(Data* data, void*, void*, void*) { report(data, "misaligned", CALLER); }
void __ubsan_handle_builtin_unreachable(Data* data) {
    report(data, "unreachable", CALLER);
    __builtin_trap();
}
void __ubsan_handle_missing_return(Data* data) {
    report(data, "missing return", CALLER);
    __builtin_trap();
}
}
