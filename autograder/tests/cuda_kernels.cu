// Right kernels in several styles, with neutral names: what the tests of autograder.cuda launch, and
// what they break. A line of slashes with a name begins a piece; pieces do not depend on each other.
//// row_sum_tree
// One block per row: partial sums, then a tree in shared memory.
__global__ void row_sum_tree(const float* x, float* out, int n) {
    __shared__ float part[128];
    int t = threadIdx.x;
    const float* row = x + (size_t)blockIdx.x * n;
    float sum = 0.0f;
    for (int j = t; j < n; j += blockDim.x) sum += row[j];
    part[t] = sum;
    __syncthreads();
    for (int step = blockDim.x / 2; step > 0; step >>= 1) {
        if (t < step) part[t] += part[t + step];
        __syncthreads();
    }
    if (t == 0) out[blockIdx.x] = part[0];
}
//// row_center
// Subtract every row's mean: the tree, then everybody reads its result, then the tree again.
__global__ void row_center(const float* __restrict__ x, float* __restrict__ out, float* spread, int n) {
    __shared__ float part[64];
    int t = threadIdx.x;
    const float* row = x + (size_t)blockIdx.x * n;
    float sum = 0.0f;
    for (int j = t; j < n; j += blockDim.x) sum += row[j];
    part[t] = sum;
    __syncthreads();
    for (int step = blockDim.x / 2; step > 0; step >>= 1) {
        if (t < step) part[t] += part[t + step];
        __syncthreads();
    }
    float mean = part[0] / n;
    __syncthreads();
    float most = 0.0f;
    for (int j = t; j < n; j += blockDim.x) {
        float centred = row[j] - mean;
        out[(size_t)blockIdx.x * n + j] = centred;
        most = fmaxf(most, fabsf(centred));
    }
    part[t] = most;
    __syncthreads();
    for (int step = blockDim.x / 2; step > 0; step >>= 1) {
        if (t < step) part[t] = fmaxf(part[t], part[t + step]);
        __syncthreads();
    }
    if (t == 0) spread[blockIdx.x] = part[0];
}
//// row_max_warp
// One warp per row, by shuffles; whole warps leave together.
__device__ __forceinline__ float warp_max(float v) {
    for (int o = 16; o > 0; o >>= 1) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, o));
    return v;
}
__global__ void row_max_warp(const float* x, float* out, int m, int n) {
    int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= m) return;
    float v = -INFINITY;
    for (int j = lane; j < n; j += 32) v = fmaxf(v, x[(size_t)row * n + j]);
    v = warp_max(v);
    if (lane == 0) out[row] = v;
}
//// row_norm_two_stage
// Shuffles within each warp, shared memory between the warps.
__device__ __forceinline__ float warp_sum_down(float v) {
#pragma unroll
    for (int o = 16; o > 0; o >>= 1) v += __shfl_down_sync(0xffffffffu, v, o);
    return v;
}
__global__ void __launch_bounds__(256) row_norm_two_stage(const float* x, float* out, int n, float eps) {
    __shared__ float part[8];
    __shared__ float scale;
    int t = threadIdx.x, lane = t % 32, warp = t / 32, warps = (blockDim.x + 31) / 32;
    float sum = 0.0f;
    for (int j = t; j < n; j += blockDim.x) { float v = x[(size_t)blockIdx.x * n + j]; sum += v * v; }
    sum = warp_sum_down(sum);
    if (lane == 0) part[warp] = sum;
    __syncthreads();
    if (warp == 0) {
        sum = lane < warps ? part[lane] : 0.0f;
        sum = warp_sum_down(sum);
        if (lane == 0) scale = rsqrtf(sum / n + eps);
    }
    __syncthreads();
    for (int j = t; j < n; j += blockDim.x) out[(size_t)blockIdx.x * n + j] = x[(size_t)blockIdx.x * n + j] * scale;
}
//// tiled_product
#define TILE 8
__global__ void tiled_product(const float* a, const float* b, float* c, int m, int n, int k) {
    __shared__ float left[TILE][TILE], right[TILE][TILE + 1];
    int tx = threadIdx.x, ty = threadIdx.y;
    int row = blockIdx.y * TILE + ty, col = blockIdx.x * TILE + tx;
    float sum = 0.0f;
    for (int k0 = 0; k0 < k; k0 += TILE) {
        left[ty][tx] = (row < m && k0 + tx < k) ? a[row * k + k0 + tx] : 0.0f;
        right[ty][tx] = (k0 + ty < k && col < n) ? b[(k0 + ty) * n + col] : 0.0f;
        __syncthreads();
        for (int i = 0; i < TILE; ++i) sum += left[ty][i] * right[i][tx];
        __syncthreads();
    }
    if (row < m && col < n) c[row * n + col] = sum;
}
//// transpose
__global__ void transpose(const float* x, float* out, int m, int n) {
    __shared__ float tile[16][17];
    int col = blockIdx.x * 16 + threadIdx.x, row = blockIdx.y * 16 + threadIdx.y;
    if (row < m && col < n) tile[threadIdx.y][threadIdx.x] = x[row * n + col];
    __syncthreads();
    col = blockIdx.y * 16 + threadIdx.x;
    row = blockIdx.x * 16 + threadIdx.y;
    if (row < n && col < m) out[row * m + col] = tile[threadIdx.x][threadIdx.y];
}
//// split_and_combine
// A weighted mean with running maximum: warps take turns at the entries, the block combines them.
__global__ void split_and_combine(const float* score, const float* value, const int* length, float* out, int most) {
    __shared__ float top[4], total[4], mean[4][32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32, b = blockIdx.x;
    float m = -INFINITY, l = 0.0f, a = 0.0f;
    for (int j = warp; j < length[b]; j += warps) {
        float s = score[b * most + j], larger = fmaxf(m, s), keep = expf(m - larger), p = expf(s - larger);
        l = l * keep + p;
        a = a * keep + p * value[((size_t)b * most + j) * 32 + lane];
        m = larger;
    }
    if (lane == 0) { top[warp] = m; total[warp] = l; }
    mean[warp][lane] = a;
    __syncthreads();
    if (warp == 0) {
        float all = -INFINITY, sum = 0.0f, result = 0.0f;
        for (int w = 0; w < warps; ++w) all = fmaxf(all, top[w]);
        for (int w = 0; w < warps; ++w) {
            float e = expf(top[w] - all);
            sum += total[w] * e;
            result += mean[w][lane] * e;
        }
        out[b * 32 + lane] = result / sum;
    }
}
//// histogram
// Counts of a block in shared memory, then added to everybody's.
__global__ void histogram(const int* x, int* counts, int n) {
    __shared__ int mine[16];
    if (threadIdx.x < 16) mine[threadIdx.x] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&mine[x[i]], 1);
    __syncthreads();
    if (threadIdx.x < 16) atomicAdd(&counts[threadIdx.x], mine[threadIdx.x]);
}
//// prefix_sum
// Two buffers in dynamic shared memory, one barrier for each step.
__global__ void prefix_sum(const int* x, int* out, int n) {
    extern __shared__ int buffer[];
    int t = threadIdx.x, in = 0;
    buffer[t] = t < n ? x[t] : 0;
    __syncthreads();
    for (int step = 1; step < blockDim.x; step *= 2) {
        int* from = buffer + in * blockDim.x;
        int* to = buffer + (1 - in) * blockDim.x;
        to[t] = from[t] + (t >= step ? from[t - step] : 0);
        in = 1 - in;
        __syncthreads();
    }
    if (t < n) out[t] = buffer[in * blockDim.x + t];
}
//// smooth
// A filter from constant memory over a tile with a rim.
__constant__ float weights[5];
__global__ void smooth(const float* x, float* out, int n) {
    __shared__ float tile[64 + 4];
    int t = threadIdx.x, i = blockIdx.x * 64 + t;
    for (int k = t; k < 64 + 4; k += 64) {
        int j = blockIdx.x * 64 + k - 2;
        tile[k] = j >= 0 && j < n ? x[j] : 0.0f;
    }
    __syncthreads();
    if (i >= n) return;
    float sum = 0.0f;
    for (int k = 0; k < 5; ++k) sum += weights[k] * tile[t + k];
    out[i] = sum;
}
//// warp_scan
// Within a warp, shared memory and __syncwarp are enough.
__global__ void warp_scan(const float* x, float* out, int n) {
    __shared__ float line[2][64];
    int t = threadIdx.x, lane = t % 32, i = blockIdx.x * blockDim.x + t, now = 0;
    line[0][t] = i < n ? x[i] : 0.0f;
    __syncwarp();
    for (int step = 1; step < 32; step *= 2) {
        line[1 - now][t] = line[now][t] + (lane >= step ? line[now][t - step] : 0.0f);
        now = 1 - now;
        __syncwarp();
    }
    if (i < n) out[i] = line[now][t];
}
//// scale_vectors
__global__ void scale_vectors(const float4* x, float4* out, float factor, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        float4 v = __ldg(&x[i]);
        out[i] = make_float4(v.x * factor, v.y * factor, v.z * factor, v.w * factor);
    }
}
//// half_sum
#include <cuda_fp16.h>
#include <cuda_bf16.h>
__global__ void half_sum(const __half* x, const __nv_bfloat16* y, __half* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = __float2half(__half2float(x[i]) + __bfloat162float(y[i]));
}
//// tensor_product
#include <mma.h>
using namespace nvcuda;
__global__ void tensor_product(const half* a, const half* b, float* c, int m, int n, int k) {
    int tm = blockIdx.y * 16, tn = (blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32) * 16;
    if (tn >= n) return;
    wmma::fragment<wmma::matrix_a, 16, 16, 16, half, wmma::row_major> left;
    wmma::fragment<wmma::matrix_b, 16, 16, 16, half, wmma::row_major> right;
    wmma::fragment<wmma::accumulator, 16, 16, 16, float> sum;
    wmma::fill_fragment(sum, 0.0f);
    for (int k0 = 0; k0 < k; k0 += 16) {
        wmma::load_matrix_sync(left, a + tm * k + k0, k);
        wmma::load_matrix_sync(right, b + k0 * n + tn, n);
        wmma::mma_sync(sum, left, right, sum);
    }
    for (int i = 0; i < sum.num_elements; ++i) sum.x[i] *= 2.0f;
    wmma::store_matrix_sync(c + tm * n + tn, sum, n, wmma::mem_row_major);
}
//// last_block
// The last block to finish works on what the others left behind: fences and a ticket order them.
__global__ void last_block(const float* x, float* part, int* ticket, float* out, int n) {
    __shared__ float sums[32];
    __shared__ bool last;
    int t = threadIdx.x, i = blockIdx.x * 32 + t;
    sums[t] = i < n ? x[i] : 0.0f;
    __syncthreads();
    if (t == 0) {
        float sum = 0.0f;
        for (int k = 0; k < 32; ++k) sum += sums[k];
        part[blockIdx.x] = sum;
        __threadfence();
        last = atomicAdd(ticket, 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (last) {
        for (int k = t; k < gridDim.x; k += blockDim.x) out[k] = part[k] + part[gridDim.x - 1 - k];
    }
}
