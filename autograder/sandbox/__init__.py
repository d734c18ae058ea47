"""Runs code that nobody trusts, and answers a supervisor. Linux only; import it where it is used.

What a level stands for:

    A   namespaces, a private read-only root, Landlock, system call filter, limits
    B   Landlock, system call filter, limits
    C   another user, a system call filter that opens no file at all, limits
"""

from .limits import Limits
from .probe import LEVELS, Probe, probe
from .sandbox import Sandbox
from .seal import Level
from .toolchain import Finished, Toolbox, ToolLimits
from .worker import Worker, WorkerDied

__all__ = [
    "LEVELS",
    "Finished",
    "Level",
    "Limits",
    "Probe",
    "Sandbox",
    "ToolLimits",
    "Toolbox",
    "Worker",
    "WorkerDied",
    "probe",
]
