"""The parts round a launch: building, the cache, precision, the wire, the picture, the tiers."""

import dataclasses
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.cuda import (
    Command,
    Completed,
    Launch,
    Out,
    Problem,
    Refused,
    Source,
    Tier,
    Unavailable,
    build,
    find_toolchain,
    launch,
)
from autograder.cuda.command import execute_here
from autograder.cuda.device_compiler import compile_for_device
from autograder.cuda.examine import Case, Status, examine
from autograder.cuda.picture import Picture, segments
from autograder.cuda.precision import precision
from autograder.cuda.protocol import Malformed, answers
from autograder.cuda.running import without_randomised_addresses
from autograder.tests.cuda_cases import cases, piece, pieces
from autograder.tests.cuda_machine import built, ran

ADD = """__global__ void add(const float* x, const float* y, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = x[i] + y[i];
}
"""


def errors(text: str, **more: object) -> tuple[Problem, ...]:
    """What `build` refuses."""
    with pytest.raises(Refused) as caught:
        built(text, Tier.PLAIN, **more)
    return caught.value.problems


def test_an_error_of_the_compiler_has_the_line_of_the_student() -> None:
    (problem,) = errors(ADD.replace("y[i]", "z[i]"))
    assert (problem.kind, problem.line) == ("compile", 3)
    assert problem.message == "'z' was not declared in this scope"
    (problem, *_) = errors(ADD.replace("if (i < n)", "float s[n]; if (i < n)"))
    assert problem.line == 3 and "s" in problem.message
    (problem, *_) = errors(
        ADD.replace("x[i] + y[i]", "__shfl_sync(~0u, make_float4(1, 2, 3, 4), 0).x")
    )
    assert problem.line == 3 and "a shuffle moves at most 8 bytes" in problem.message


@pytest.mark.parametrize("function", ["system", "fork", "getenv", "undefined_here"])
def test_a_function_of_the_system_is_refused_though_it_compiles(function: str) -> None:
    text = f'extern "C" __device__ int {function}(const char*);\n' + ADD.replace(
        "if (i < n)", f'if (i < n && {function}("x"))'
    )
    (problem,) = errors(text)
    assert problem.message == f"{function} is not a function of device code" and problem.line == 1


def test_a_name_of_the_system_or_of_the_runtime_cannot_be_taken() -> None:
    (problem,) = errors("__device__ int write;\n" + ADD)
    assert str(problem) == "line 1: write is a name of the system: choose another one"
    (problem,) = errors('extern "C" ' + ADD.replace("add(", "getpid("))
    assert problem.message.startswith("getpid is a name of the system")
    inside = "#define GLUE(a, b) a##b\nnamespace GLUE(on_, cpu) { extern int events_sent; }\n"
    text = inside + ADD.replace("if (i < n)", "GLUE(on_, cpu)::events_sent = 99; if (i < n)")
    (problem,) = errors(text)
    assert "events_sent" in problem.message or "on_cpu" in problem.message


def test_a_macro_cannot_glue_a_forbidden_name_together() -> None:
    text = "#define GLUE(a, b) a##b\n" + ADD.replace(
        "if (i < n)", 'GLUE(as, m)("nop"); GLUE(__as, m__)("nop"); if (i < n)'
    )
    assert any("inline PTX" in p.message or "asm" in p.message for p in errors(text))


def test_a_file_without_a_kernel_says_what_a_kernel_is() -> None:
    (problem,) = errors("__device__ float f() { return 1.0f; }")
    assert (
        problem.message == "there is no kernel in this file: a kernel is a __global__ void function"
    )


def test_what_was_built_is_not_built_again(tmp_path: Path) -> None:
    built(ADD, Tier.PLAIN)
    ran_commands: list[Command] = []

    def counting(command: Command, given: bytes) -> Completed:
        ran_commands.append(command)
        return execute_here(command, given)

    text = ADD + f"// {os.urandom(8).hex()}\n"
    first = build(Source(text), Tier.PLAIN, execute=counting)
    compiled = len(ran_commands)
    again = build(Source(text), Tier.PLAIN, execute=counting)
    assert first.binary == again.binary and len(ran_commands) == compiled >= 2
    for command in ran_commands:  # as data: what a sandbox must let in and out
        assert all(path.exists() or path.suffix in (".o", ".cpp") for path in command.reads)
        assert Path(command.argv[0]).is_absolute() and command.seconds > 0
    outcome = launch(
        dataclasses.replace(again, execute=counting),
        Launch("add", 1, 4, [np.ones(4, np.float32), np.ones(4, np.float32), Out(4), 4]),
    )
    assert outcome.outputs["out"].tolist() == [2] * 4
    assert ran_commands[-1].reads == (again.binary,) and ran_commands[-1].writes == ()


def test_a_machine_without_a_compiler_gives_the_reason_and_never_a_pass() -> None:
    script = f"""
import numpy as np
from autograder.cuda import Launch, Out
from autograder.cuda.examine import Case, examine
case = Case(Launch("add", 1, 1, [Out(1), Out(1), Out(1), 1]), {{"out": np.zeros(1)}})
for outcome in examine({ADD!r}, [case]):
    print(outcome)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": "/nowhere", "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "values: skipped: no C++ compiler was found: install g++ or clang++"
    assert len(lines) == 7 and all(": skipped: " in line for line in lines[:5])
    assert lines[-1].startswith("gpu: skipped: ")


def test_a_compiler_that_does_not_know_our_flags_is_no_fault_of_the_student(tmp_path: Path) -> None:
    built(ADD, Tier.PLAIN)
    strange = tmp_path / "g++"
    strange.write_text(
        "#!/bin/sh\ncase $* in\n*--version*) echo strange 1.0;;\n"
        "*-nostdinc*) echo 'error: unknown flag' >&2; exit 1;;\nesac\n"
    )
    strange.chmod(0o755)
    with pytest.raises(Unavailable, match="the compiler stopped: error: unknown flag"):
        build(Source(ADD), toolchain=find_toolchain(str(strange)), cache=tmp_path / "cache")


def test_a_program_that_says_too_much_or_never_ends_is_stopped() -> None:
    loud = Command((sys.executable, "-c", "print('x' * 3_000_000)"), most_output=10_000)
    assert execute_here(loud).code is None
    slow = Command((sys.executable, "-c", "import time; time.sleep(60)"), seconds=0.3)
    assert execute_here(slow).code is None
    deaf = Command((sys.executable, "-c", "pass"))
    assert execute_here(deaf, b"x" * 5_000_000).code == 0


def frame(tag: bytes, payload: bytes, size: int | None = None) -> bytes:
    return tag + struct.pack("<Q", len(payload) if size is None else size) + payload


@pytest.mark.parametrize(
    "data",
    [
        frame(b"WHAT", b""),
        frame(b"ARRY", b"\0" * 4 + b"x" * 400),
        frame(b"ARRY", struct.pack("<I", 7) + b"x" * 16),
        frame(b"ARRY", struct.pack("<I", 1) + b"x" * 16),
        frame(b"ARRY", b""),
        frame(b"EVNT", b"", 1 << 60),
        frame(b"DONE", b"") * 3,
    ],
)
def test_an_answer_that_is_none_is_refused(data: bytes) -> None:
    launches = [Launch("k", 1, 1, [Out(4), 3])] * 2
    with pytest.raises(Malformed):
        answers(data, launches)


def test_an_answer_cut_short_keeps_what_came_before() -> None:
    whole = frame(b"ARRY", struct.pack("<I", 0) + b"x" * 16) + frame(b"DONE", b"")
    (first,) = answers(whole[:-3], [Launch("k", 1, 1, [Out(4)])])
    assert first.arrays == {0: b"x" * 16} and not first.done


def test_precision_allows_what_an_honest_computation_errs() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((40, 300)).astype(np.float32) for _ in range(2))
    exact, honest = a.astype(np.float64) @ b.T.astype(np.float64), a @ b.T
    other_order = a[:, ::-1] @ b[:, ::-1].T
    assert precision(other_order, exact, honest).passed
    in_half = (a.astype(np.float16) @ b.T.astype(np.float16)).astype(np.float32)
    assert not precision(in_half, exact, honest).passed
    assert precision(in_half.astype(np.float16), exact, in_half, dtype="float16").passed


def test_precision_says_what_is_wrong_without_a_value() -> None:
    exact = np.arange(6.0).reshape(2, 3) + 1
    honest = exact.astype(np.float32)
    wrong = honest.copy()
    wrong[1, 2] = np.nan
    assert precision(wrong, exact, honest).message("out") == (
        "out is not finite in 1 entry where it should be"
    )
    wrong[1, 2] = 9
    message = precision(wrong, exact, honest).message("out")
    assert message == "out is wrong; worst at out[1, 2]: the error is far more than what is allowed"
    assert precision(honest, exact, honest).message("out") == ""


def test_precision_judges_the_mean_too() -> None:
    exact = np.linspace(1, 2, 1000)
    honest = exact.astype(np.float32)
    honest[0] += np.float32(1e-4)  # one honest outlier must not excuse all the others
    got = exact.astype(np.float32) + np.float32(5e-5)
    result = precision(got, exact, honest)
    assert result.error <= result.allowed and not result.passed
    assert result.message("out") == "out is off on average: rounding alone does not explain it"


def test_infinite_results_must_be_infinite() -> None:
    exact, honest = np.array([np.inf, 1.0]), np.array([np.inf, 1.0], np.float32)
    assert precision(honest, exact, honest).passed
    assert precision(np.array([1e30, 1.0]), exact, honest).strange == 1


def test_shapes_that_differ_are_an_error_of_the_author() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        precision(np.zeros(3), np.zeros(4), np.zeros(3))


WAITS = """__global__ void k(float* out) {
    __shared__ float s[4];
    s[threadIdx.x] = threadIdx.x;
    __syncthreads();
    out[threadIdx.x] = s[3 - threadIdx.x];
}
"""


def test_the_picture_shows_who_ran_when_and_where_it_waited() -> None:
    report = ran(WAITS, Launch("k", 1, 4, [Out(4)], trace=True), Tier.PLAIN)
    found = segments(report)
    waits = [s for s in found if s.state == "barrier"]
    assert [(s.thread, s.line) for s in waits] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert max(s.start for s in waits) < min(s.end for s in waits)  # all wait before one goes on
    picture = Picture(report)
    text = str(picture).splitlines()
    assert len(text) == 5 and text[0].startswith("block 0 thread   0 #|")
    svg = picture.svg()
    assert svg.count("waits at a barrier in line 4") == 4 and svg.startswith("<svg ")
    assert picture._repr_svg_() == svg


def test_the_picture_of_a_barrier_that_is_never_left_ends_in_waiting() -> None:
    text = WAITS.replace("    __syncthreads();", "    if (threadIdx.x) __syncthreads();")
    report = ran(text, Launch("k", 1, 4, [Out(4)], trace=True), Tier.PLAIN)
    last = {s.thread: s.state for s in segments(report)}
    assert last == {0: "run", 1: "barrier", 2: "barrier", 3: "barrier"}


def test_a_picture_needs_a_record_and_a_small_launch() -> None:
    report = ran(WAITS, Launch("k", 1, 4, [Out(4)]), Tier.PLAIN)
    with pytest.raises(ValueError, match="trace=True"):
        Picture(report)
    many = ran(WAITS, Launch("k", 100, 4, [Out(4)], trace=True), Tier.PLAIN)
    with pytest.raises(ValueError, match="too many for a picture"):
        Picture(many)


def test_the_device_compiler_passes_fails_or_is_skipped_with_its_reason() -> None:
    try:
        problems = compile_for_device(Source(ADD))
    except Unavailable as reason:
        assert "[cuda]" in str(reason)
        pytest.skip(str(reason))
    assert problems == ()
    for name in pieces():
        assert compile_for_device(piece(name), architectures=["sm_80"]) == (), name
    text = ADD.replace("y[i]", "z[i]")
    (problem,) = compile_for_device(Source(text, "k.cu"))
    assert (problem.line, problem.message) == (3, 'identifier "z" is undefined')
    (problem, *_) = compile_for_device(Source("#include <vector>\n" + ADD, "k.cu"))
    assert problem.line == 1 and "vector" in problem.message
    text = "template <int N> __global__ void t(float* x) { x[0] = missing + N; }\n"
    assert compile_for_device(Source(text)) == ()
    assert compile_for_device(Source(text), kernels=["t<3>"]) != ()


def test_wrong_values_fail_the_values_and_nothing_else() -> None:
    built(ADD, Tier.PLAIN)
    case = cases()["row_sum_tree"]
    text = pieces()["row_sum_tree"].replace("part[t + step];", "1.5f * part[t + step];")
    outcomes = {o.tier: o for o in examine(Source(text, "k.cu"), [case])}
    assert outcomes["values"].status is Status.FAILED
    assert "out is wrong; worst at out[" in str(outcomes["values"])
    assert outcomes["races and memory"].status is Status.PASSED


def test_an_integer_result_is_compared_exactly() -> None:
    built(ADD, Tier.PLAIN)
    good = cases()["histogram"]
    off = Case(good.launch, {"counts": good.exact["counts"] + np.eye(16, dtype=int)[3]})
    outcome = examine(piece("histogram"), [off])[0]
    assert str(outcome) == "values: failed\n  counts is wrong in 1 of 16 elements"


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on addresses is set with ulimit")
def test_too_little_memory_is_no_fault_of_the_student() -> None:
    program = built(pieces()["row_sum_tree"], Tier.CHECKED)

    def limited(megabytes: int, one: Launch) -> object:
        def execute(command: Command, given: bytes) -> Completed:
            shell = f'ulimit -v {1024 * megabytes}; exec "$@"'
            argv = ("/bin/sh", "-c", shell, "sh", *command.argv)
            return execute_here(dataclasses.replace(command, argv=argv), given)

        return dataclasses.replace(program, execute=execute).launch(
            one.kernel, one.grid, one.block, one.args
        )

    one = cases()["row_sum_tree"].launch
    assert limited(200, one).clean  # type: ignore[attr-defined]
    with pytest.raises(Unavailable, match="needs more memory than it is given"):
        limited(200, one.but(block=1024))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux randomises addresses this way")
def test_addresses_too_random_for_thread_sanitizer_are_a_reason_to_skip() -> None:
    assert without_randomised_addresses("", 28) == ()
    for setarch in ("", "/bin/false"):
        with pytest.raises(Unavailable, match=r"vm\.mmap_rnd_bits is above 28"):
            without_randomised_addresses(setarch, 32)


def test_the_examples_of_the_documentation_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built(ADD)
    page = (Path(__file__).parents[2] / "docs" / "cuda.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "sums.cu").write_text(pieces()["row_sum_tree"].replace("row_sum_tree", "row_sum"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)
    assert len(examples) == 3 and names["report"].clean  # type: ignore[attr-defined]
    assert names["out"].tolist() == [100] * 4  # type: ignore[attr-defined]
    assert capsys.readouterr().out.count("passed") >= 4
