"""Which compiler builds kernels for the CPU, and how it is called for each build."""

import functools
import platform
import shutil
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..compiler import find_compiler
from .problem import Unavailable

RUNTIME = Path(__file__).parent / "runtime"


class Tier(Enum):
    """How a program is built, which decides what is seen when it runs."""

    PLAIN = "plain"
    CHECKED = "checked"
    ADDRESS = "address"
    THREAD = "thread"


WATCH = {
    Tier.PLAIN: ("watch_nothing",),
    Tier.CHECKED: ("watch_accesses", "undefined"),
    Tier.ADDRESS: ("watch_address",),
    Tier.THREAD: ("watch_thread",),
}
# What is undefined is told to runtime/undefined.cpp; sizes of objects are the watch's to know.
UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize=vptr,object-size")
# Flags for the student's file; the runtime is never compiled with a sanitizer.
FLAGS = {
    Tier.PLAIN: ("-O2", "-g1", "-gdwarf-4"),
    Tier.CHECKED: ("-O1", "-g1", "-gdwarf-4", "-fsanitize=thread", *UNDEFINED),
    Tier.ADDRESS: ("-O1", "-g1", "-gdwarf-4", "-fsanitize=address"),
    Tier.THREAD: ("-O1", "-g1", "-gdwarf-4", "-fsanitize=thread"),
}
# What is linked besides: the libraries of sanitizers, where a watch needs them.
LIBRARIES = {
    Tier.PLAIN: (),
    Tier.CHECKED: (),
    Tier.ADDRESS: ("-fsanitize=address",),
    Tier.THREAD: ("-fsanitize=thread",),
}
COMMON = (
    "-std=c++17",
    "-nostdinc",
    "-nostdinc++",
    "-ffp-contract=fast",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-omit-frame-pointer",
    "-fno-strict-aliasing",
    "-fwrapv",
    "-Wall",
    "-Wno-unknown-pragmas",
    "-Wno-unused",
    "-Wno-return-type-c-linkage",
    "-Werror=vla",
    "-Werror=return-type",
    "-fdiagnostics-color=never",
)


@dataclass(frozen=True)
class Toolchain:
    """A C++ compiler with the tools beside it."""

    compiler: str
    version: str
    clang: bool
    nm: str
    addr2line: str
    setarch: str = ""

    def for_student(self, tier: Tier) -> tuple[str, ...]:
        """Flags that turn a student's translation unit into an object."""
        own = ["-fno-caret-diagnostics" if self.clang else "-fno-diagnostics-show-caret"]
        if self.clang and "-fsanitize=undefined" in FLAGS[tier]:
            own.append("-fno-sanitize=function")
        if tier is Tier.CHECKED:  # calls of functions are of no interest to it
            name = "tsan-instrument-func-entry-exit=0"
            own += ["-mllvm", f"-{name}"] if self.clang else ["--param", name]
            if self.clang:  # which else leaves out a read that a write to the same place follows
                own += ["-mllvm", "-tsan-instrument-read-before-write=1"]
        return (*COMMON, *_position(), *FLAGS[tier], *own)

    def for_runtime(self) -> tuple[str, ...]:
        return ("-std=c++17", "-O1", "-g1", "-gdwarf-4", *_position(), "-fno-omit-frame-pointer")

    def for_link(self, tier: Tier) -> tuple[str, ...]:
        return (*(("-no-pie",) if _position() else ()), *LIBRARIES[tier])


def _position() -> tuple[str, ...]:
    """Fixed addresses, so that 32 bits of a program counter say where it is."""
    return ("-fno-pie",) if platform.system() == "Linux" else ()


@functools.cache
def find_toolchain(compiler: str = "") -> Toolchain:
    """The compiler that AUTOGRADER_CXX names, else g++ or clang++.

    Raises:
        Unavailable: There is none, or it does not run.
    """
    if platform.system() not in ("Linux", "Darwin"):
        raise Unavailable("kernels are built on Linux; on Windows use WSL 2 or the container")
    path = find_compiler(compiler)
    if path is None:
        raise Unavailable("no C++ compiler was found: install g++ or clang++")
    done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Unavailable(f"{path} does not run")
    tools = {
        tool: shutil.which(tool) or shutil.which(f"llvm-{tool}") or ""
        for tool in ("nm", "addr2line")
    }
    return Toolchain(
        path,
        done.stdout.partition("\n")[0],
        "clang" in done.stdout,
        tools["nm"],
        tools["addr2line"],
        shutil.which("setarch") or "",
    )
