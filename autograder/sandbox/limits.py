"""What a worker may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of one worker.

    Attributes:
        memory: Bytes of address space above what the zygote itself has.
        cpu_seconds: Seconds of processor time in the worker's whole life.
        output: Bytes of stdout and stderr that are kept; the rest is read and dropped.
    """

    memory: int = 1 << 30
    cpu_seconds: int = 60
    output: int = 1 << 16
