// Mathematics of device code. The C library's functions are declared here by hand, so that no
// header of the system is seen by a kernel; what CUDA adds is written out.
#pragma once

typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned uint32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;
typedef __INTPTR_TYPE__ intptr_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned uint;
typedef unsigned long ulong;

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define FLT_MAX __FLT_MAX__
#define FLT_MIN __FLT_MIN__
#define FLT_EPSILON __FLT_EPSILON__
#define DBL_MAX __DBL_MAX__
#define DBL_EPSILON __DBL_EPSILON__
#define INT_MAX __INT_MAX__
#define INT_MIN (-__INT_MAX__ - 1)
#define UINT_MAX (__INT_MAX__ * 2u + 1u)
#define CUDART_INF_F INFINITY
#define CUDART_NAN_F NAN
#define CUDART_PI_F 3.141592654f
#define M_PI 3.14159265358979323846

#define ON_CPU_1(name)                                                                           \
    extern "C" double name(double) noexcept;                                                     \
    extern "C" float name##f(float) noexcept;                                                    \
    inline float name(float x) { return name##f(x); }
#define ON_CPU_2(name)                                                                           \
    extern "C" double name(double, double) noexcept;                                             \
    extern "C" float name##f(float, float) noexcept;                                             \
    inline float name(float x, float y) { return name##f(x, y); }
ON_CPU_1(exp) ON_CPU_1(exp2) ON_CPU_1(expm1) ON_CPU_1(log) ON_CPU_1(log2) ON_CPU_1(log10)
ON_CPU_1(log1p) ON_CPU_1(sqrt) ON_CPU_1(cbrt) ON_CPU_1(sin) ON_CPU_1(cos) ON_CPU_1(tan)
ON_CPU_1(asin) ON_CPU_1(acos) ON_CPU_1(atan) ON_CPU_1(sinh) ON_CPU_1(cosh) ON_CPU_1(tanh)
ON_CPU_1(asinh) ON_CPU_1(acosh) ON_CPU_1(atanh) ON_CPU_1(erf) ON_CPU_1(erfc) ON_CPU_1(lgamma)
ON_CPU_1(tgamma) ON_CPU_1(floor) ON_CPU_1(ceil) ON_CPU_1(trunc) ON_CPU_1(round) ON_CPU_1(rint)
ON_CPU_1(nearbyint) ON_CPU_1(fabs)
ON_CPU_2(pow) ON_CPU_2(fmod) ON_CPU_2(atan2) ON_CPU_2(fmax) ON_CPU_2(fmin) ON_CPU_2(hypot)
ON_CPU_2(copysign) ON_CPU_2(remainder) ON_CPU_2(fdim)
#undef ON_CPU_1
#undef ON_CPU_2
extern "C" double fma(double, double, double) noexcept;
extern "C" float fmaf(float, float, float) noexcept;
extern "C" double ldexp(double, int) noexcept;
extern "C" float ldexpf(float, int) noexcept;
extern "C" float frexpf(float, int*) noexcept;
extern "C" int abs(int) noexcept;
extern "C" void* memcpy(void*, const void*, size_t) noexcept;
extern "C" void* memset(void*, int, size_t) noexcept;
inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
inline float abs(float x) { return __builtin_fabsf(x); }
inline double abs(double x) { return __builtin_fabs(x); }
inline long long abs(long long x) { return x < 0 ? -x : x; }
inline bool isnan(float x) { return x != x; }
inline bool isnan(double x) { return x != x; }
inline bool isinf(float x) { return __builtin_isinf(x); }
inline bool isinf(double x) { return __builtin_isinf(x); }
inline bool isfinite(float x) { return __builtin_isfinite(x); }
inline bool isfinite(double x) { return __builtin_isfinite(x); }
inline bool signbit(float x) { return __builtin_signbit(x); }

#define ON_CPU_MIN_MAX(result, first, second)                                                    \
    inline result max(first a, second b) { return (result)a < (result)b ? (result)b : (result)a; } \
    inline result min(first a, second b) { return (result)b < (result)a ? (result)b : (result)a; }
ON_CPU_MIN_MAX(int, int, int)
ON_CPU_MIN_MAX(unsigned, unsigned, unsigned)
ON_CPU_MIN_MAX(unsigned, int, unsigned)
ON_CPU_MIN_MAX(unsigned, unsigned, int)
ON_CPU_MIN_MAX(long, long, long)
ON_CPU_MIN_MAX(unsigned long, unsigned long, unsigned long)
ON_CPU_MIN_MAX(long long, long long, long long)
ON_CPU_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
#undef ON_CPU_MIN_MAX
inline float max(float a, float b) { return fmaxf(a, b); }
inline float min(float a, float b) { return fminf(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(float a, double b) { return fmax((double)a, b); }
inline double max(double a, float b) { return fmax(a, (double)b); }
inline double min(float a, double b) { return fmin((double)a, b); }
inline double min(double a, float b) { return fmin(a, (double)b); }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rcbrtf(float x) { return 1.0f / cbrtf(x); }
inline float exp10f(float x) { return (float)pow(10.0, (double)x); }
inline float sinpif(float x) { return (float)sin(M_PI * (double)x); }
inline float cospif(float x) { return (float)cos(M_PI * (double)x); }
inline float normcdff(float x) { return (float)(0.5 * erfc(-(double)x * 0.70710678118654752440)); }
inline void sincosf(float x, float* s, float* c) { *s = sinf(x); *c = cosf(x); }
inline void sincos(double x, double* s, double* c) { *s = sin(x); *c = cos(x); }

// The fast intrinsics are as exact here as their slow namesakes; a device rounds them coarsely.
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return exp10f(x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline void __sincosf(float x, float* s, float* c) { sincosf(x, s, c); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return rsqrtf(x); }

namespace on_cpu {
template <class To, class From> inline To bits_of(From from) {
    static_assert(sizeof(To) == sizeof(From), "types of different sizes");
    To to;
    __builtin_memcpy(&to, &from, sizeof(To));
    return to;
}
// A conversion out of range saturates on a device, where C++ leaves it undefined.
template <class To> inline To saturated(double x, To low, To high) {
    return x != x ? To(0) : x <= (double)low ? low : x >= (double)high ? high : (To)x;
}
}
inline int __float_as_int(float x) { return on_cpu::bits_of<int>(x); }
inline unsigned __float_as_uint(float x) { return on_cpu::bits_of<unsigned>(x); }
inline float __int_as_float(int x) { return on_cpu::bits_of<float>(x); }
inline float __uint_as_float(unsigned x) { return on_cpu::bits_of<float>(x); }
inline long long __double_as_longlong(double x) { return on_cpu::bits_of<long long>(x); }
inline double __longlong_as_double(long long x) { return on_cpu::bits_of<double>(x); }
inline int __float2int_rn(float x) { return on_cpu::saturated<int>(rint((double)x), INT_MIN, INT_MAX); }
inline int __float2int_rz(float x) { return on_cpu::saturated<int>(trunc((double)x), INT_MIN, INT_MAX); }
inline int __float2int_rd(float x) { return on_cpu::saturated<int>(floor((double)x), INT_MIN, INT_MAX); }
inline int __float2int_ru(float x) { return on_cpu::saturated<int>(ceil((double)x), INT_MIN, INT_MAX); }
inline unsigned __float2uint_rn(float x) { return on_cpu::saturated<unsigned>(rint((double)x), 0u, UINT_MAX); }
inline float __int2float_rn(int x) { return (float)x; }
inline float __uint2float_rn(unsigned x) { return (float)x; }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __mulhi(int x, int y) { return (int)(((long long)x * y) >> 32); }
inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)(((unsigned long long)x * y) >> 32); }
inline int __mul24(int x, int y) { return (int)((unsigned)((x << 8) >> 8) * (unsigned)((y << 8) >> 8)); }
inline unsigned __brev(unsigned x) {
    unsigned reversed = 0;
    for (int i = 0; i < 32; ++i) reversed |= (x >> i & 1u) << (31 - i);
    return reversed;
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
    unsigned long long bytes = (unsigned long long)y << 32 | x;
    unsigned picked = 0;
    for (int i = 0; i < 4; ++i) {
        unsigned nibble = selector >> (4 * i) & 15u;
        unsigned byte = (unsigned)(bytes >> (8 * (nibble & 7u))) & 255u;
        picked |= ((nibble & 8u) ? ((byte & 128u) ? 255u : 0u) : byte) << (8 * i);
    }
    return picked;
}
inline int __dp4a(int a, int b, int sum) {
    for (int i = 0; i < 4; ++i) sum += (int)(int8_t)(a >> (8 * i)) * (int)(int8_t)(b >> (8 * i));
    return sum;
}
inline unsigned __dp4a(unsigned a, unsigned b, unsigned sum) {
    for (int i = 0; i < 4; ++i) sum += (a >> (8 * i) & 255u) * (b >> (8 * i) & 255u);
    return sum;
}
