"""Has PyTorch refuse to differentiate for a student who is asked to do it by hand.

Every way to a gradient goes through few places: the engine that runs a backward pass, the one that
opens a level of forward differentiation, a node of the graph that is called directly, and the
kernels that compute the derivative of one operation. Here they refuse while a function of the
student's is on the stack. Our own requests pass, also where the engine then calls the student's
backward, from which it cannot be entered again.

It raises, and takes nothing else away. Who undoes it leaves traces for a person to look at, and is
still compared by values.
"""

import sys
import threading
from collections.abc import Callable, Container
from types import FrameType
from typing import Any

from ..errors import StudentForbidden

# PyTorch's own code that asks for the node of a tensor without differentiating: printing, hooks.
_HARMLESS = ("_tensor.py", "_tensor_str.py")


def refuse_to_differentiate(theirs: Container[str]) -> None:
    """From here on, for the rest of this process.

    Args:
        theirs: Names of the files that hold the student's code; may still grow.
    """
    import torch
    from torch._ops import OpOverload, OpOverloadPacket
    from torch.autograd import Variable, forward_ad, function, graph

    guard = _Guard(theirs)
    Variable._execution_engine = _engine(Variable._execution_engine, guard)
    for name in ("_ImperativeEngine", "_EngineBase"):  # others could be made of it
        if hasattr(torch._C, name):
            delattr(torch._C, name)
    _guarded(forward_ad, "enter_dual_level", guard)
    _guarded(torch._C, "_enter_dual_level", guard)
    _guarded(graph, "get_gradient_edge", guard)
    torch.Tensor.grad_fn = _reader(torch._C.TensorBase.grad_fn, guard)  # type: ignore[assignment]
    function.BackwardCFunction.next_functions = _reader(  # type: ignore[assignment]
        torch._C._FunctionBase.next_functions, guard
    )
    # `torch.ops.aten._backward` is the engine once more.
    for kind in (OpOverload, OpOverloadPacket):
        kind.__call__ = _kernel_call(kind.__call__, guard)  # type: ignore[method-assign]
    _watch_kernels(guard)


class _Guard:
    """Knows who is asking."""

    def __init__(self, theirs: Container[str]) -> None:
        self.theirs, self.running = theirs, False
        self.thread = threading.get_ident()

    def check(self, frame: FrameType | None) -> None:
        """Refuse if a function of the student's is among the callers.

        Raises:
            StudentForbidden: One is, or this is a thread that they have started.
        """
        if threading.get_ident() != self.thread:
            raise StudentForbidden("the library was to differentiate")
        while frame is not None:
            if frame.f_code.co_filename in self.theirs:
                raise StudentForbidden("the library was to differentiate")
            frame = frame.f_back


def _engine(inner: Any, guard: _Guard) -> Any:
    """The engine, for our own requests; not while one of them is running."""

    class Engine:
        def run_backward(self, *args: Any, **kwargs: Any) -> Any:
            guard.check(sys._getframe(1))
            if guard.running:
                raise StudentForbidden("the library was to differentiate")
            guard.running = True
            try:
                return inner.run_backward(*args, **kwargs)
            finally:
                guard.running = False

        def queue_callback(self, callback: Any) -> None:
            inner.queue_callback(callback)

        def is_checkpoint_valid(self) -> bool:
            return bool(inner.is_checkpoint_valid())

    return Engine()


def _guarded(owner: Any, name: str, guard: _Guard) -> None:
    inner = getattr(owner, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        guard.check(sys._getframe(1))
        return inner(*args, **kwargs)

    setattr(owner, name, call)


def _reader(inner: Any, guard: _Guard) -> property:
    """An attribute that leads to nodes of the graph."""

    def read(self: Any) -> Any:
        asking = sys._getframe(1)
        if not asking.f_code.co_filename.endswith(_HARMLESS):
            guard.check(asking)
        return inner.__get__(self)

    return property(read)


def _kernel_call(inner: Callable[..., Any], guard: _Guard) -> Callable[..., Any]:
    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if "backward" in str(self):
            guard.check(sys._getframe(1))
        return inner(self, *args, **kwargs)

    return call


def _watch_kernels(guard: _Guard) -> None:
    """See every operation of this thread, and refuse those that are the derivative of one."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Kernels(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if "backward" in func._schema.name:
                guard.check(sys._getframe(1))
            return func(*args, **(kwargs or {}))

    mode: Any = Kernels
    mode().__enter__()
