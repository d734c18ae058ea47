"""Planted mistakes: each is seen, in its line, and said in words that a student understands."""

import numpy as np
import pytest

from autograder.cuda import Launch, Out, Source, Tier, launch, launch_all
from autograder.cuda.examine import Case, Status, examine, wrong_values
from autograder.tests.cuda_cases import cases, piece, pieces, without_each_barrier
from autograder.tests.cuda_machine import KERNELS, built, line_of, ran

X = np.arange(1, 101, dtype=np.float32)
MUTANTS = [(name, line, text) for name in pieces() for line, text in without_each_barrier(name)]


@pytest.mark.parametrize("tier", [Tier.PLAIN, Tier.CHECKED, Tier.ADDRESS])
def test_no_right_kernel_is_accused(tier: Tier) -> None:
    program = built(KERNELS.read_text(encoding="utf-8"), tier, name="cuda_kernels.cu")
    all_cases = cases().values()
    launches = [c.launch.but(schedule=seed) for c in all_cases for seed in (0, 3)]
    reports = launch_all(program, launches)
    assert [p for r in reports for p in r.problems] == []
    for case, report in zip(all_cases, reports[::2], strict=True):
        assert wrong_values(case, report) == ()


@pytest.mark.parametrize(
    ("name", "line", "text"), MUTANTS, ids=[f"{name}-{line}" for name, line, _ in MUTANTS]
)
def test_a_missing_barrier_is_seen_and_its_place_is_named(name: str, line: int, text: str) -> None:
    report = ran(text, cases()[name].launch, name=f"{name}.cu")
    first = report.problems[0]
    assert first.kind == "race", first
    words = first.message
    if "one turn of the loop" in words:
        assert first.line <= line  # the barrier stood at the end of the loop's body
    elif "after line" in words:
        end = int(words.split("after line ")[1].split(",")[0])
        assert end <= line <= end + 2
    else:
        low, high = words.split("between lines ")[1].split(",")[0].split(" and ")
        assert int(low) <= line <= int(high)


def test_the_message_for_a_missing_barrier_is_one_sentence() -> None:
    text = """__global__ void k(const float* x, float* out) {
    __shared__ float tile[64];
    int t = threadIdx.x;
    tile[t] = x[t];
    out[t] = tile[63 - t];
}
"""
    report = ran(text, Launch("k", 1, 64, [X, Out(64)]))
    (problem,) = report.problems
    assert str(problem) == (
        "line 5: thread 31 reads tile[32] before thread 32 has written it in line 4: "
        "a barrier (__syncthreads) is missing between lines 4 and 5"
    )
    assert problem.variable == "tile" and problem.threads == (31, 32)


def test_two_opinions_agree_on_a_race() -> None:
    text = pieces()["row_sum_tree"]
    one = cases()["row_sum_tree"].launch
    assert ran(text, one, Tier.THREAD).problems == ()
    broken = text.replace("    __syncthreads();\n    for", "    for")
    (problem, *_) = ran(broken, one, Tier.THREAD).problems
    assert problem.kind == "race" and problem.line in (8, 10)


GUARD = """__global__ void k(const float* x, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = 2.0f * x[i < n ? i : 0];
}
"""


def test_a_missing_guard_is_seen_in_every_build() -> None:
    launch = Launch("k", 2, 64, [X, Out(100), 100])
    expected = (
        "thread 36 of block 1 writes out[100], but out has 100 elements: "
        "is a guard like `if (i < n)` missing, or an index wrong?"
    )
    for tier in (Tier.CHECKED, Tier.ADDRESS):
        first = ran(GUARD, launch, tier).problems[0]
        assert (first.line, first.message) == (3, expected), tier
    (plain,) = ran(GUARD, launch, Tier.PLAIN).problems
    assert plain.message.startswith("something was written to out[100], but out has 100 elements")


def test_reading_past_the_end_is_seen() -> None:
    text = GUARD.replace("x[i < n ? i : 0]", "x[i]").replace("out[i]", "if (i < n) out[i]")
    text = text.replace("x[i]", "x[i + 1]")
    first = ran(text, Launch("k", 2, 64, [X, Out(100), 100])).problems[0]
    assert "reads x[100], but x has 100 elements" in first.message


def test_an_index_below_zero_is_seen() -> None:
    text = "__global__ void k(float* out) {\n    out[(int)threadIdx.x - 1] = 1.0f;\n}\n"
    first = ran(text, Launch("k", 1, 32, [Out(31)])).problems[0]
    assert (first.line, first.kind) == (2, "bounds")
    assert first.message == (
        "thread 0 writes out[-1], but out has 31 elements, and none before the first"
    )


def test_a_missing_mask_shows_in_the_values_and_as_a_wild_read() -> None:
    text = (
        pieces()["tiled_product"]
        .replace("(row < m && k0 + tx < k) ? ", "")
        .replace("a[row * k + k0 + tx] : 0.0f", "a[row * k + k0 + tx]")
    )
    case = cases()["tiled_product"]
    assert wrong_values(case, ran(text, case.launch, Tier.PLAIN))
    first = ran(text, case.launch).problems[0]
    assert first.kind == "bounds" and first.variable == "a" and first.line == 8


def test_an_index_too_large_for_a_row_of_a_shared_array_is_seen() -> None:
    text = pieces()["transpose"].replace(
        "tile[threadIdx.y][threadIdx.x] =", "tile[threadIdx.y][threadIdx.x + 2] ="
    )
    launch = cases()["transpose"].launch.but(blocks=[(0, 1)])  # its last row is not reached
    problems = ran(text, launch).problems
    assert {(p.kind, p.line) for p in problems} >= {("bounds", line_of(text, "threadIdx.x + 2"))}
    assert any("uses index 17 of an array of type float[17]" in p.message for p in problems)


def test_dynamic_shared_memory_has_its_size_from_the_launch() -> None:
    text, case = pieces()["prefix_sum"], cases()["prefix_sum"]
    first = ran(text, case.launch.but(shared=64 * 4)).problems[0]
    assert "buffer has 64 elements (the launch's dynamic shared memory)" in first.message
    first = ran(text, case.launch.but(shared=0)).problems[0]
    assert first.kind in ("bounds", "shared")
    problems = ran(text, case.launch.but(shared=0)).problems
    assert any("but this launch gives none" in p.message for p in problems)


@pytest.mark.parametrize("where", ["counts", "shared"])
def test_an_update_that_is_not_atomic_is_seen(where: str) -> None:
    text, case = pieces()["histogram"], cases()["histogram"]
    if where == "shared":
        text = text.replace("atomicAdd(&mine[x[i]], 1);", "mine[x[i]] += 1;")
        first = ran(text, case.launch).problems[0]
        assert (
            "both write mine[" in first.message and "atomic operation (atomicAdd" in first.message
        )
    else:
        text = text.replace(
            "atomicAdd(&counts[threadIdx.x], mine[threadIdx.x]);",
            "counts[threadIdx.x] += mine[threadIdx.x];",
        )
        first = ran(text, case.launch).problems[0]
        assert "nothing orders two blocks" in first.message and "block 1" in first.message
    assert first.kind == "race"
    assert first.line == (6 if where == "shared" else 8)


def test_a_barrier_under_a_condition_is_seen_with_its_line() -> None:
    text = """__global__ void k(float* out) {
    if (threadIdx.x < 16) {
        __syncthreads();
    }
    out[threadIdx.x] = 1.0f;
}
"""
    for tier in (Tier.PLAIN, Tier.CHECKED, Tier.ADDRESS):
        first = ran(text, Launch("k", 1, 32, [Out(32)]), tier).problems[0]
        assert (first.kind, first.line) == ("barrier", 3)
        assert "16 threads wait at this __syncthreads(), but 16 never reach it" in first.message


def test_two_barriers_in_two_branches_are_seen() -> None:
    text = """__global__ void k(float* out) {
    if (threadIdx.x % 2) __syncthreads();
    else __syncthreads();
    out[threadIdx.x] = 1.0f;
}
"""
    first = ran(text, Launch("k", 1, 32, [Out(32)]), Tier.PLAIN).problems[0]
    assert first.kind == "barrier" and "must reach the same __syncthreads()" in first.message
    assert first.line in (2, 3)


def test_an_early_return_before_a_barrier_is_seen() -> None:
    text = pieces()["row_sum_tree"].replace(
        "    part[t] = sum;", "    if (t >= n) return;\n    part[t] = sum;"
    )
    x = np.ones((2, 40), np.float32)
    first = ran(text, Launch("row_sum_tree", 2, 64, [x, Out(2), 40]), Tier.PLAIN).problems[0]
    assert first.kind == "barrier" and first.line == line_of(text, "__syncthreads")
    assert "24 never reach it" in first.message and "early return" in first.message


def test_reading_shared_memory_that_nobody_has_written_is_seen() -> None:
    text = pieces()["row_norm_two_stage"].replace(
        "lane < warps ? part[lane] : 0.0f", "part[lane % 8]"
    )
    case = cases()["row_norm_two_stage"]
    first = ran(text, case.launch).problems[0]
    assert first.kind == "unwritten" and first.line == line_of(text, "part[lane % 8]")
    assert "reads part[3] before anything has been written to it" in first.message
    assert wrong_values(case, ran(text, case.launch, Tier.PLAIN))  # the poison is a NaN


def test_a_maximum_that_swallows_the_poison_does_not_hide_it() -> None:
    text = pieces()["row_max_warp"].replace(
        "float v = -INFINITY;", "__shared__ float s[32];\n    float v = s[lane];"
    )
    case = cases()["row_max_warp"]
    assert not wrong_values(case, ran(text, case.launch, Tier.PLAIN))  # fmaxf(NaN, v) is v
    assert wrong_values(case, ran(text, case.launch.but(poison=0x53), Tier.PLAIN))
    first = ran(text, case.launch).problems[0]
    assert first.kind == "unwritten" and first.variable == "s"


def test_reading_an_output_that_nobody_has_written_is_seen() -> None:
    text = "__global__ void k(float* out) {\n    out[threadIdx.x] += 1.0f;\n}\n"
    (first,) = ran(text, Launch("k", 1, 32, [Out(32)])).problems
    assert str(first) == "line 2: thread 0 reads out[0] before anything has been written to it"


def test_an_element_that_nobody_writes_is_seen() -> None:
    text = pieces()["row_center"].replace("if (t == 0) spread", "if (t == 0 && blockIdx.x) spread")
    case = cases()["row_center"]
    report = ran(text, case.launch, Tier.PLAIN)
    assert report.unwritten("spread").tolist() == [True, False, False, False]
    (problem,) = wrong_values(case, report)
    assert problem.message == "1 of 4 elements of spread were never written"


ALONE = """__global__ void k(const float* x, float* out, int m, int n) {
    if (threadIdx.x || blockIdx.x) return;  // all the others look on
    for (int r = 0; r < m; ++r) {
        float sum = 0.0f;
        for (int j = 0; j < n; ++j) sum += x[r * n + j];
        out[r] = sum;
    }
}
"""


def test_one_thread_that_does_everything_is_seen_though_its_values_are_right() -> None:
    x = np.ones((4, 50), np.float32)
    case = Case(
        Launch("k", 4, 32, [x, Out(4), 4, 50]),
        {"out": x.sum(1)},
        owner={"out": np.arange(4)},
    )
    built(ALONE)  # skips where there is no compiler
    outcomes = {o.tier: o for o in examine(Source(ALONE, "k.cu"), [case])}
    assert outcomes["values"].status is Status.PASSED
    shares = outcomes["division of work"]
    messages = [p.message for p in shares.problems]
    assert shares.status is Status.FAILED
    assert (
        "launched alone, block 0 writes 3 elements of out that belong to other blocks" in messages
    )
    assert "launched alone, block 3 leaves 1 of its 1 elements of out unwritten" in messages
    assert any("thread 0 of block 0 does 204 of the 204 loads and stores" in m for m in messages)


def test_a_kernel_that_needs_one_size_of_block_shows_at_another() -> None:
    text = pieces()["row_sum_tree"].replace("blockDim.x / 2", "32")
    case, x = cases()["row_sum_tree"], np.ones((5, 100), np.float32)
    assert not wrong_values(case, ran(text, case.launch, Tier.PLAIN))
    other = Case(Launch("row_sum_tree", 5, 128, [x, Out(5), 100]), {"out": x.sum(1)})
    assert wrong_values(other, ran(text, other.launch, Tier.PLAIN))


def test_a_change_behind_const_is_seen() -> None:
    text = "__global__ void k(const float* x) {\n    ((float*)x)[threadIdx.x] = 0.0f;\n}\n"
    (problem,) = ran(text, Launch("k", 1, 32, [X[:32]]), Tier.PLAIN).problems
    assert problem.message == "x was changed, though the kernel takes it as a pointer to const"
    first = ran(text, Launch("k", 1, 32, [X[:32]])).problems[0]
    assert str(first) == "line 2: thread 0 writes x[0], which is constant"


def test_a_vector_load_at_a_crooked_address_is_seen() -> None:
    text = """__global__ void k(const float* x, float4* out) {
    const float4* p = (const float4*)(x + 4 * threadIdx.x + 1);
    out[threadIdx.x] = make_float4(p->w, p->z, p->y, p->x);
}
"""
    problems = ran(text, Launch("k", 1, 8, [X[:40], Out(32)])).problems
    assert ("misaligned", 3) in {(p.kind, p.line) for p in problems}


def test_a_local_array_that_is_left_is_seen() -> None:
    text = """__device__ float last(const float* a, int n) { return a[n]; }
__global__ void k(const float* x, float* out, int n) {
    float mine[8];
    for (int i = 0; i < 8; ++i) mine[i] = x[i];
    out[threadIdx.x] = last(mine, n) + mine[threadIdx.x % 8];
}
"""
    launch = Launch("k", 1, 32, [X, Out(32), 8])
    problems = [
        p for tier in (Tier.CHECKED, Tier.ADDRESS) for p in ran(text, launch, tier).problems
    ]
    assert any(p.kind == "bounds" and p.line in (1, 5) for p in problems), problems


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("out[0] = (out[0] + 1) / n;", "divides a whole number by zero"),
        ("out[1 << 28] = 1;", "touches memory that belongs to no array"),
        ("while (n == 0 * out[0]) { out[1] = 2; }", "took too long"),
    ],
)
def test_a_kernel_that_stops_or_never_stops_is_said_so(body: str, words: str) -> None:
    text = f"__global__ void k(volatile int* out, int n) {{\n    out[0] = 0;\n    {body}\n}}\n"
    program = built(text, Tier.PLAIN)
    seconds = 0.5 if "while" in body else 10.0
    report = launch(program, Launch("k", 1, 1, [Out(8, np.int32), 0]), seconds=seconds)
    assert words in report.problems[0].message, report
    assert report.problems[0].line == 3


def test_the_launches_after_a_crash_still_run() -> None:
    text = "__global__ void k(int* out, int n) {\n    out[0] = 12 / n;\n}\n"
    launches = [Launch("k", 1, 1, [Out(1, np.int32), n]) for n in (3, 0, 4, 0)]
    reports = launch_all(built(text, Tier.PLAIN), launches)
    assert [r.clean for r in reports] == [True, False, True, False]
    assert reports[2].outputs["out"][0] == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "v += __shfl_down_sync(0xffffffffu, v, 16);",
            "takes a value from lane 16, which does not exist",
        ),
        (
            "if (threadIdx.x < 8) v += __shfl_xor_sync(0xffffu, v, 1); else __syncthreads();",
            "waits for other lanes of its warp that never come",
        ),
        (
            "if (threadIdx.x < 8) v += __shfl_xor_sync(0xffu, v, 8);",
            "takes a value from lane 8, which takes no part",
        ),
        (
            "if (threadIdx.x < 8) v += __shfl_xor_sync(0xfff0u, v, 1);",
            "whose mask leaves it out",
        ),
        (
            "if (threadIdx.x < 8) v += __shfl_xor_sync(0xffffu, v, 1);\n"
            "else v -= __shfl_xor_sync(0xffffu, v, 1);",
            "are in different warp operations (lines 3 and 4)",
        ),
    ],
)
def test_wrong_warp_operations_are_seen(body: str, words: str) -> None:
    text = "__global__ void k(float* out) {\n    float v = 1.0f;\n" + body
    text += "\n    out[threadIdx.x] = v;\n}\n"
    report = ran(text, Launch("k", 1, 16, [Out(16)]), Tier.PLAIN)
    assert any(words in p.message and p.line in (3, 4) for p in report.problems), report.problems


def test_too_much_shared_memory_is_said() -> None:
    text = (
        "__global__ void k(float* out) {\n__shared__ float a[13000];\na[0] = 1; out[0] = a[0];\n}\n"
    )
    (problem,) = ran(text, Launch("k", 1, 1, [Out(1)]), Tier.PLAIN).problems
    assert problem.message == (
        "the __shared__ arrays need 52000 bytes; a block has at most 49152 (48 KiB)"
    )


def test_a_failed_assertion_is_said_with_its_line() -> None:
    text = "__global__ void k(int n) {\n    assert(n == 3);\n}\n"
    assert ran(text, Launch("k", 1, 1, [3]), Tier.PLAIN).clean
    (problem,) = ran(text, Launch("k", 1, 1, [4]), Tier.PLAIN).problems
    assert str(problem) == "line 2: an assertion failed in thread 0"


def test_blocks_that_hand_results_on_without_a_fence_are_seen() -> None:
    text = pieces()["last_block"].replace("        __threadfence();\n", "")
    first = ran(text, cases()["last_block"].launch).problems[0]
    assert first.kind == "race" and first.variable == "part"


def test_what_is_refused_reaches_the_outcomes() -> None:
    built(ALONE)
    text = '__global__ void k(float* x) {\n    asm("");\n}\n'
    outcomes = examine(text, [Case(Launch("k", 1, 1, [Out(1)]), {"x": np.zeros(1)})])
    assert outcomes[0].status is Status.FAILED
    assert "line 2: inline PTX is not emulated" in str(outcomes[0])
    assert str(outcomes[1]) == "schedules: skipped: the file cannot be built"
    assert outcomes[-1].status is Status.SKIPPED and outcomes[-1].tier == "gpu"


def test_a_right_kernel_passes_every_tier_that_is_there() -> None:
    built(ALONE)
    case = cases()["row_sum_tree"]
    outcomes = examine(piece("row_sum_tree"), [case])
    assert {o.status for o in outcomes[:5]} == {Status.PASSED}, list(map(str, outcomes))
    assert str(outcomes[-1]) == "gpu: skipped: this machine has no CUDA device"


HARMLESS = [
    # Many threads write the same value: no harm is done.
    "__shared__ int any; any = 0; __syncthreads(); if (x[t] > 50) any = 1; __syncthreads();"
    " out[t] = any;",
    # A structure is copied as a whole, with the gap that nobody has written.
    "__shared__ Mixed s[32]; s[t].a = x[t]; s[t].b = 1; __syncthreads();"
    " Mixed m = s[31 - t]; out[t] = m.a + m.b;",
    # A barrier within the warp is enough within the warp.
    "__shared__ float s[32]; s[t] = x[t]; __syncwarp(); out[t] = s[31 - t];",
    # Two threads use two halves of one word.
    "__shared__ unsigned char s[32]; s[t] = t; __syncthreads(); out[t] = s[t ^ 1];",
    # Each thread reads what it wrote itself.
    "__shared__ float s[32]; s[t] = x[t]; s[t] += 1; out[t] = s[t];",
    "out[t] = 0; out[t] += x[t];",
]


def test_what_does_no_harm_is_not_accused() -> None:
    text = "struct Mixed { float a; char b; };\n" + "".join(
        f"__global__ void k{i}(const float* x, float* out) {{ int t = threadIdx.x; {body} }}\n"
        for i, body in enumerate(HARMLESS)
    )
    launches = [
        Launch(f"k{i}", 1, 32, [X, Out(32)], schedule=seed)
        for i in range(len(HARMLESS))
        for seed in (0, 1, 3)
    ]
    for report in launch_all(built(text), launches):
        assert report.clean, report.problems


def test_two_threads_that_write_different_values_are_seen_in_either_order() -> None:
    text = """__global__ void k(const float* x, float* out) {
    out[0] = x[threadIdx.x];
    out[1] = 1.0f;
}
"""
    for seed in (0, 1):
        (problem,) = ran(text, Launch("k", 1, 32, [X, Out(2)], schedule=seed)).problems
        assert (problem.kind, problem.line) == ("race", 2)
        assert "both write out[0] in the same line and nothing orders them" in problem.message


def test_far_too_much_shared_memory_is_the_students_and_said() -> None:
    text = (
        "__global__ void k(float* out) {\n    __shared__ float a[1 << 25];\n    out[0] = a[0];\n}\n"
    )
    (problem, *_) = ran(text, Launch("k", 1, 1, [Out(1)]), Tier.PLAIN).problems
    assert "the __shared__ arrays need 134217728 bytes" in problem.message


def test_an_examination_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one case"):
        examine(ALONE, [])


def test_a_kernel_that_stops_early_passes_nothing() -> None:
    text = ALONE.replace("out[r] = sum;", "out[r] = sum; out[1 << 28] = sum;")
    case = Case(Launch("k", 4, 32, [X, Out(4), 4, 25]), {"out": X.reshape(4, 25).sum(1)},
                owner={"out": np.arange(4)})  # fmt: skip
    built(text)
    assert {o.status for o in examine(text, [case])[:5]} == {Status.FAILED}
