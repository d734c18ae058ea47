// nvcuda::wmma on a CPU. Element i of lane l of a fragment is entry 32 * i + l of the tile: as on
// a device, each lane holds its share, and nobody may rely on which one.
#pragma once
#include "cuda_bf16.h"
#include "cuda_fp16.h"

namespace nvcuda {
namespace wmma {
struct matrix_a {};
struct matrix_b {};
struct accumulator {};
struct row_major {};
struct col_major {};
enum layout_t { mem_row_major, mem_col_major };

template <class Use, int M, int N, int K> struct Tile;
template <int M, int N, int K> struct Tile<matrix_a, M, N, K> { enum { rows = M, cols = K }; };
template <int M, int N, int K> struct Tile<matrix_b, M, N, K> { enum { rows = K, cols = N }; };
template <int M, int N, int K> struct Tile<accumulator, M, N, K> { enum { rows = M, cols = N }; };

template <class Use, int M, int N, int K, class T, class Layout = void> struct fragment {
    static_assert(K == 16 && M * N == 256 && (M == 8 || M == 16 || M == 32),
                  "tiles are 16x16x16, 32x8x16 or 8x32x16");
    enum { rows = Tile<Use, M, N, K>::rows, cols = Tile<Use, M, N, K>::cols };
    static const int num_elements = rows * cols / 32;
    T x[num_elements];
};

template <class F, class T> inline void fill_fragment(F& f, T value) {
    for (int i = 0; i < F::num_elements; ++i) f.x[i] = value;
}
template <class Layout> struct Columns { static const bool first = false; };
template <> struct Columns<col_major> { static const bool first = true; };

// Entry 32 * i + lane of a tile stored with leading dimension `ld`.
template <class F> inline size_t place(int i, unsigned ld, bool columns_first) {
    unsigned entry = 32u * (unsigned)i + on_cpu::lane();
    unsigned row = entry / F::cols, col = entry % F::cols;
    return columns_first ? (size_t)col * ld + row : (size_t)row * ld + col;
}
template <class Use, int M, int N, int K, class T, class Layout, class P>
inline void load_matrix_sync(
    fragment<Use, M, N, K, T, Layout>& f, const P* p, unsigned ld, ON_CPU_LINE) {
    using F = fragment<Use, M, N, K, T, Layout>;
    on_cpu::warp(on_cpu::Warp::ballot, 0xffffffffu, 0, -1, line);
    for (int i = 0; i < F::num_elements; ++i) f.x[i] = p[place<F>(i, ld, Columns<Layout>::first)];
}
template <int M, int N, int K, class T, class P>
inline void load_matrix_sync(
    fragment<accumulator, M, N, K, T>& f, const P* p, unsigned ld, layout_t layout, ON_CPU_LINE) {
    using F = fragment<accumulator, M, N, K, T>;
    on_cpu::warp(on_cpu::Warp::ballot, 0xffffffffu, 0, -1, line);
    for (int i = 0; i < F::num_elements; ++i) f.x[i] = p[place<F>(i, ld, layout == mem_col_major)];
}
template <int M, int N, int K, class T, class P>
inline void store_matrix_sync(
    P* p, const fragment<accumulator, M, N, K, T>& f, unsigned ld, layout_t layout, ON_CPU_LINE) {
    using F = fragment<accumulator, M, N, K, T>;
    on_cpu::warp(on_cpu::Warp::ballot, 0xffffffffu, 0, -1, line);
    for (int i = 0; i < F::num_elements; ++i) p[place<F>(i, ld, layout == mem_col_major)] = f.x[i];
}
template <int M, int N, int K, class D, class A, class LA, class B, class LB, class C>
inline void mma_sync(
    fragment<accumulator, M, N, K, D>& d, const fragment<matrix_a, M, N, K, A, LA>& a,
    const fragment<matrix_b, M, N, K, B, LB>& b, const fragment<accumulator, M, N, K, C>& c,
    ON_CPU_LINE) {
    // Every lane brings its shares, so that every lane can compute its own.
    float left[M * K], right[K * N];
    for (int i = 0; i < a.num_elements; ++i) on_cpu::gather(left + 32 * i, (float)a.x[i], line);
    for (int i = 0; i < b.num_elements; ++i) on_cpu::gather(right + 32 * i, (float)b.x[i], line);
    for (int i = 0; i < d.num_elements; ++i) {
        unsigned entry = 32u * (unsigned)i + on_cpu::lane(), row = entry / N, col = entry % N;
        float sum = 0.0f;
        for (int k = 0; k < K; ++k) sum += left[row * K + k] * right[k * N + col];
        d.x[i] = D((float)c.x[i] + sum);
    }
}
}
}
