"""Visible checks in continuous integration: what runs, what is printed, what is written.

The student's code runs in a process of its own, without the job's variables, and what it prints is
data. That keeps a log readable and mistakes apart; it is no isolation, and these points are no
grade: code that shares a process with its checks can say anything about them.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from . import __version__
from .local import Desk, Line
from .result import CheckResult, ExerciseResult, FunctionResult, Status, SubmissionResult

# One exercise has a few seconds of work; what takes this long does not end.
SECONDS = 120.0
OUTPUT = 64 * 1024
MESSAGE = 4_000
# What a Python needs to start and to find its libraries, on Linux, macOS and Windows.
KEPT = """
    PATH HOME USER LOGNAME LANG LC_ALL LC_CTYPE TZ TMPDIR TEMP TMP PYTHONPATH PYTHONHOME VIRTUAL_ENV
    LD_LIBRARY_PATH DYLD_LIBRARY_PATH OMP_NUM_THREADS SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT
    USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA NUMBER_OF_PROCESSORS
"""


@dataclass(frozen=True)
class Seen:
    """What checking one exercise gave: a line per function, and what its code printed."""

    exercise: str
    file: str
    lines: tuple[Line, ...]
    printed: str
    seconds: float


def check(desk: Desk, slug: str, *, seconds: float = SECONDS) -> Seen:
    """Run the visible checks of one exercise in a process of their own.

    Args:
        seconds: After this long the process and all it started are ended.
    """
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "lines"
        code, printed = _run([str(desk.root), slug, str(said)], desk.root, seconds)
        told = _told(said)
    lines = _lines(desk, slug, told, _ending(code, seconds))
    file = ""
    with contextlib.suppress(Exception):  # the line of a function that is missing says it
        file = desk.own_file(slug).relative_to(desk.root).as_posix()
    return Seen(slug, file, lines, printed, round(time.perf_counter() - start, 3))


def _run(words: Sequence[str], folder: Path, seconds: float) -> tuple[int | None, str]:
    """Exit code, None if it was ended, and the first part of what was printed."""
    process = subprocess.Popen(
        # -P: the student's folder is not where modules are looked for.
        [sys.executable, "-P", "-m", __name__, *words],
        cwd=folder,
        env=environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    kept = bytearray()
    reader = threading.Thread(target=_drain, args=(process.stdout, kept), daemon=True)
    reader.start()
    code: int | None = None
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(seconds)
    finally:
        _end(process)
    # What left the group may hold the pipe open for ever; nobody waits for that.
    reader.join(2)
    text = bytes(kept[:OUTPUT]).decode("utf-8", errors="replace")
    return code, text + ("\n(more was printed)" if len(kept) > OUTPUT else "")


def _drain(pipe: IO[bytes], kept: bytearray) -> None:
    with pipe:
        while data := os.read(pipe.fileno(), 1 << 16):
            kept += data[: OUTPUT + 1 - len(kept)]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process, and on POSIX its group: whatever was left in the background."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def environment(full: Mapping[str, str]) -> dict[str, str]:
    """The variables that student code may see: none of the job's, none that holds a token."""
    names = KEPT.split()
    kept = {name: value for name, value in full.items() if name.upper() in names}
    return {**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def _ending(code: int | None, seconds: float) -> tuple[Status, str]:
    """Status and sentence for the function that was being checked when the process ended."""
    if code is None:
        return "timed_out", f"no answer within {seconds:g} seconds; look for a loop that goes on"
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return "raised", f"your code ended Python ({how}); look for exit, os._exit or a crash"


def _told(path: Path) -> list[Any]:
    """The records that the process wrote; it is not to be trusted with their form."""
    told = []
    with contextlib.suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
        for line in file.read(1 << 20).split(b"\n"):
            if line:
                told.append(json.loads(line))
    return told


def _lines(
    desk: Desk, slug: str, told: Sequence[Any], ending: tuple[Status, str]
) -> tuple[Line, ...]:
    known: dict[str, tuple[Status, str]] = {}
    for record in told:
        match record:
            case [
                str(name),
                ("passed" | "failed" | "raised" | "not_attempted" | "skipped") as status,
                str(message),
            ]:
                known.setdefault(name, (status, message[:MESSAGE]))
    found, before = list[Line](), ""
    for function in desk.entry(slug)["functions"]:
        name, worth = str(function["name"]), float(function["points"])
        if name in known:
            status, message = known[name]
        elif not before:
            before = name
            status, message = ending
        else:
            status, message = "raised", f"not reached, because of {before}"
        found.append(Line(slug, name, status, message, worth))
    return tuple(found)


def as_result(desk: Desk, seen: Sequence[Seen]) -> SubmissionResult:
    """What was seen as a result record, so that every report can show it.

    `isolation` is "trusted": nothing was isolated, and the points are what the functions whose
    visible check passes are worth.
    """
    exercises = tuple(_exercise(desk, one) for one in seen)
    return SubmissionResult(
        student=desk.root.name,
        points=sum(e.points for e in exercises),
        max_points=sum(e.max_points for e in exercises),
        isolation="trusted",
        engine=__version__,
        secret_id="",
        key="",
        exercises=exercises,
        seconds=round(sum(one.seconds for one in seen), 3),
    )


def _exercise(desk: Desk, seen: Seen) -> ExerciseResult:
    entry = desk.entry(seen.exercise)
    functions = tuple(_function(line) for line in seen.lines)
    return ExerciseResult(
        exercise=seen.exercise,
        title=str(entry["title"]),
        version=str(entry["version"]),
        status="graded",
        points=sum(f.points for f in functions),
        max_points=sum(f.max_points for f in functions),
        functions=functions,
        source=seen.file,
        seconds=seen.seconds,
    )


def _function(line: Line) -> FunctionResult:
    earned = line.points if line.status == "passed" else 0.0
    message = "" if line.status in ("passed", "not_attempted") else line.message
    check = CheckResult("visible", "V", "Visible check", line.status, earned, line.points, message)
    return FunctionResult(line.function, line.status, earned, line.points, (check,))


def _main(root: str, slug: str, path: str) -> None:
    """What the process does: a record per function, each written as soon as it is known."""
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        for line in Desk(Path(root)).check(slug):
            file.write(json.dumps([line.function, line.status, line.message]) + "\n")
            file.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
