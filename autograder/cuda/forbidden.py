"""What a kernel's file may not hold, and the sentence for each."""

HEADERS = ("cuda_fp16.h", "cuda_bf16.h", "mma.h")
# What these declare is there anyway.
HARMLESS = tuple(
    """
    cuda_runtime.h cuda_runtime_api.h cuda.h device_launch_parameters.h math_constants.h
    vector_types.h math.h cmath stdint.h cstdint float.h cfloat limits.h climits stddef.h cstddef
    stdio.h cstdio assert.h cassert
    """.strip().split()
)

_NOT_EMULATED = "is not emulated on a CPU, so it cannot be checked here: "
# Pattern and sentence; the sentence is shown with the line.
FORBIDDEN = [
    (r"\b(asm|__asm|__asm__)\b", f"inline PTX {_NOT_EMULATED}write it in CUDA C++"),
    (r"<<<|>>>\s*\(", "kernels are launched for you: write only __global__ and __device__ code"),
    (
        r"\b(cooperative_groups|this_thread_block|tiled_partition|this_grid)\b",
        f"cooperative groups {_NOT_EMULATED}use __syncthreads, __syncwarp and the shuffles",
    ),
    (
        r"\b(memcpy_async|__pipeline_\w+|cp_async\w*|cuda::pipeline)\b",
        f"an asynchronous copy (cp.async) {_NOT_EMULATED}load into shared memory with plain code",
    ),
    (r"\bwgmma\w*", f"wgmma {_NOT_EMULATED}use nvcuda::wmma"),
    (
        r"\b(CUtensorMap|__grid_constant__\s+const\s+CUtensorMap|tma_\w+|cuda::barrier)\b",
        f"TMA {_NOT_EMULATED}load into shared memory with plain code",
    ),
    (r"__cluster_dims__|\bcluster_\w+", f"a cluster of blocks {_NOT_EMULATED}use single blocks"),
    (r"\b(tex[123]D\w*|surf[123]D\w*|texture)\b", f"texture memory {_NOT_EMULATED}use a pointer"),
    (
        r"\bcu(da|blas|dnn|fft|rand|sparse)[A-Z]\w*",
        "this is host code or a library: the file holds kernels only; memory and launches are ours",
    ),
    (r"\bmain\s*\(", "there is no main function here: the file holds kernels only"),
    (
        r"\b(clock|clock64|globaltimer|__nanosleep|__activemask)\s*\(",
        f"this function {_NOT_EMULATED}do without it",
    ),
    (r"\b(malloc|free|calloc|realloc)\s*\(", "kernels do not allocate: use the arrays given"),
    (r"(?<!operator )\b(new|delete)\b", "kernels do not allocate: use the arrays given"),
    (
        r"\b(throw|try|catch|typeid|dynamic_cast|thread_local|co_await|co_yield)\b",
        "this is not available in device code",
    ),
    (r"\bstd\s*::", "the standard library is not available in device code: use CUDA's functions"),
    (r"\b__managed__\b", "managed memory is not emulated: use the arrays given"),
    (r"__attribute__|__declspec|\[\s*\[|%:|<:|\bgnu\b", "attributes are not used here"),
    (
        r"\b(_Pragma|__builtin_\w+|__sync_\w+|__atomic_\w+|__tsan_\w+|__asan_\w+|on_cpu|ON_CPU_\w+)\b",
        "this name belongs to a compiler, not to CUDA",
    ),
    (r"(?<!\w)(u8|u|U|L)?R\"", "raw string literals are not used here"),
    (r"\bimport\b|\bmodule\b", "C++ modules are not used here"),
]
