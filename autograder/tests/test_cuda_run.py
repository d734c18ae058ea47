"""What a kernel can use: arithmetic, vectors, warps, atomics, memory, and how a launch is made."""

import numpy as np
import pytest

from autograder.cuda import (
    Launch,
    Out,
    Report,
    Tier,
    bfloat16_bits,
    from_bfloat16,
    launch,
    launch_all,
)
from autograder.cuda.notebook import load
from autograder.tests.cuda_machine import built, ran


def one(body: str, out: Out, *args: object, before: str = "", block: int = 32) -> np.ndarray:
    """Run `body` with an output `out` and arrays or numbers a, b, c."""
    kinds = {"f": "float", "i": "int", "u": "unsigned", "e": "half"}
    names = []
    for name, value in zip("abc", args, strict=False):
        kind = (
            kinds[value.dtype.char if value.dtype.char == "e" else value.dtype.kind]
            if isinstance(value, np.ndarray)
            else {int: "int", float: "float"}[type(value)]
        )
        names.append(f"const {kind}* {name}" if isinstance(value, np.ndarray) else f"{kind} {name}")
    kind = kinds["e" if out.dtype.char == "e" else out.dtype.kind]
    head = ", ".join([*names, f"{kind}* out"])
    text = f"{before}\n__global__ void k({head}) {{\n    int t = threadIdx.x;\n    {body}\n}}\n"
    report = ran(text, Launch("k", 1, block, [*args, out]), Tier.PLAIN)
    assert report.clean, report.problems
    return report.outputs["out"]


HALF = "#include <cuda_fp16.h>\n#include <cuda_bf16.h>\n"


def test_every_half_becomes_the_right_float_and_back() -> None:
    bits = np.arange(1 << 16, dtype=np.uint16)
    text = (
        HALF
        + """typedef __nv_bfloat16 bf16;
__global__ void k(const half* x, float* wide, half* back, const bf16* y, float* yw) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    wide[i] = __half2float(x[i]);
    back[i] = __float2half(wide[i]);
    yw[i] = __bfloat162float(y[i]);
}
"""
    )
    x, n = bits.view(np.float16), bits.size
    report = ran(
        text,
        Launch("k", n // 512, 512, [x, Out(n), Out(n, np.float16), bits, Out(n)]),
        Tier.PLAIN,
    )
    wide = x.astype(np.float32)
    np.testing.assert_array_equal(report.outputs["wide"], wide)
    np.testing.assert_array_equal(report.outputs["back"], x)
    np.testing.assert_array_equal(report.outputs["yw"], from_bfloat16(bits))


def test_half_and_bfloat16_arithmetic_rounds_once_to_nearest_even() -> None:
    rng = np.random.default_rng(0)
    n = 4096
    bits = rng.integers(0, 1 << 16, (3, n)).astype(np.uint16)
    bits[:, :512] &= 0x83FF  # subnormal numbers
    a, b, c = bits.view(np.float16)
    text = (
        HALF
        + """typedef __nv_bfloat16 bf16;
template <class T> __device__ void all(const T* a, const T* b, const T* c, T* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    out[i] = a[i] + b[i];
    out[n + i] = a[i] * b[i];
    out[2 * n + i] = __hfma(a[i], b[i], c[i]);
    out[3 * n + i] = a[i] / b[i];
    out[4 * n + i] = T(__half2float(__half(1.0f)) * 1.0009765625 * i);
}
__global__ void h(const half* a, const half* b, const half* c, half* out, int n) {
    all(a, b, c, out, n);
}
__global__ void g(const bf16* a, const bf16* b, const bf16* c, bf16* out, int n) {
    all(a, b, c, out, n);
}
"""
    )
    program = built(text, Tier.PLAIN)
    got = launch(program, Launch("h", n // 256, 256, [a, b, c, Out((5, n), np.float16), n]))
    with np.errstate(all="ignore"):
        A, B, C = (v.astype(np.float64) for v in (a, b, c))
        want = np.stack([A + B, A * B, A * B + C, A / B, np.arange(n) * 1.0009765625])
        np.testing.assert_array_equal(got.outputs["out"], want.astype(np.float16))
    got = launch(program, Launch("g", n // 256, 256, [*bits, Out((5, n), np.uint16), n]))
    values = from_bfloat16(got.outputs["out"]).astype(np.float64)
    with np.errstate(all="ignore"):
        A, B, C = (from_bfloat16(v).astype(np.float64) for v in bits)
        wide = np.stack([A + B, A * B, A * B + C, A / B, np.arange(n) * 1.0009765625])
        step = np.spacing(np.abs(wide).astype(np.float32)).astype(np.float64) * 2**16
    fine = np.isfinite(wide) & (np.abs(wide) < 3e38)
    assert (np.abs(values - wide)[fine] <= 0.5 * step[fine] + 1e-45).all()
    assert (np.isnan(values) == np.isnan(wide)).all()


def test_halves_in_pairs() -> None:
    x = np.linspace(-3, 3, 64).astype(np.float16)
    text = (
        HALF
        + """__global__ void k(const half2* x, half2* out) {
    half2 v = x[threadIdx.x], two = __float2half2_rn(2.0f);
    half2 r = __hfma2(v, two, __halves2half2(__low2half(v), __high2half(v)));
    out[threadIdx.x] = __hadd2(r, __hmul2(v, two));
}
"""
    )
    report = ran(text, Launch("k", 1, 32, [x, Out(64, np.float16)]), Tier.PLAIN)
    np.testing.assert_array_equal(report.outputs["out"], (x * 3) + (x * 2))


FUNCTIONS = [
    ("expf(a[t])", np.exp),
    ("__expf(a[t])", np.exp),
    ("rsqrtf(a[t])", lambda x: 1 / np.sqrt(x)),
    ("exp(a[t]) + log(a[t])", lambda x: np.exp(x) + np.log(x)),
    ("fmaxf(a[t], 1.0f) + min(a[t], 2.0f)", lambda x: np.maximum(x, 1) + np.minimum(x, 2)),
    ("tanhf(a[t]) * erff(a[t]) / powf(a[t], 1.5f)", None),
    ("__fdividef(sinf(a[t]), cosf(a[t]))", np.tan),
    ("__int_as_float(__float_as_int(a[t]))", lambda x: x),
    ("(float)__popc((unsigned)t) + __clz(1 << t) + __ffs(t)", None),
    ("(float)max(t, 3) + abs(t - 9) + min(t, 4)", None),
    ("(isnan(NAN) && isinf(-INFINITY) && !isfinite(INFINITY)) ? FLT_MAX : 0.0f", None),
    ("(float)__dp4a(0x01ff02fe, 0x03030303, t)", lambda x: np.arange(32.0)),
    ("(float)__float2int_rn(a[t] * 10.0f)", lambda x: np.rint(x * np.float32(10))),
]


def test_functions_of_mathematics() -> None:
    x = np.linspace(0.1, 3, 32).astype(np.float32)
    body = "".join(
        f"out[{32 * i} + t] = {expression};\n    " for i, (expression, _) in enumerate(FUNCTIONS)
    )
    results = one(body, Out((len(FUNCTIONS), 32)), x)
    for (expression, want), got in zip(FUNCTIONS, results, strict=True):
        assert np.isfinite(got).all(), expression
        if want is not None:
            np.testing.assert_allclose(
                got, want(x.astype(np.float64)), rtol=3e-7, atol=1e-7, err_msg=expression
            )


def test_vectors_have_the_sizes_and_the_order_of_cuda() -> None:
    text = """__global__ void k(const float4* x, int* sizes, float2* out, uchar4* bytes) {
    int t = threadIdx.x;
    float4 v = x[t];
    out[t] = make_float2(v.x + v.y, v.z + v.w);
    bytes[t] = make_uchar4(t, 1, 2, 3);
    if (t == 0) {
        sizes[0] = sizeof(float3); sizes[1] = alignof(float4); sizes[2] = sizeof(double2);
        sizes[3] = alignof(int2); sizes[4] = sizeof(dim3); sizes[5] = sizeof(short4);
    }
}
"""
    x = np.arange(32, dtype=np.float32)
    args = [x, Out(6, np.int32), Out(16), Out(32, np.uint8)]
    got = ran(text, Launch("k", 1, 8, args)).outputs
    np.testing.assert_array_equal(got["out"], x.reshape(16, 2).sum(1))
    assert got["sizes"].tolist() == [12, 16, 16, 8, 12, 8]
    assert got["bytes"].reshape(8, 4)[5].tolist() == [5, 1, 2, 3]


def test_shuffles_and_votes() -> None:
    body = """
    unsigned all = 0xffffffffu;
    out[t] = __shfl_sync(all, t, 5);
    out[32 + t] = __shfl_up_sync(all, t, 3);
    out[64 + t] = __shfl_down_sync(all, t, 3);
    out[96 + t] = __shfl_xor_sync(all, t, 9);
    out[128 + t] = __shfl_down_sync(all, t, 1, 8);
    out[160 + t] = __shfl_sync(all, t, 3, 8);
    out[192 + t] = (int)__ballot_sync(all, t % 3 == 0);
    out[224 + t] = __any_sync(all, t == 7) + 2 * __all_sync(all, t < 32);
    out[224 + t] += 4 * __all_sync(all, t < 31);
    out[256 + t] = __reduce_add_sync(all, t) + (int)__match_any_sync(all, t / 16);
    """
    t = np.arange(32)
    got = one(body, Out((9, 32), np.int32))
    np.testing.assert_array_equal(got[0], 5)
    np.testing.assert_array_equal(got[1], np.where(t < 3, t, t - 3))
    np.testing.assert_array_equal(got[2], np.where(t > 28, t, t + 3))
    np.testing.assert_array_equal(got[3], t ^ 9)
    np.testing.assert_array_equal(got[4], np.where(t % 8 == 7, t, t + 1))
    np.testing.assert_array_equal(got[5], t // 8 * 8 + 3)
    np.testing.assert_array_equal(got[6].astype(np.uint32), sum(1 << i for i in range(0, 32, 3)))
    np.testing.assert_array_equal(got[7], 3)
    ours = np.where(t < 16, 0xFFFF, 0xFFFF0000).astype(np.uint32).astype(np.int32)
    np.testing.assert_array_equal(got[8], 496 + ours)


def test_halves_of_a_warp_may_go_different_ways() -> None:
    body = """
    float v = t;
    if (t < 16) {
        for (int o = 8; o > 0; o /= 2) v += __shfl_xor_sync(0xffffu, v, o);
    } else {
        v = __shfl_sync(0xffff0000u, v, 31);
    }
    __syncwarp();
    out[t] = v + __shfl_sync(0xffffffffu, v, 31);
    """
    got = one(body, Out(32))
    np.testing.assert_array_equal(got, np.where(np.arange(32) < 16, 120 + 31, 62))


def test_atomic_operations_on_every_type() -> None:
    text = (
        HALF
        + """typedef unsigned long long word;
__global__ void k(int* i, unsigned* u, float* f, half* h, double* d, word* l) {
    int t = threadIdx.x;
    atomicAdd(&i[0], t); atomicMax(&i[1], t); atomicMin(&i[2], -t); atomicExch(&i[3], 7);
    atomicSub(&i[4], 1); atomicAnd(&i[5], ~(1 << t)); atomicOr(&i[6], 1 << t); atomicXor(&i[7], 1);
    atomicInc(&u[0], 5u); atomicAdd(&u[1], 2); atomicMax(&u[2], (unsigned)t);
    atomicAdd(&f[0], 0.5f); atomicAdd(&h[0], __float2half(0.5f)); atomicAdd(&d[0], 0.25);
    atomicAdd(&l[0], 1ull << 33);
    float old = f[1], seen;
    do {
        seen = old;
        int next = __float_as_int(fmaxf(seen, t));
        old = __int_as_float(atomicCAS((int*)&f[1], __float_as_int(seen), next));
    } while (old != seen);
}
"""
    )
    i = np.array([0, -5, 9, 0, 0, -1, 0, 0], np.int32)
    args = [
        i, np.zeros(3, np.uint32), np.array([0, -1], np.float32), np.zeros(1, np.float16),
        np.zeros(1), np.zeros(1, np.uint64),
    ]  # fmt: skip
    got = ran(text, Launch("k", 1, 32, args), Tier.PLAIN).outputs
    assert got["i"].tolist() == [496, 31, -31, 7, -32, 0, -1, 0]
    assert got["u"].tolist() == [32 % 6, 64, 31]
    assert got["f"].tolist() == [16.0, 31.0] and got["h"][0] == 16 and got["d"][0] == 8
    assert got["l"][0] == 32 << 33
    problems = ran(text, Launch("k", 1, 32, args)).problems
    assert {p.variable for p in problems} == {"f"}  # f[1] is read with plain code first


def test_counting_barriers() -> None:
    body = """
    out[t] = __syncthreads_count(t % 3 == 0);
    out[64 + t] = __syncthreads_and(t < 64) + 2 * __syncthreads_or(t == 70);
    """
    got = one(body, Out((2, 64), np.int32), block=64)
    assert (got[0] == 22).all() and (got[1] == 1).all()


def test_all_three_directions_of_a_grid_and_a_block() -> None:
    text = """__global__ void k(int* out) {
    int b = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    int t = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    dim3 size = blockDim;
    out[b * size.x * size.y * size.z + t] = 100 * b + t;
}
"""
    got = ran(text, Launch("k", (2, 3, 2), (4, 2, 3), [Out((12, 24), np.int32)])).outputs["out"]
    np.testing.assert_array_equal(got, 100 * np.arange(12)[:, None] + np.arange(24))


def test_templates_are_launched_by_the_name_of_their_instance() -> None:
    text = """template <int N, class T> __global__ void scale(const T* x, T* out) {
    __shared__ T tile[N];
    tile[threadIdx.x] = x[threadIdx.x] * N;
    __syncthreads();
    out[threadIdx.x] = tile[N - 1 - threadIdx.x];
}
"""
    names = ("scale<8, float>", "scale<4, int>")
    program = built(text, Tier.CHECKED, kernels=names)
    x = np.arange(8, dtype=np.float32)
    reports = launch_all(
        program,
        [
            Launch(names[0], 1, 8, [x, Out(8)]),
            Launch(names[1], 1, 4, [x[:4].astype(np.int32), Out(4, np.int32)]),
        ],
    )
    assert all(r.clean for r in reports)
    np.testing.assert_array_equal(reports[0].outputs["out"], 8 * x[::-1])
    np.testing.assert_array_equal(reports[1].outputs["out"], [12, 8, 4, 0])


def test_only_the_chosen_blocks_run() -> None:
    text = "__global__ void k(int* out) { out[blockIdx.y * gridDim.x + blockIdx.x] = gridDim.x; }"
    report = ran(text, Launch("k", (3, 2), 1, [Out((2, 3), np.int32)], blocks=[(0, 1), (2, 0)]))
    assert (~report.unwritten("out")).tolist() == [[False, False, True], [True, False, False]]
    assert report.outputs["out"][1, 0] == 3


def test_a_schedule_is_reproducible_and_others_differ() -> None:
    text = "__global__ void k(int* n, int* out) { out[threadIdx.x] = atomicAdd(n, 1); }"
    program = built(text, Tier.PLAIN)
    launches = [
        Launch("k", 1, 64, [np.zeros(1, np.int32), Out(64, np.int32)], schedule=seed)
        for seed in (0, 0, 1, 2, 3, 3)
    ]
    orders = [tuple(r.outputs["out"].tolist()) for r in launch_all(program, launches)]
    assert orders[0] == orders[1] == tuple(range(64)) and orders[2] == tuple(range(63, -1, -1))
    assert orders[4] == orders[5] and len(set(orders)) == 4


def test_shared_memory_is_fresh_in_every_block() -> None:
    text = """__global__ void k(int* out) {
    __shared__ int seen;
    out[blockIdx.x] = seen;
    seen = 5;
}
"""
    program = built(text, Tier.PLAIN)
    for poison, value in ((0xFF, -1), (0x53, 0x53535353)):
        report = launch(program, Launch("k", 3, 1, [Out(3, np.int32)], poison=poison))
        assert report.outputs["out"].tolist() == [value] * 3


def test_what_a_kernel_prints_is_kept_and_bounded() -> None:
    text = """__global__ void k(int n) {
    for (int i = 0; i < n; ++i) printf("thread %d says %s\\n", threadIdx.x, "hello");
}
"""
    program = built(text, Tier.PLAIN)
    assert launch(program, Launch("k", 1, 2, [1])).printed == (
        "thread 0 says hello\nthread 1 says hello\n"
    )
    assert len(launch(program, Launch("k", 1, 2, [100_000])).printed) <= 16_384


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            [np.zeros(4), Out(4), 4],
            "parameter 1 (x) is float32*, but the launch passes an array of f8",
        ),
        ([3, Out(4), 4], "parameter 1 (x) is float32*, but the launch passes a whole number"),
        (
            [np.zeros(4, np.float32), Out(4), 4.5],
            "parameter 3 (n) is int32, but the launch passes a real",
        ),
        ([np.zeros(4, np.float32), Out(4)], "the kernel takes 3 arguments, the launch passes 2"),
    ],
)
def test_arguments_that_do_not_fit_are_said(args: list[object], words: str) -> None:
    text = "__global__ void k(const float* x, float* out, int n) { out[0] = x[0]; }"
    (problem,) = ran(text, Launch("k", 1, 1, args), Tier.PLAIN).problems
    assert problem.kind == "argument" and words in problem.message


def test_a_kernel_or_a_constant_that_is_not_there_is_said() -> None:
    text = "__constant__ float w[3];\n__global__ void k(float* out) { out[0] = w[0]; }"
    program = built(text, Tier.PLAIN)
    first = launch(program, Launch("other", 1, 1, [Out(1)])).problems[0]
    assert first.message == "there is no kernel named other in this file"
    for name, values, words in (
        ("v", np.zeros(3, np.float32), "there is no __constant__ array named v"),
        ("w", np.zeros(2, np.float32), "has 12 bytes or another type, the launch sets 8"),
    ):
        report = launch(program, Launch("k", 1, 1, [Out(1)], constants={name: values}))
        assert words in report.problems[0].message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"block": 2048}, "at most 1024 threads"),
        ({"grid": (1, 2, 3, 4)}, "one to three sizes"),
        ({"grid": 0}, "at least 1"),
        ({"args": [np.zeros(3, complex)]}, "argument 1 has dtype complex128"),
    ],
)
def test_a_launch_that_cannot_be_is_refused_before_it_runs(
    change: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Launch("k", 1, 1, [1]).but(**change)


def test_a_block_outside_of_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="not in the grid"):
        Launch("k", 2, 1, [], blocks=[5]).blocks_to_run()


def test_work_is_counted_per_thread() -> None:
    text = """__global__ void k(const float* x, float* out, int n) {
    for (int i = threadIdx.x; i < n; i += blockDim.x) out[i] = x[i] + x[0];
}
"""
    x = np.zeros(12, np.float32)
    report: Report = ran(text, Launch("k", 1, 8, [x, Out(12), 12]))
    assert report.work[(0, 0, 0)][:, 1].tolist() == [2, 2, 2, 2, 1, 1, 1, 1]


def test_kernels_are_functions_in_a_notebook(tmp_path: object) -> None:
    text = "__global__ void twice(const float* x, float* out, int n) {\n    int i = threadIdx.x;\n"
    text += "    if (i < n) out[i] = 2 * x[i];\n}\n"
    built(text)
    path = tmp_path / "twice.cu"
    path.write_text(text)
    kernels = load(path)
    x, out = np.arange(5, dtype=np.float32), np.zeros(5, np.float32)
    report = kernels.twice[1, 8](x, out, 5)
    assert report.clean and out.tolist() == [0, 2, 4, 6, 8]
    assert "twice" in dir(kernels)
    with pytest.raises(AttributeError, match="there is no kernel thrice in this file, only twice"):
        kernels.thrice  # noqa: B018
    path.write_text(text.replace("x[i]", "y[i]"))
    with pytest.raises(SyntaxError, match=r"line 3: .*\by\b"):
        load(path)


def test_bfloat16_bits_round_to_nearest_even() -> None:
    values = np.array([1.0, 1.00390625, 1.01171875, np.nan, np.inf, -0.0], np.float32)
    back = from_bfloat16(bfloat16_bits(values))
    np.testing.assert_array_equal(back, [1.0, 1.0, 1.015625, np.nan, np.inf, -0.0])


def test_what_is_not_written_is_told_apart_from_a_nan_that_is() -> None:
    kinds = {"f2": "half", "f4": "float", "f8": "double", "i1": "signed char", "i4": "int"}
    text = HALF + "".join(
        f"""__global__ void {dtype}({kind}* out, const float* nan) {{
    int t = threadIdx.x;
    __shared__ {kind} s[8];
    if (t == 0) out[0] = s[0];
    if (t == 1) out[1] = 0.0f * nan[0];
    if (t == 2) out[2] = out[5] + out[5];
}}
"""
        for dtype, kind in kinds.items()
    )
    nan = np.array([np.nan], np.float32)
    launches = [Launch(dtype, 1, 8, [Out((2, 3), dtype), nan]) for dtype in kinds]
    for dtype, report in zip(kinds, launch_all(built(text, Tier.PLAIN), launches), strict=True):
        assert report.unwritten("out").tolist() == [[False] * 3, [True] * 3], dtype
        if dtype[0] == "f":
            assert np.isnan(report.outputs["out"]).all()
