// How a launch reaches a kernel: the compiler itself says what the kernel takes.
#pragma once
#include "table.h"

namespace on_cpu {
template <class T> struct Code { static const char value = '?'; static const unsigned lanes = 1; };
#define ON_CPU_CODE(T, letter, count)                                                            \
    template <> struct Code<T> { static const char value = letter; static const unsigned lanes = count; };
#define ON_CPU_CODES(T, scalar, letter)                                                          \
    ON_CPU_CODE(scalar, letter, 1)                                                               \
    ON_CPU_CODE(T##2, letter, 2) ON_CPU_CODE(T##3, letter, 3) ON_CPU_CODE(T##4, letter, 4)
ON_CPU_CODES(char, signed char, 'i') ON_CPU_CODES(uchar, unsigned char, 'u')
ON_CPU_CODES(short, short, 'i') ON_CPU_CODES(ushort, unsigned short, 'u')
ON_CPU_CODES(int, int, 'i') ON_CPU_CODES(uint, unsigned, 'u')
ON_CPU_CODES(longlong, long long, 'i') ON_CPU_CODES(ulonglong, unsigned long long, 'u')
ON_CPU_CODES(float, float, 'f') ON_CPU_CODES(double, double, 'f')
ON_CPU_CODE(char, 'i', 1) ON_CPU_CODE(bool, 'u', 1)
ON_CPU_CODE(long, 'i', 1) ON_CPU_CODE(unsigned long, 'u', 1)
ON_CPU_CODE(__half, 'f', 1) ON_CPU_CODE(__half2, 'f', 2)
ON_CPU_CODE(__nv_bfloat16, 'b', 1) ON_CPU_CODE(__nv_bfloat162, 'b', 2)

template <class T> struct Bare { using type = T; };
template <class T> struct Bare<const T> { using type = T; };
template <class T> struct Bare<volatile T> { using type = T; };
template <class T, size_t N> struct Bare<T[N]> { using type = typename Bare<T>::type; };
template <class T, size_t N> struct Bare<const T[N]> { using type = typename Bare<T>::type; };
template <class T> struct IsConst { static const bool value = false; };
template <class T> struct IsConst<const T> { static const bool value = true; };

template <class T> constexpr Parameter element(bool pointer, bool constant) {
    using B = typename Bare<T>::type;
    return {Code<B>::value, (unsigned)(sizeof(B) / Code<B>::lanes), Code<B>::lanes, pointer, constant};
}
template <class T> struct Take {
    static constexpr Parameter parameter() { return element<T>(false, false); }
    static T from(const Value& v) { return v.real ? T(v.number) : T(v.whole); }
};
template <class T> struct Take<const T> : Take<T> {};
template <class T> struct Take<T*> {
    static constexpr Parameter parameter() { return element<T>(true, IsConst<T>::value); }
    static T* from(const Value& v) { return (T*)v.pointer; }
};
template <> struct Take<void*> {
    static constexpr Parameter parameter() { return {'?', 1, 1, true, false}; }
    static void* from(const Value& v) { return v.pointer; }
};

template <size_t...> struct Numbers {};
template <size_t N, size_t... I> struct Count : Count<N - 1, N - 1, I...> {};
template <size_t... I> struct Count<0, I...> { using type = Numbers<I...>; };

template <auto> struct Call;
template <class... Args, void (*Function)(Args...)> struct Call<Function> {
    static constexpr Parameter parameters[sizeof...(Args) + 1] = {Take<Args>::parameter()...};
    template <size_t... I> static void run_with(const Value* values, Numbers<I...>) {
        Function(Take<Args>::from(values[I])...);
    }
    static void run(const void* values) {
        run_with((const Value*)values, typename Count<sizeof...(Args)>::type());
    }
    static constexpr Kernel as(const char* name) { return {name, sizeof...(Args), parameters, run}; }
};
}
