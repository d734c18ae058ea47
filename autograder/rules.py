"""What an exercise may use, and the names that a person should look at wherever they appear."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
# What differentiates in PyTorch, or is the derivative of something.
DIFFERENTIATES = (
    "torch.autograd.grad", "torch.autograd.backward", "torch.autograd.functional",
    "torch.autograd.forward_ad", "torch.func.grad", "torch.func.grad_and_value", "torch.func.vjp",
    "torch.func.jvp", "torch.func.jacrev", "torch.func.jacfwd", "torch.func.hessian",
    "torch.func.linearize", "torch._functorch", "functorch", "torch.jit",
    "torch.utils.checkpoint", "torch._softmax_backward_data", "torch._log_softmax_backward_data",
)
# Where the graph and the engine can be reached, and what stands guard before them.
GRAPH_NAMES = frozenset((
    "torch._C", "torch._VF", "torch._ops", "torch.ops", "torch.overrides", "torch.compile",
    "torch.autograd.graph", "torch.autograd.variable", "torch.autograd.Variable",
    "torch.utils._python_dispatch", "torch.autograd.function.BackwardCFunction",
))
GRAPH_ATTRIBUTES = frozenset((
    "grad_fn", "next_functions", "_input_metadata", "_execution_engine", "_backward_cls",
    "_forward_cls", "register_hook", "register_prehook", "register_post_accumulate_grad_hook",
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
        looked_at_names: Names that a person looks at here, besides those that always are.
        looked_at_attributes: Attributes likewise, of whatever object.
        own_gradients: The gradients are to be written: the library must not differentiate.
    """

    forbidden_modules: tuple[str, ...] = ()
    forbidden_calls: tuple[str, ...] = ()
    allowed_modules: tuple[str, ...] = ()
    advice: Mapping[str, str] = field(default_factory=dict, hash=False)
    looked_at_names: frozenset[str] = frozenset()
    looked_at_attributes: frozenset[str] = frozenset()
    own_gradients: bool = False

    def with_own_gradients(self) -> "Rules":
        """The same, where in addition the gradients are to be written by hand."""
        return replace(
            self,
            forbidden_calls=(*self.forbidden_calls, *DIFFERENTIATES),
            advice={**self.advice, **dict.fromkeys(DIFFERENTIATES, "write the gradient yourself")},
            looked_at_names=GRAPH_NAMES,
            looked_at_attributes=GRAPH_ATTRIBUTES,
            own_gradients=True,
        )

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
        known = (MODULES, NAMES, self.looked_at_names, (MANY,))
        return next((n for n in names if any(n in each for each in known)), "")

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
