"""What isolation adds to a compiler and to its programs: `python -m autograder.sandbox.tool_costs`.

Processor seconds, because they do not depend on what else the machine does, and seconds on the
wall; medians.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..errors import IsolationError
from .probe import LEVELS
from .toolchain import Toolbox
from .tools import find_tools

_SOURCE = '#include <cstdio>\nint main() { puts("end"); }\n'
_FLAGS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "ASan + UBSan": ("-fsanitize=address,undefined",),
    "TSan": ("-fsanitize=thread",),
}
_ENV = {"ASAN_OPTIONS": "detect_leaks=0"}


def main(times: int = 9) -> None:
    """Print a table: milliseconds without isolation, and at each level of this machine."""
    boxes = _boxes()
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "a.cpp"), Path(folder, "a")
        source.write_text(_SOURCE)
        for name, flags in _FLAGS.items():
            own = ["-O1", "-g1", *flags]
            command = [find_tools().compiler, *own, str(source), "-o", str(program)]
            _print(name, "none", "compile", times, partial(_run, command))
            _print(name, "none", "run", times, partial(_run, ["setarch", "-R", str(program)]))
            command = [find_tools().compiler, *own, "a.cpp", "-o", "a"]
            given, made = {"a.cpp": _SOURCE.encode()}, {"a": program.read_bytes()}
            for box in boxes:
                compiles = partial(box.run, command, given, profile="compile")
                runs = partial(box.run, ["./a"], made, profile="run", env=_ENV)
                _print(name, box.level, "compile", times, compiles)
                _print(name, box.level, "run", times, runs)
    for box in boxes:
        box.close()


def _run(command: list[str]) -> None:
    env = {**os.environ, **_ENV}
    subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)


def _boxes() -> list[Toolbox]:
    found = []
    for level in LEVELS:
        try:
            found.append(Toolbox(level))
        except IsolationError as error:
            sys.stdout.write(f"level {level} is not to be had here: {error}\n")
    return found


def _print(name: str, level: str, profile: str, times: int, run: Callable[[], object]) -> None:
    walls, cpus = [], []
    for _ in range(times):
        start, used = time.perf_counter(), _cpu()
        run()
        walls.append(time.perf_counter() - start)
        cpus.append(_cpu() - used)
    wall, cpu = statistics.median(walls) * 1e3, statistics.median(cpus) * 1e3
    sys.stdout.write(
        f"{name:14}{level:6}{profile:9}{cpu:7.0f} ms of processor time{wall:7.0f} ms\n"
    )


def _cpu() -> float:
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, both))


if __name__ == "__main__":
    main()
