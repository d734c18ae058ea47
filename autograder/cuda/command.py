"""Runs of outside programs as data, and what runs them here, without isolation.

The compiler, the tools beside it and the programs that come out are all run through a `Command`, so
that another executor (one in a sandbox) can be put in place of `execute_here`.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SECONDS = 60.0
MOST_OUTPUT = 1_000_000


@dataclass(frozen=True)
class Command:
    """One run of an outside program, as data.

    Attributes:
        argv: What to execute; the program's path first.
        reads: Files and folders that it needs, besides what belongs to the program itself.
        writes: Files that it makes.
        env: Additions to an otherwise empty environment (PATH and TMPDIR aside).
        seconds: The longest it may take.
        most_output: The most it may write to standard output, in bytes.
    """

    argv: tuple[str, ...]
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    seconds: float = SECONDS
    most_output: int = MOST_OUTPUT


@dataclass(frozen=True)
class Completed:
    """How a command ended; `code` is negative for a signal, None when it was too slow or loud."""

    code: int | None
    out: bytes
    err: bytes


Execute = Callable[[Command, bytes], Completed]


def execute_here(command: Command, given: bytes = b"") -> Completed:
    """Run a command on this machine, without isolation, but with an end and a bound on output."""
    env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TMPDIR": tempfile.gettempdir()}
    env.update(command.env)
    process = subprocess.Popen(
        command.argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        start_new_session=True,
    )
    assert process.stdin and process.stdout and process.stderr
    until = time.monotonic() + command.seconds
    left, got = memoryview(given), {process.stdout: bytearray(), process.stderr: bytearray()}
    over = False
    with process, selectors.DefaultSelector() as ready:
        ready.register(process.stdin, selectors.EVENT_WRITE)
        ready.register(process.stdout, selectors.EVENT_READ)
        ready.register(process.stderr, selectors.EVENT_READ)
        os.set_blocking(process.stdin.fileno(), False)
        while ready.get_map() and not over:
            over = time.monotonic() > until
            for key, _ in ready.select(max(0.0, until - time.monotonic())):
                if key.fileobj is process.stdin:
                    left = _give(process.stdin, left)
                    if not left:
                        ready.unregister(process.stdin)
                        with contextlib.suppress(BrokenPipeError):
                            process.stdin.close()
                    continue
                part = os.read(key.fd, 1 << 16)
                kept = got[key.fileobj]  # type: ignore[index]
                if len(kept) < command.most_output:
                    kept += part
                elif key.fileobj is process.stdout:
                    over = True
                if not part:
                    ready.unregister(key.fileobj)
        if not over:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                over = True
        if over:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for pipe in got:
            pipe.close()
    code = None if over else process.returncode
    return Completed(code, bytes(got[process.stdout]), bytes(got[process.stderr]))


def _give(pipe: IO[bytes], left: memoryview) -> memoryview:
    """Write what the pipe takes; nothing is left when nobody reads any more."""
    try:
        return left[os.write(pipe.fileno(), left[: 1 << 16]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]
