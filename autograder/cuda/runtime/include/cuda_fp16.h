// __half and __half2: sixteen bits in memory, arithmetic in float, one rounding to nearest even.
// A sum or product of two 11-bit significands rounded to float first and then to half is right.
#pragma once

namespace on_cpu {
inline float half_to_float(unsigned short bits) {
    unsigned sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31u, fraction = bits & 1023u;
    if (exponent == 31) return bits_of<float>(sign | 0x7f800000u | fraction << 13);
    if (exponent) return bits_of<float>(sign | (exponent + 112u) << 23 | fraction << 13);
    float small = (float)fraction * 0x1p-24f;
    return sign ? -small : small;
}
inline unsigned short float_to_half(float x) {
    unsigned bits = bits_of<unsigned>(x), sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u) return (unsigned short)(sign | 0x7fffu);
    if (bits >= 0x477ff000u) return (unsigned short)(sign | 0x7c00u);  // 65520 and above
    if (bits < 0x38800000u)                                          // subnormal: units of 2**-24
        return (unsigned short)(sign | (unsigned)rintf(bits_of<float>(bits) * 0x1p24f));
    return (unsigned short)(sign | (bits - 0x38000000u + 0xfffu + (bits >> 13 & 1u)) >> 13);
}
// Round a double to float so that a second rounding to 16 bits is still right (round to odd).
inline float to_odd(double x) {
    float near = (float)x;
    if (x != x || (double)near == x || __builtin_isinf(near)) return near;
    unsigned bits = bits_of<unsigned>(near);
    if (bits & 1u) return near;
    bool away = __builtin_fabs((double)near) > __builtin_fabs(x);
    return bits_of<float>(away ? bits - 1 : bits + 1);
}
}

#define ON_CPU_SIXTEEN(T, from_float, to_float)                                                  \
    struct alignas(2) T {                                                                        \
        unsigned short __x;                                                                      \
        T() = default;                                                                           \
        ON_CPU_INLINE T(float v) : __x(from_float(v)) {}                                         \
        ON_CPU_INLINE T(double v) : __x(from_float(on_cpu::to_odd(v))) {}                        \
        ON_CPU_INLINE T(int v) : T((double)v) {}                                                 \
        ON_CPU_INLINE T(unsigned v) : T((double)v) {}                                            \
        ON_CPU_INLINE T(long long v) : T((double)v) {}                                           \
        ON_CPU_INLINE T(unsigned long long v) : T((double)v) {}                                  \
        ON_CPU_INLINE operator float() const { return to_float(__x); }                           \
        ON_CPU_INLINE T& operator+=(T o) { return *this = T((float)*this + (float)o); }          \
        ON_CPU_INLINE T& operator-=(T o) { return *this = T((float)*this - (float)o); }          \
        ON_CPU_INLINE T& operator*=(T o) { return *this = T((float)*this * (float)o); }          \
        ON_CPU_INLINE T& operator/=(T o) { return *this = T((float)*this / (float)o); }          \
    };                                                                                           \
    struct alignas(4) T##2_ { T x, y; };                                                         \
    ON_CPU_INLINE T operator+(T a, T b) { return T((float)a + (float)b); }                       \
    ON_CPU_INLINE T operator-(T a, T b) { return T((float)a - (float)b); }                       \
    ON_CPU_INLINE T operator*(T a, T b) { return T((float)a * (float)b); }                       \
    ON_CPU_INLINE T operator/(T a, T b) { return T((float)a / (float)b); }                       \
    ON_CPU_INLINE T operator-(T a) { return T(-(float)a); }                                      \
    ON_CPU_INLINE bool operator<(T a, T b) { return (float)a < (float)b; }                       \
    ON_CPU_INLINE bool operator>(T a, T b) { return (float)a > (float)b; }                       \
    ON_CPU_INLINE bool operator<=(T a, T b) { return (float)a <= (float)b; }                     \
    ON_CPU_INLINE bool operator>=(T a, T b) { return (float)a >= (float)b; }                     \
    ON_CPU_INLINE bool operator==(T a, T b) { return (float)a == (float)b; }                     \
    ON_CPU_INLINE bool operator!=(T a, T b) { return (float)a != (float)b; }                     \
    ON_CPU_INLINE T __hadd(T a, T b) { return a + b; }                                           \
    ON_CPU_INLINE T __hsub(T a, T b) { return a - b; }                                           \
    ON_CPU_INLINE T __hmul(T a, T b) { return a * b; }                                           \
    ON_CPU_INLINE T __hdiv(T a, T b) { return a / b; }                                           \
    ON_CPU_INLINE T __hneg(T a) { return -a; }                                                   \
    ON_CPU_INLINE T __habs(T a) { return T(fabsf((float)a)); }                                   \
    ON_CPU_INLINE T __hfma(T a, T b, T c) { return T(fma((double)(float)a, (double)(float)b, (double)(float)c)); } \
    ON_CPU_INLINE T __hmax(T a, T b) { return T(fmaxf((float)a, (float)b)); }                    \
    ON_CPU_INLINE T __hmin(T a, T b) { return T(fminf((float)a, (float)b)); }                    \
    ON_CPU_INLINE bool __heq(T a, T b) { return a == b; }                                        \
    ON_CPU_INLINE bool __hne(T a, T b) { return a != b; }                                        \
    ON_CPU_INLINE bool __hlt(T a, T b) { return a < b; }                                         \
    ON_CPU_INLINE bool __hle(T a, T b) { return a <= b; }                                        \
    ON_CPU_INLINE bool __hgt(T a, T b) { return a > b; }                                         \
    ON_CPU_INLINE bool __hge(T a, T b) { return a >= b; }                                        \
    ON_CPU_INLINE bool __hisnan(T a) { return isnan((float)a); }                                 \
    ON_CPU_INLINE T hexp(T a) { return T(expf((float)a)); }                                      \
    ON_CPU_INLINE T hlog(T a) { return T(logf((float)a)); }                                      \
    ON_CPU_INLINE T hsqrt(T a) { return T(sqrtf((float)a)); }                                    \
    ON_CPU_INLINE T hrsqrt(T a) { return T(rsqrtf((float)a)); }                                  \
    ON_CPU_INLINE T hrcp(T a) { return T(1.0f / (float)a); }                                     \
    ON_CPU_INLINE T##2_ __hadd2(T##2_ a, T##2_ b) { return {a.x + b.x, a.y + b.y}; }             \
    ON_CPU_INLINE T##2_ __hsub2(T##2_ a, T##2_ b) { return {a.x - b.x, a.y - b.y}; }             \
    ON_CPU_INLINE T##2_ __hmul2(T##2_ a, T##2_ b) { return {a.x * b.x, a.y * b.y}; }             \
    ON_CPU_INLINE T##2_ __h2div(T##2_ a, T##2_ b) { return {a.x / b.x, a.y / b.y}; }             \
    ON_CPU_INLINE T##2_ __hmax2(T##2_ a, T##2_ b) { return {__hmax(a.x, b.x), __hmax(a.y, b.y)}; } \
    ON_CPU_INLINE T##2_ __hmin2(T##2_ a, T##2_ b) { return {__hmin(a.x, b.x), __hmin(a.y, b.y)}; } \
    ON_CPU_INLINE T##2_ __hneg2(T##2_ a) { return {-a.x, -a.y}; }                                \
    ON_CPU_INLINE T##2_ __hfma2(T##2_ a, T##2_ b, T##2_ c) { return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; } \
    ON_CPU_INLINE T##2_ operator+(T##2_ a, T##2_ b) { return __hadd2(a, b); }                    \
    ON_CPU_INLINE T##2_ operator-(T##2_ a, T##2_ b) { return __hsub2(a, b); }                    \
    ON_CPU_INLINE T##2_ operator*(T##2_ a, T##2_ b) { return __hmul2(a, b); }                    \
    ON_CPU_INLINE float __low2float(T##2_ a) { return (float)a.x; }                              \
    ON_CPU_INLINE float __high2float(T##2_ a) { return (float)a.y; }

ON_CPU_SIXTEEN(__half, on_cpu::float_to_half, on_cpu::half_to_float)
typedef __half2_ __half2;
typedef __half half;
typedef __half2 half2;

ON_CPU_INLINE __half __float2half(float v) { return __half(v); }
ON_CPU_INLINE __half __float2half_rn(float v) { return __half(v); }
ON_CPU_INLINE __half __double2half(double v) { return __half(v); }
ON_CPU_INLINE __half __int2half_rn(int v) { return __half(v); }
ON_CPU_INLINE float __half2float(__half v) { return (float)v; }
ON_CPU_INLINE int __half2int_rn(__half v) { return __float2int_rn((float)v); }
ON_CPU_INLINE int __half2int_rz(__half v) { return __float2int_rz((float)v); }
ON_CPU_INLINE unsigned short __half_as_ushort(__half v) { return v.__x; }
ON_CPU_INLINE __half __ushort_as_half(unsigned short v) { return on_cpu::bits_of<__half>(v); }
ON_CPU_INLINE __half2 make_half2(__half x, __half y) { return {x, y}; }
ON_CPU_INLINE __half2 __halves2half2(__half x, __half y) { return {x, y}; }
ON_CPU_INLINE __half2 __half2half2(__half x) { return {x, x}; }
ON_CPU_INLINE __half2 __float2half2_rn(float v) { return {__half(v), __half(v)}; }
ON_CPU_INLINE __half2 __floats2half2_rn(float x, float y) { return {__half(x), __half(y)}; }
ON_CPU_INLINE __half2 __float22half2_rn(float2 v) { return {__half(v.x), __half(v.y)}; }
ON_CPU_INLINE float2 __half22float2(__half2 v) { return {(float)v.x, (float)v.y}; }
ON_CPU_INLINE __half __low2half(__half2 v) { return v.x; }
ON_CPU_INLINE __half __high2half(__half2 v) { return v.y; }
