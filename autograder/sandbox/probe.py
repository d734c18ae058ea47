"""What this machine gives: each level is tried with a process that is really closed off."""

import os
import sys
from dataclasses import dataclass

from ..errors import IsolationError
from .limits import Limits
from .seal import Level
from .zygote import TRIAL
from .zygotes import LayerRefused, Zygote, ZygoteGone

LEVELS: tuple[Level, ...] = ("A", "B", "C")


@dataclass(frozen=True)
class Probe:
    """The best level there is, and one sentence for every layer that a better one lacks."""

    level: Level | None
    reasons: tuple[str, ...]


def probe() -> Probe:
    """Try the levels from the best on. Takes a tenth of a second; never raises."""
    if sys.platform != "linux":
        return Probe(None, ("Isolation needs Linux: run the grader in a container.",))
    reasons: dict[str, None] = {}
    for level in LEVELS:
        problem = try_level(level)
        if problem is None:
            return Probe(level, tuple(reasons))
        reasons[str(problem)] = None
    return Probe(None, tuple(reasons))


def try_level(level: Level) -> IsolationError | None:
    """Close a process off at `level` and fork a worker from it; what stood in the way, if any."""
    try:
        zygote = Zygote(level, "none")
    except IsolationError as error:
        return error
    except Exception as error:
        return LayerRefused("start", f"{type(error).__name__}: {error}")
    read, write = os.pipe()
    try:
        pid, pidfd = zygote.fork(Limits(), read, write, write)
        os.close(pidfd)
        ended = zygote.reap(pid)
        if ended and ended[0] == TRIAL:
            return None
        return LayerRefused("seccomp", f"a trial worker ended with {ended and ended[0]}")
    except IsolationError as error:
        return error
    except ZygoteGone:
        return LayerRefused("start", "the zygote ended")
    finally:
        os.close(read)
        os.close(write)
        zygote.close()
