// Atomic updates. All of them are one loop of compare-and-swap with the compiler's own builtins,
// so that a checker which watches memory sees that they are atomic.
#pragma once

namespace on_cpu {
template <size_t Bytes> struct Word;
template <> struct Word<2> { using type = unsigned short; };
template <> struct Word<4> { using type = unsigned; };
template <> struct Word<8> { using type = unsigned long long; };

// Replace *p by update(*p) and return what was there before.
template <class T, class Update> ON_CPU_INLINE T update(T* p, Update change) {
    using W = typename Word<sizeof(T)>::type;
    W* address = reinterpret_cast<W*>(p);
    W before = __atomic_load_n(address, __ATOMIC_RELAXED), after;
    T old;
    do {
        __builtin_memcpy(&old, &before, sizeof(T));
        T next = change(old);
        __builtin_memcpy(&after, &next, sizeof(T));
    } while (!__atomic_compare_exchange_n(
        address, &before, after, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
}
template <class T> struct Same { using type = T; };  // the pointer alone decides what T is
}
#define ON_CPU_ATOMIC(name, expression)                                                          \
    template <class T> ON_CPU_INLINE T name(T* p, typename on_cpu::Same<T>::type value) {        \
        return on_cpu::update(p, [=](T old) { return (T)(expression); });                        \
    }                                                                                            \
    template <class T> ON_CPU_INLINE T name##_block(T* p, typename on_cpu::Same<T>::type value) { \
        return name(p, value);                                                                   \
    }
ON_CPU_ATOMIC(atomicAdd, old + value)
ON_CPU_ATOMIC(atomicSub, old - value)
ON_CPU_ATOMIC(atomicExch, value)
ON_CPU_ATOMIC(atomicMin, value < old ? value : old)
ON_CPU_ATOMIC(atomicMax, old < value ? value : old)
ON_CPU_ATOMIC(atomicAnd, old & value)
ON_CPU_ATOMIC(atomicOr, old | value)
ON_CPU_ATOMIC(atomicXor, old ^ value)
ON_CPU_ATOMIC(atomicInc, old >= value ? 0 : old + 1)
ON_CPU_ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1)
#undef ON_CPU_ATOMIC
template <class T>
ON_CPU_INLINE T atomicCAS(
    T* p, typename on_cpu::Same<T>::type expected, typename on_cpu::Same<T>::type value) {
    using W = typename on_cpu::Word<sizeof(T)>::type;
    W before, after;
    __builtin_memcpy(&before, &expected, sizeof(T));
    __builtin_memcpy(&after, &value, sizeof(T));
    __atomic_compare_exchange_n(
        reinterpret_cast<W*>(p), &before, after, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    __builtin_memcpy(&expected, &before, sizeof(T));
    return expected;
}
