"""Reading a CUDA source: what is refused and where, what is found, how lines stay in place."""

import contextlib
import time

import pytest

from autograder.cuda import Refused
from autograder.cuda.source import Source, blanked

KERNEL = "__global__ void k(float* x) { x[0] = 1.0f; }\n"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('asm volatile("mov.u32 %0, 1;");', "inline PTX"),
        ('__asm__("nop");', "inline PTX"),
        ("k<<<1, 32>>>(x);", "launched for you"),
        ("namespace cg = cooperative_groups;", "cooperative groups"),
        ("__pipeline_memcpy_async(a, b, 16);", "cp.async"),
        ("wgmma_fence();", "wgmma"),
        ("const CUtensorMap map;", "TMA"),
        ("cudaMalloc(&p, 4);", "host code or a library"),
        ("cublasSgemm(h);", "host code or a library"),
        ("int main() { return 0; }", "no main function"),
        ("__host__ void f() {}", "host code"),
        ("void helper(float* x) { x[0] = 2; }", "helper must be marked __device__"),
        ("#include <vector>", "'vector'"),
        ('#include "/etc/passwd"', "'/etc/passwd'"),
        ("#include_next <math.h>", "#include_next is not used"),
        ("#line 7", "#line is not used"),
        ("#pragma GCC optimize(3)", "only #pragma unroll"),
        ("#define __syncthreads()", "may not be redefined"),
        ("#undef __asm__", "may not be redefined"),
        ("#define threadIdx other", "may not be redefined"),
        ("float* p = new float[3];", "do not allocate"),
        ("void* p = malloc(3);", "do not allocate"),
        ("std::vector<int> v;", "standard library"),
        ("__attribute__((constructor)) void f();", "attributes"),
        ("[[gnu::constructor]] void f();", "attributes"),
        ("int x = __builtin_ctz(3);", "belongs to a compiler"),
        ("on_cpu::launched.seed = 1;", "belongs to a compiler"),
        ("long long t = clock64();", "not emulated"),
        ("__shared__ float a[3];", "inside of the kernel"),
        ("extern __shared__ float a[];", "inside of the kernel"),
        ("int a\\\nsm;", "split over two lines"),
        ("int \\u0061;", "backslash"),
        ('const char* s = R"(x)";', "raw string"),
        ("__managed__ float x;", "managed memory"),
        ("try { } catch (...) { }", "not available in device code"),
    ],
)
def test_what_is_not_emulated_is_refused_in_one_sentence_with_its_line(
    line: str, word: str
) -> None:
    problems = Source(f"{KERNEL}\n{line}\n{KERNEL}").refusals()
    assert any(word in p.message and p.line == 3 for p in problems), problems


@pytest.mark.parametrize(
    "text",
    [
        "// asm, cudaMalloc and std::vector are not used here\n",
        "/* int main() { k<<<1, 1>>>(); } */\n",
        '#define SAY printf("asm <<<1, 1>>> new\\n")\n',
        "#include <cuda_fp16.h>\n#include <mma.h>\n#include <math.h>\n#include <cstdint>\n",
        "#define TILE 16\n#undef TILE\n#if 1\n#endif\n#pragma unroll 4\n",
        "__host__ __device__ inline float f(float x) { return x; }\n",
        "template <int N>\n__device__ float g(const float (&a)[N]) { return a[N - 1]; }\n",
        "namespace mine {\n__device__ int h() { return 1'000; }\n}\n",
        "struct Pair {\n    float a, b;\n    __device__ float sum() const { return a + b; }\n};\n",
        'extern "C" __global__ void other(int* renewed, int deleted) { renewed[0] = deleted; }\n',
        "static __device__ const float table[2] = {1.0f, 2.0f};\n__constant__ int c[3];\n",
        "#define ON_DEVICE __device__ __forceinline__\nON_DEVICE float f(float x) { return x; }\n",
        "#define NAMED(x) __device__ int x\nNAMED(seven)() { return 7; }\n",
        "__device__ int shifted(int a, int b) { return a >> (b); }\n",
    ],
)
def test_honest_code_is_not_refused(text: str) -> None:
    assert Source(text + KERNEL).refusals() == ()


def test_a_file_that_is_too_large_is_refused_at_once() -> None:
    (problem,) = Source("//" + "x" * 400_000).refusals()
    assert "larger than 300 kB" in problem.message


def test_comments_and_texts_are_blanked_and_nothing_moves() -> None:
    text = 'a /* b\nc */ "d // e" // f\n\'"\' g'
    code = blanked(text)
    assert len(code) == len(text) and code.count("\n") == 2
    assert code.split() == ["a", '"', '"', "'", "'", "g"]


def test_kernels_are_found_with_their_parameters_and_templates_are_not() -> None:
    text = """
    template <int N> __global__ void t(float* x) { }
    extern "C" __global__ void __launch_bounds__(128) one(const float* __restrict__ x, int n) { }
    __global__
    void two(float (*grid)[4], unsigned int m = 3) { }
    __device__ void three(int x) { }
    static __global__ void four() { }
    """
    source = Source(text)
    assert [(k.name, k.parameters) for k in source.kernels()] == [
        ("one", ("x", "n")),
        ("two", ("grid", "m")),
        ("four", ()),
    ]
    assert source.parameters_of("t<4>") == ("x",)


def test_every_line_stays_where_it_is() -> None:
    text = (
        "__global__ void k(float* x) {\n    __shared__ float\n        a[3],\n  b;\n  x[0] = 1;\n}\n"
    )
    unit = Source(text, "k.cu").for_cpu(("k",))
    mine = unit.split('#line 1 "k.cu"\n')[1].split("\n")
    assert mine[4].strip() == "x[0] = 1;"
    assert "on_cpu::shared_as" in unit and '"a", 2' in unit and '"b", 2' in unit


@pytest.mark.parametrize(
    "declaration",
    [
        "__shared__ float a[16][17], b[4], c;",
        "__shared__ __align__(16) unsigned int a[2 * (3 + 1)];",
        "__shared__ alignas(16) float4 a[8];",
        "volatile __shared__ float a[8];",
        "__shared__ volatile float a[8];",
        "__shared__ Pair<float, 4> a[N];",
        "__shared__ float* a[2];",
        "static __shared__ half a[64];",
        "extern __shared__ __align__(16) unsigned char a[];",
        "extern __shared__ float4 a[];",
    ],
)
def test_declarations_in_shared_memory_are_read(declaration: str) -> None:
    unit = Source(f"__global__ void k() {{ {declaration} }}").for_cpu(("k",))
    assert "__shared__" not in unit and '"a", 1' in unit


@pytest.mark.parametrize(
    "declaration", ["__shared__ float a[2] = {1, 2};", "__shared__ float a[];"]
)
def test_a_declaration_that_cannot_be_is_refused_with_its_line(declaration: str) -> None:
    with pytest.raises(Refused, match="line 2: this __shared__ declaration"):
        Source(f"__global__ void k() {{\n{declaration} }}").for_cpu(("k",))


def test_barriers_and_constants_are_found() -> None:
    text = (
        "__constant__ float w[4];\n__constant__ int n;\n__global__ void k() {\n__syncthreads();\n}"
    )
    assert Source(text).barriers() == (4,)
    assert Source(text).constants() == ("w", "n")


@pytest.mark.parametrize(
    "piece",
    [
        *("template<", "__shared__ ", "__constant__ a ", "f(", "k()", "k(", "/*", '"', "#", "asm"),
        *("__launch_bounds__(", "\\\n", "namespace ", "((((", "__global__ void k(", "a::"),
    ],
)
def test_no_text_takes_long_to_read(piece: str) -> None:
    text = piece * (30_000 // len(piece))
    start = time.process_time()
    for shape in (text, f"{text}{{{text};"):
        source = Source(shape)
        source.refusals()
        source.kernels()
        source.constants()
        source.parameters_of("k")
        with contextlib.suppress(Refused):
            source.for_cpu(("k",))
    assert time.process_time() - start < 1.5
