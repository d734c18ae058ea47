"""What an exercise may use, and the names that a person should look at wherever they appear."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# fmt: off
BUILTINS = frozenset((
    "eval", "exec", "compile", "__import__", "globals", "locals", "vars", "setattr", "delattr",
    "open", "input", "breakpoint", "complex",
))
MODULES = frozenset((
    "_ctypes", "_thread", "asyncio", "atexit", "builtins", "code", "concurrent", "ctypes", "dis",
    "fcntl", "gc", "http", "importlib", "inspect", "marshal", "mmap", "multiprocessing", "os",
    "pathlib", "pickle", "pty", "resource", "runpy", "select", "shutil", "signal", "site",
    "socket", "sqlite3", "subprocess", "tempfile", "threading", "tracemalloc", "urllib",
))
NAMES = frozenset((
    "sys._getframe", "sys._current_frames", "sys.modules", "sys.settrace", "sys.setprofile",
    "sys.meta_path", "sys.path", "types.FunctionType", "types.CodeType", "numpy.load",
    "numpy.save", "numpy.memmap", "numpy.ctypeslib", "numpy.f2py", "numpy.lib", "numpy.core",
    "numpy._core", "numpy.testing", "numpy.complex64", "numpy.complex128", "torch.load",
    "torch.save", "torch.library", "operator.attrgetter", "operator.methodcaller",
))
ATTRIBUTES = frozenset((
    "f_back", "f_locals", "f_globals", "f_builtins", "f_code", "gi_frame", "cr_frame", "tb_frame",
    "__globals__", "__subclasses__", "__builtins__", "__code__", "__closure__", "__dict__",
    "__bases__", "__mro__", "__loader__", "__spec__", "__getattribute__", "__array_interface__",
))
METHODS = frozenset((
    "__array_ufunc__", "__array_function__", "__reduce__", "__reduce_ex__",
))
# fmt: on
# What an exercise needs that writes files; see `files` in course.toml.
FILES = ("open", "os", "pathlib", "shutil", "tempfile")
# Stands for what a name may be once it may be too many things to follow.
MANY = "a name for many things"
# No rule is longer; a name that is, is cut.
MAX_DOTTED = 120


@dataclass(frozen=True)
class Rules:
    """What an exercise may use.

    Attributes:
        forbidden_modules: Modules, or packages with all that is in them: "torch".
        forbidden_calls: Functions, classes or attributes by dotted name: "numpy.gradient".
        allowed_modules: Exceptions from both, and from what is looked at: "torch.nn", "os". The
            longest name that fits decides.
        advice: Forbidden name -> the end of the sentence: "write the gradient yourself".
    """

    forbidden_modules: tuple[str, ...] = ()
    forbidden_calls: tuple[str, ...] = ()
    allowed_modules: tuple[str, ...] = ()
    advice: Mapping[str, str] = field(default_factory=dict, hash=False)

    def verdict(self, dotted: str) -> str:
        """The forbidden name that `dotted` is, or is part of, or ""."""
        name = dotted[:MAX_DOTTED]
        while name and name not in self.allowed_modules:
            if name in self.forbidden_calls or name in self.forbidden_modules:
                return name
            name = name.rpartition(".")[0]
        return ""

    def looked_at(self, dotted: str) -> str:
        """The name on our list that `dotted` is, or is part of, or ""."""
        parts = dotted[:MAX_DOTTED].split(".")
        names = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
        if not set(names).isdisjoint(self.allowed_modules):
            return ""
        return next((n for n in names if n in MODULES or n in NAMES or n == MANY), "")

    def sentence(self, name: str) -> str:
        """Why `name` is forbidden and what to do."""
        usual = "do without it" if name in self.forbidden_modules else "write it yourself"
        return f"{name} is not allowed in this exercise: {self.advice.get(name, usual)}"


@dataclass(frozen=True)
class Finding:
    """Something that a statement uses in `line`: the forbidden name, or what to look at."""

    verdict: Literal["forbidden", "review"]
    line: int
    what: str
