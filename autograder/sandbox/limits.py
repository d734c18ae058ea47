"""What a worker may use."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

# What a container allows must hold the grader and its zygotes as well as one worker.
SHARE = 0.4
CONTAINER = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Limits:
    """The limits of one worker.

    Attributes:
        memory: Bytes of address space above what the zygote itself has.
        cpu_seconds: Seconds of processor time in the worker's whole life.
        output: Bytes of stdout and stderr that are kept; the rest is read and dropped.
        files: Bytes that all files in the worker's folder may have; 0 for no folder.
        file_bytes: Bytes that one file may have: a write beyond that fails. None for `files`.
        stop_at: End the process before it renames or removes something for the time after so many.
    """

    memory: int = 1 << 30
    cpu_seconds: int = 60
    output: int = 1 << 16
    files: int = 0
    file_bytes: int | None = None
    stop_at: int | None = None


def fitting(limits: Limits, allowed: Sequence[Path] = CONTAINER) -> Limits:
    """`limits` with no more memory than the container has room for.

    Beyond what a container allows the kernel kills, and nobody could tell that from a fault of
    ours; a limit of the worker's own is a clear *over memory*.

    Args:
        limits: What is wanted.
        allowed: Files that say how many bytes the container may use, or "max".
    """
    for path in allowed:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            return replace(limits, memory=min(limits.memory, int(int(text) * SHARE)))
    return limits
