"""Run a built program: one process, any number of launches, one report each."""

import functools
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .build import Program
from .command import Command
from .launch import Launch, Out, Report
from .problem import Problem, Unavailable
from .protocol import Answer, Malformed, answers, most_bytes, request, work_of
from .sanitizers import OVERTIME, from_log
from .toolchain import Tier
from .wording import problems_of

SECONDS = 10.0  # of the processor, for one launch
MOST_RANDOM_BITS = 28  # of addresses, that ThreadSanitizer can live with
_SANITIZERS = (
    (
        "ASAN_OPTIONS",
        "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:"
        "allocator_may_return_null=1:detect_stack_use_after_return=0",
    ),
    ("UBSAN_OPTIONS", "print_stacktrace=0"),
    ("TSAN_OPTIONS", "halt_on_error=0:exitcode=0:report_thread_leaks=0:history_size=4"),
)
# They reserve terabytes, which a limit on addresses (ulimit -v) or too random ones prevent.
_DOES_NOT_START = re.compile(
    r"FATAL: ThreadSanitizer|ThreadSanitizer: CHECK failed|Sanitizer failed to allocate"
    r"|ReserveShadowMemoryRange failed|Shadow memory range interleaves"
)


def launch_all(
    program: Program, launches: Sequence[Launch], *, seconds: float = SECONDS
) -> list[Report]:
    """Run launches one after another, in as few processes as can be: a kernel that ends its
    process costs only itself.

    Args:
        program: What `build` made.
        launches: What to run.
        seconds: The time of the processor that one launch may take.

    Raises:
        Unavailable: The build cannot run on this machine.
        ValueError: A launch is not in order.
    """
    reports: list[Report] = []
    if program.tier is Tier.THREAD:  # its log does not say which launch it is about
        return [report for one in launches for report in _run(program, [one], seconds)]
    while len(reports) < len(launches):
        reports += _run(program, list(launches[len(reports) :]), seconds)
    return reports


def launch(program: Program, one: Launch, *, seconds: float = SECONDS) -> Report:
    """Run one launch."""
    return launch_all(program, [one], seconds=seconds)[0]


def command(program: Program, seconds: float, most_output: int) -> Command:
    """How the program is started."""
    argv: tuple[str, ...] = (str(program.binary),)
    if program.tier is Tier.THREAD:
        argv = (*without_randomised_addresses(program.toolchain.setarch), *argv)
    return Command(argv, (program.binary,), (), _SANITIZERS, seconds, most_output)


@functools.cache
def without_randomised_addresses(setarch: str, bits: int | None = None) -> tuple[str, ...]:
    """A prefix under which ThreadSanitizer starts.

    Args:
        setarch: The program that fixes addresses, or "".
        bits: How random addresses are; by default what this machine says.

    Raises:
        Unavailable: Addresses are too random for it here, and cannot be fixed.
    """
    if platform.system() != "Linux":
        return ()
    if setarch:
        prefix = (setarch, platform.machine(), "-R")
        done = subprocess.run([*prefix, "true"], capture_output=True)
        if done.returncode == 0:
            return prefix
    if (_random_bits() if bits is None else bits) > MOST_RANDOM_BITS:
        raise Unavailable(
            f"ThreadSanitizer does not start where vm.mmap_rnd_bits is above {MOST_RANDOM_BITS}: "
            "lower it, or allow `setarch -R`"
        )
    return ()


def _random_bits() -> int:
    try:
        return int(Path("/proc/sys/vm/mmap_rnd_bits").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return MOST_RANDOM_BITS


def _run(program: Program, launches: list[Launch], seconds: float) -> list[Report]:
    names = {k.kernel: program.source.parameters_of(k.kernel) for k in launches}
    data = b"".join(request(one, names[one.kernel], seconds) for one in launches)
    patience = 10 + 6 * seconds * len(launches)  # by the clock, on a busy machine
    start = command(program, patience, most_bytes(launches))
    done = program.execute(start, data)
    log = done.err.decode(errors="replace")
    if not done.out and _DOES_NOT_START.search(log):
        name = "ThreadSanitizer" if program.tier is Tier.THREAD else "AddressSanitizer"
        raise Unavailable(f"{name} does not start here: it wants terabytes of address space")
    try:
        got = answers(done.out, launches)
        log = log if done.code is not None else f"{log}\n{OVERTIME}"
        reports = [
            _report(program, one, names[one.kernel], answer, log)
            for one, answer in zip(launches, got, strict=False)
        ]
    except Malformed as error:
        problem = Problem("crash", f"the program did not answer properly ({error})")
        return [Report({}, (problem,), log=log) for _ in launches]
    if len(reports) < len(launches) and (not got or got[-1].done):
        # It ended between two launches, which no launch of ours makes it do.
        return [*reports, Report({}, (Problem("crash", "the program ended early"),), log=log)]
    return reports


def _report(
    program: Program, one: Launch, names: tuple[str, ...], answer: Answer, log: str
) -> Report:
    for event in answer.events:
        if event.get("kind") == "no_memory":
            raise Unavailable("this launch needs more memory than it is given")
    problems = list(problems_of(program, one, answer.events))
    problems = from_log(
        program, problems, "" if answer.done and program.tier is not Tier.THREAD else log
    )
    if not answer.done and not problems:
        problems.append(Problem("crash", "the kernel ended the program"))
    outputs = {}
    for position, raw in answer.arrays.items():
        value = one.args[position]
        name = names[position] if position < len(names) else f"argument {position + 1}"
        if isinstance(value, (Out, np.ndarray)):
            outputs[name] = np.frombuffer(raw, dtype=value.dtype).reshape(value.shape).copy()
    return Report(
        outputs,
        tuple(problems),
        answer.printed.decode(errors="replace"),
        _trace(answer.trace),
        work_of(answer.work) if answer.work else {},
        log,
    )


def _trace(data: bytes) -> tuple[tuple[int, tuple[int, int, int], int, str, int], ...]:
    steps = []
    for line in data.decode("ascii", errors="replace").splitlines():
        m = re.fullmatch(r"(\d+) (\d+) (\d+) (\d+) (\d+) (run|barrier|warp|done) (\d+)", line)
        if not m:
            raise Malformed("a trace that is none")
        place = (int(m[2]), int(m[3]), int(m[4]))
        steps.append((int(m[1]), place, int(m[5]), m[6], int(m[7])))
    return tuple(steps)
