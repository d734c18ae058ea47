// The table of what can be launched: written beside the student's file (call.h), read by host.cpp.
#pragma once

namespace on_cpu {
struct Value {
    bool real;
    long long whole;
    double number;
    void* pointer;
};
// 'f' float, 'b' bfloat16, 'i' and 'u' integers, '?' what no launch can pass.
struct Parameter {
    char code;
    unsigned size, lanes;
    bool pointer, constant;
};
struct Kernel {
    const char* name;
    int count;
    const Parameter* parameters;
    void (*run)(const void*);
};
struct Constant {
    const char* name;
    void* address;
    size_t size;
    Parameter type;
};
extern const Kernel kernels[];
extern const Constant constants[];
}
