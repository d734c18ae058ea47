// __nv_bfloat16 and __nv_bfloat162: the upper half of a float, rounded to nearest even.
#pragma once
#include "cuda_fp16.h"

namespace on_cpu {
inline float bfloat_to_float(unsigned short bits) { return bits_of<float>((unsigned)bits << 16); }
inline unsigned short float_to_bfloat(float x) {
    unsigned bits = bits_of<unsigned>(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
    return (unsigned short)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
}

ON_CPU_SIXTEEN(__nv_bfloat16, on_cpu::float_to_bfloat, on_cpu::bfloat_to_float)
typedef __nv_bfloat162_ __nv_bfloat162;
typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;

ON_CPU_INLINE __nv_bfloat16 __float2bfloat16(float v) { return __nv_bfloat16(v); }
ON_CPU_INLINE __nv_bfloat16 __float2bfloat16_rn(float v) { return __nv_bfloat16(v); }
ON_CPU_INLINE float __bfloat162float(__nv_bfloat16 v) { return (float)v; }
ON_CPU_INLINE unsigned short __bfloat16_as_ushort(__nv_bfloat16 v) { return v.__x; }
ON_CPU_INLINE __nv_bfloat16 __ushort_as_bfloat16(unsigned short v) { return on_cpu::bits_of<__nv_bfloat16>(v); }
ON_CPU_INLINE __nv_bfloat162 make_bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return {x, y}; }
ON_CPU_INLINE __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return {x, y}; }
ON_CPU_INLINE __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 x) { return {x, x}; }
ON_CPU_INLINE __nv_bfloat162 __float2bfloat162_rn(float v) { return {__nv_bfloat16(v), __nv_bfloat16(v)}; }
ON_CPU_INLINE __nv_bfloat162 __floats2bfloat162_rn(float x, float y) { return {__nv_bfloat16(x), __nv_bfloat16(y)}; }
ON_CPU_INLINE __nv_bfloat162 __float22bfloat162_rn(float2 v) { return {__nv_bfloat16(v.x), __nv_bfloat16(v.y)}; }
ON_CPU_INLINE float2 __bfloat1622float2(__nv_bfloat162 v) { return {(float)v.x, (float)v.y}; }
ON_CPU_INLINE __nv_bfloat16 __low2bfloat16(__nv_bfloat162 v) { return v.x; }
ON_CPU_INLINE __nv_bfloat16 __high2bfloat16(__nv_bfloat162 v) { return v.y; }
