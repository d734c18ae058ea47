"""What isolation this machine gives, proved by trying to break out of it."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .sandbox.libraries import Arrays

CONTAINER = (
    "Run official grading in a Linux container (docs/isolation.md says how). "
    "`autograder check` works here."
)


def report() -> int:
    """Print the level, what is missing for a better one, and the canaries; 0, 1 or 2."""
    if sys.platform != "linux":
        print(f"isolation: none on {sys.platform}. {CONTAINER}")
        return 1
    from .errors import IsolationError
    from .sandbox import Sandbox, probe
    from .sandbox.canaries import canaries

    found = probe()
    for reason in found.reasons:
        print(f"  {reason}")
    if found.level is None:
        print(f"isolation: none. {CONTAINER}")
        return 1
    print(f"isolation: level {found.level}")
    leaks = 0
    for arrays in _available():
        try:
            with Sandbox(found.level) as sandbox:
                tried = canaries(sandbox, arrays=arrays)
        except IsolationError as error:
            print(f"  {arrays}: cannot be set up: {error}")
            return 1
        for sentence, contained, detail in tried:
            leaks += not contained
            state = "contained" if contained else "NOT CONTAINED"
            print(f"  {arrays}: {state}: {sentence} ({detail})")
    if leaks:
        print(f"{leaks} attempts were not contained: do not grade on this machine")
    return 1 if leaks else 0


def _available() -> "tuple[Arrays, ...]":
    from importlib.util import find_spec

    return ("numpy", "torch") if find_spec("torch") else ("numpy",)
