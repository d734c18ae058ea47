// What a kernel sees: CUDA C++ on a CPU. Every thread is a fiber, the blocks run one after another,
// and a thread is left only where it waits (scheduler.cpp). `__shared__` declarations arrive here
// rewritten as calls of on_cpu::shared (source.py), everything else as the student wrote it.
#pragma once
#include "vectors.h"
#include "arithmetic.h"

#define __CUDA_ARCH__ 800
#define __CUDACC__ 1
#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline
#define __noinline__
#define __align__(bytes) alignas(bytes)
#define __launch_bounds__(...)
#define ON_CPU_INLINE inline __attribute__((always_inline))
// Where a kernel calls a function, for messages; it is the student's line, not ours.
#define ON_CPU_LINE int line = __builtin_LINE()

namespace on_cpu {
// Constant while a thread runs, so that the compiler may keep them in registers.
uint3 thread_index() __attribute__((const));
uint3 block_index() __attribute__((const));
dim3 block_size() __attribute__((const));
dim3 grid_size() __attribute__((const));
unsigned lane() __attribute__((const));

enum class Warp { sync, exchange, ballot };
// Wait for the lanes of `mask`; then return what lane `source` brought, or the lanes' votes.
unsigned long long warp(Warp what, unsigned mask, unsigned long long value, int source, int line);
// Wait for the block; returns the number of threads, or of threads whose predicate holds.
int barrier(int line, int predicate = 1);
// Memory that all threads of the running block share, poisoned anew for every block.
// `width` and `height` are the last two extents of an array of arrays, for messages; 0 if there are none.
void* shared(const void* site, size_t bytes, size_t element, size_t width, size_t height,
             const char* name, int line);
void* dynamic_shared(size_t element, const char* name, int line);
// Collect what each of the 32 lanes brings.
void gather(float* all, float mine, int line);
void fence();
void failed(const char* what, int line);
int print(const char* format, ...) __attribute__((format(printf, 1, 2)));

template <class T> struct ElementOf {
    using type = T;
    static const size_t extent = 0, width = 0, height = 0;
};
template <class T, size_t N> struct ElementOf<T[N]> {
    using inner = ElementOf<T>;
    using type = typename inner::type;
    static const size_t extent = N;
    static const size_t width = inner::width ? inner::width : inner::extent;
    static const size_t height = inner::height ? inner::height : inner::width ? inner::extent : 0;
};
template <class T, class Site> ON_CPU_INLINE T& shared_as(Site, const char* name, int line) {
    static const char site = 0;  // one for every declaration, also for every instance of a template
    using E = ElementOf<T>;
    return *reinterpret_cast<T*>(
        shared(&site, sizeof(T), sizeof(typename E::type), E::width, E::height, name, line));
}
template <class T> ON_CPU_INLINE T* dynamic_as(const char* name, int line) {
    return reinterpret_cast<T*>(dynamic_shared(sizeof(T), name, line));
}

template <class T> ON_CPU_INLINE T exchange(unsigned mask, T value, int source, int line) {
    static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
    unsigned long long word = 0;
    __builtin_memcpy(&word, &value, sizeof(T));
    word = warp(Warp::exchange, mask, word, source, line);
    __builtin_memcpy(&value, &word, sizeof(T));
    return value;
}
}

#define threadIdx (on_cpu::thread_index())
#define blockIdx (on_cpu::block_index())
#define blockDim (on_cpu::block_size())
#define gridDim (on_cpu::grid_size())
#define warpSize 32
#define printf on_cpu::print
#define assert(what) ((what) ? (void)0 : on_cpu::failed(#what, __LINE__))

ON_CPU_INLINE void __syncthreads(ON_CPU_LINE) { on_cpu::barrier(line); }
ON_CPU_INLINE int __syncthreads_count(int holds, ON_CPU_LINE) { return on_cpu::barrier(line, holds); }
ON_CPU_INLINE int __syncthreads_and(int holds, ON_CPU_LINE) { return on_cpu::barrier(line, !holds) == 0; }
ON_CPU_INLINE int __syncthreads_or(int holds, ON_CPU_LINE) { return on_cpu::barrier(line, holds) != 0; }
ON_CPU_INLINE void __threadfence() { on_cpu::fence(); }
ON_CPU_INLINE void __threadfence_block() {}
ON_CPU_INLINE void __trap(ON_CPU_LINE) { on_cpu::failed("__trap", line); }

ON_CPU_INLINE void __syncwarp(unsigned mask = 0xffffffffu, ON_CPU_LINE) {
    on_cpu::warp(on_cpu::Warp::sync, mask, 0, -1, line);
}
template <class T>
ON_CPU_INLINE T __shfl_sync(unsigned mask, T value, int source, int width = 32, ON_CPU_LINE) {
    int me = (int)on_cpu::lane();
    return on_cpu::exchange(mask, value, (me & ~(width - 1)) + (source & (width - 1)), line);
}
template <class T>
ON_CPU_INLINE T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, ON_CPU_LINE) {
    int me = (int)on_cpu::lane(), from = me - (int)delta;
    return on_cpu::exchange(mask, value, from >= (me & ~(width - 1)) ? from : me, line);
}
template <class T>
ON_CPU_INLINE T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, ON_CPU_LINE) {
    int me = (int)on_cpu::lane(), from = me + (int)delta;
    return on_cpu::exchange(mask, value, from <= (me | (width - 1)) ? from : me, line);
}
template <class T>
ON_CPU_INLINE T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, ON_CPU_LINE) {
    int me = (int)on_cpu::lane(), from = me ^ bits;
    return on_cpu::exchange(mask, value, from <= (me | (width - 1)) ? from : me, line);
}
ON_CPU_INLINE unsigned __ballot_sync(unsigned mask, int holds, ON_CPU_LINE) {
    return (unsigned)on_cpu::warp(on_cpu::Warp::ballot, mask, holds != 0, -1, line);
}
ON_CPU_INLINE int __any_sync(unsigned mask, int holds, ON_CPU_LINE) {
    return __ballot_sync(mask, holds, line) != 0;
}
ON_CPU_INLINE int __all_sync(unsigned mask, int holds, ON_CPU_LINE) {
    return __ballot_sync(mask, !holds, line) == 0;
}
template <class T> ON_CPU_INLINE unsigned __match_any_sync(unsigned mask, T value, ON_CPU_LINE) {
    unsigned same = 0;
    for (int i = 0; i < 32; ++i) {
        if (!(mask >> i & 1u)) continue;
        T other = on_cpu::exchange(mask, value, i, line);
        same |= (unsigned)(other == value) << i;
    }
    return same;
}
#define ON_CPU_REDUCE(name, expression)                                                          \
    template <class T> ON_CPU_INLINE T __reduce_##name##_sync(unsigned mask, T value, ON_CPU_LINE) { \
        T all = value;                                                                           \
        bool first = true;                                                                       \
        for (int i = 0; i < 32; ++i) {                                                           \
            if (!(mask >> i & 1u)) continue;                                                     \
            T other = on_cpu::exchange(mask, value, i, line);                                    \
            all = first ? other : (T)(expression);                                               \
            first = false;                                                                       \
        }                                                                                        \
        return all;                                                                              \
    }
ON_CPU_REDUCE(add, all + other)
ON_CPU_REDUCE(min, other < all ? other : all)
ON_CPU_REDUCE(max, all < other ? other : all)
ON_CPU_REDUCE(and, all & other)
ON_CPU_REDUCE(or, all | other)
ON_CPU_REDUCE(xor, all ^ other)
#undef ON_CPU_REDUCE

template <class T> ON_CPU_INLINE T __ldg(const T* p) { return *p; }
template <class T> ON_CPU_INLINE T __ldcs(const T* p) { return *p; }
template <class T> ON_CPU_INLINE T __ldca(const T* p) { return *p; }
template <class T> ON_CPU_INLINE T __ldcg(const T* p) { return *p; }
template <class T> ON_CPU_INLINE void __stcs(T* p, T value) { *p = value; }
template <class T> ON_CPU_INLINE void __stcg(T* p, T value) { *p = value; }
template <class T> ON_CPU_INLINE void __stwt(T* p, T value) { *p = value; }

#include "atomics.h"
