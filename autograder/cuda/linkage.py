"""What a student's object may define and ask the linker for: kernels, mathematics, our runtime."""

import ctypes
import re
from pathlib import Path

from .command import Command, Execute
from .problem import Problem
from .source import Source
from .toolchain import Toolchain

# What device.h declares; nothing else of the runtime is for a kernel.
_RUNTIME = (
    *("12thread_index", "11block_index", "10block_size", "9grid_size", "4lane", "4warp"),
    *("7barrier", "6shared", "14dynamic_shared", "6gather", "5fence", "6failed", "5print"),
)
_MATHEMATICS = (
    "exp exp2 exp10 expm1 log log2 log10 log1p sqrt cbrt sin cos tan asin acos atan sinh cosh tanh "
    "asinh acosh atanh erf erfc lgamma tgamma floor ceil trunc round rint nearbyint fabs pow fmod "
    "atan2 fmax fmin hypot copysign remainder fdim fma ldexp frexp sincos"
)
_ALLOWED = re.compile(
    rf"_?(_ZN6on_cpu({'|'.join(_RUNTIME)})\w*|({_MATHEMATICS.replace(' ', '|')})f?|abs"
    r"|__([ta]|ub)san_\w+|mem(cpy|set|move|cmp)|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail"
    r"|__gxx_personality_v0|_Unwind_Resume|__dso_handle|__cxa_(guard_\w+|atexit)"
    r"|__popcount[sd]i2|__(mul|div|mod|udiv|umod)[std]i[34])"
)


def foreign_symbols(
    source: Source, made: Path, tools: Toolchain, execute: Execute
) -> tuple[Problem, ...]:
    """What the object `made` asks for or defines and device code cannot have, with lines."""
    if not tools.nm:
        return ()
    done = execute(Command((tools.nm, "-P", "-g", str(made)), (made,)), b"")
    system = ctypes.CDLL(None)
    found = []
    for text in done.out.decode(errors="replace").splitlines():
        name, kind, *_ = [*text.split(" "), ""]
        if kind in "Uwv":
            if not _ALLOWED.fullmatch(name):
                found.append(_problem(source, name, "is not a function of device code"))
        elif not name.startswith("_Z") and hasattr(system, name):
            found.append(_problem(source, name, "is a name of the system: choose another one"))
    return tuple(found)


def _problem(source: Source, name: str, words: str) -> Problem:
    m = re.match(r"_ZN?K?(\d+)(\w+)", name)
    plain = m[2][: int(m[1])] if m else name
    used = re.search(rf"\b{re.escape(plain)}\b", source.code)
    return Problem("compile", f"{plain} {words}", source.line(used.start()) if used else 0)
