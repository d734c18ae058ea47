"""The worker's side: answers one request at a time about what a student wrote.

It holds nothing worth stealing. Whatever student code does to this loop, the supervisor sees
either a well-formed value, which it compares like any other, or something that it refuses.
"""

import builtins
import linecache
import os
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn

import numpy as np

from ..errors import StudentForbidden, StudentRaised
from ..lookup import Lookup
from ..student import Items, LocalBackend, Ref, call_twice, depart
from . import values, wire
from .borrowed import Borrowed, borrowed
from .handouts import Handouts
from .own_gradients import refuse_to_differentiate

MAX_HANDLES = 100_000
OUR_LIMIT = 1 << 40  # the supervisor's frames are as long as it likes
_FUTURE_FLAGS = 0x1FF0000  # every CO_FUTURE_* flag


def serve(requests: int, replies: int) -> NoReturn:
    """Answer what arrives on descriptor `requests` until it closes; then end the process."""
    worker = _Worker(requests, replies)
    while True:
        try:
            frame = worker.waiting.popleft() if worker.waiting else worker.receive()
        except EOFError:
            os._exit(0)
        worker.answer(frame)


class _Worker:
    def __init__(self, requests: int, replies: int) -> None:
        self.inbox, self.replies, self.request = wire.Inbox(requests), replies, 0
        self.module = types.ModuleType("student")
        self.backend = LocalBackend(self.module.__dict__)
        self.handles: dict[int, Any] = {}
        self.given: dict[types.FunctionType | Lookup, int] = {}
        self.waiting: deque[wire.Frame] = deque()
        self.handouts = Handouts()
        self.cells: dict[str, int] = {}
        self.future = 0
        self.builtin = {
            thing: thing.__name__
            for thing in vars(builtins).values()
            if isinstance(thing, type) and issubclass(thing, BaseException)
        }

    def receive(self) -> wire.Frame:
        while True:
            frame = self.inbox.advance(OUR_LIMIT)
            if frame is not None:
                return frame

    def send(self, buffers: list[values.Buffer]) -> None:
        for buffer in buffers:
            rest = memoryview(buffer)
            while rest:
                rest = rest[os.write(self.replies, rest) :]

    def answer(self, frame: wire.Frame) -> None:
        """Do what a request asks; an exception is an answer too."""
        outer, self.request = self.request, frame.request
        try:
            act = _ACTIONS[frame.kind & ~wire.AHEAD]
            result = act(self, values.load(frame.payload, self.arrived, ours=True))
            buffers = wire.dump(wire.VALUE, frame.request, result, self.keep)
        except BaseException as error:
            kind, said = self.describe(error)
            buffers = wire.dump(kind, frame.request, said)
        self.flush()
        self.send(buffers)
        self.request = outer

    def flush(self) -> None:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            return  # a student may have put anything there

    # What has no value on the wire

    def keep(self, value: Any) -> Any:
        """What the wire carries in place of `value`: its number, or an array of known dtype."""
        if isinstance(value, Ref):
            value = value.key
        elif type(value) is np.ndarray and value.dtype.kind == "f" and value.dtype.itemsize > 8:
            return np.array(value, dtype=np.float64)
        elif isinstance(value, float):
            return float.__float__(value)
        elif isinstance(value, int) and -(1 << 63) <= int.__int__(value) < 1 << 63:
            return int.__int__(value)
        elif isinstance(value, str) and type(value) is not str:
            return self.keep_text(str.__str__(value))
        elif isinstance(value, bytes) and type(value) is not bytes:
            value = bytes.__getitem__(value, slice(None))  # a copy of exactly this type
            if len(value) <= values.TEXT_BYTES:
                return value
        if len(self.handles) >= MAX_HANDLES:
            raise values.WireError("too many objects are kept")
        number = len(self.handles)
        self.handles[number] = value
        return values.Token(values.HANDLE_TAG, number)

    def keep_or_return(self, value: Any) -> Any:
        """As `keep`, but a callback that is passed to a callback goes home as what it is."""
        if isinstance(value, Ref) and type(value.key) in (types.FunctionType, Lookup):
            number = self.given.get(value.key)
            if number is not None:
                return values.Token(values.CALLBACK_TAG, number)
        return self.keep(value)

    def keep_text(self, value: str) -> Any:
        try:
            fits = len(value.encode()) <= values.TEXT_BYTES
        except UnicodeEncodeError:
            fits = False
        return value if fits else self.keep(value)

    def arrived(self, tag: int, number: int) -> Any:
        """What a number stands for, in a form that `LocalBackend` lets arrive."""
        if tag == values.HANDLE_TAG:
            return Ref(self.handles[number])
        if tag == values.CALLBACK_TAG:
            return self.callback(number)
        if tag == values.LENT_TAG:
            return borrowed(partial(self.ask_lender, number))
        if tag == values.OBJECT_TAG:
            return Borrowed(partial(self.ask_lender, number))
        if tag == values.TABLE_TAG:
            return self.table(number)
        return Items(self.pull(number))

    def ask_lender(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a function that we lend answers: its result, and the arrays that it changed."""
        return self.ask(wire.CALLBACK, (number, args, kwargs))

    def callback(self, number: int) -> Callable[..., Any]:
        def ours(*args: Any, **kwargs: Any) -> Any:
            sent = tuple(depart(a) for a in args), {k: depart(v) for k, v in kwargs.items()}
            return self.backend.hold(self.ask(wire.CALLBACK, (number, *sent))).key

        self.given[ours] = number  # type: ignore[index]
        return ours

    def table(self, number: int) -> Lookup:
        def rows(asked: Any) -> Any:
            return self.backend.hold(self.ask(wire.CALLBACK, (number, (asked,), {}))).key

        table = Lookup(rows)
        self.given[table] = number
        return table

    def pull(self, number: int) -> Iterator[Any]:
        while True:
            try:
                value = self.ask(wire.NEXT, number)
            except StopIteration:
                return
            yield value

    def ask(self, kind: int, value: Any) -> Any:
        """Ask the supervisor in the middle of a request, and answer what it asks meanwhile."""
        keep = self.keep_or_return if kind == wire.CALLBACK else self.keep
        self.send(wire.dump(kind, self.request, value, keep))
        while True:
            frame = self.receive()
            if frame.kind == wire.ANSWER:
                return values.load(frame.payload, self.arrived, ours=True)
            if frame.kind == wire.REFUSE:
                raise getattr(builtins, values.load(frame.payload, self.arrived, ours=True))
            if frame.kind & wire.AHEAD:
                self.waiting.append(frame)
            else:
                self.answer(frame)

    # Requests

    def start(self, said: tuple[str, dict[str, Any], bool]) -> None:
        arrays, earlier, own_gradients = said
        sys.modules["student"] = sys.modules["__main__"] = self.module
        self.backend.arrays = arrays
        self.module.__dict__.update(earlier)
        if own_gradients:
            refuse_to_differentiate(self.cells)

    def cell(self, source: str) -> None:
        name = f"<cell {len(self.cells)}>"
        self.cells[name] = len(self.cells)
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        code = compile(source, name, "exec", flags=self.future, dont_inherit=True)
        self.future |= code.co_flags & _FUTURE_FLAGS  # in a notebook it holds for later cells
        exec(code, self.module.__dict__)

    def handout(self, said: str) -> None:
        name, _, source = said.partition("\n")
        self.handouts.add(name, source)

    def function(self, name: str) -> Ref:
        return self.backend.function(name)

    def library(self, name: str) -> Ref:
        return self.backend.library(name)

    def call(self, said: tuple[Ref, tuple[Any, ...], dict[str, Any], bool]) -> Any:
        target, args, kwargs, keep = said
        here = self.backend
        sent = [here.hold(a).key for a in args]
        named = {k: here.hold(v).key for k, v in kwargs.items()}
        del args, kwargs, said
        result = target.key(*sent, **named)
        return Ref(result) if keep else depart(result)

    def trial(self, said: tuple[Ref, tuple[Any, ...], dict[str, Any]]) -> Any:
        target, args, kwargs = said
        here = self.backend
        sent = [here.hold(a).key for a in args]
        return call_twice(target.key, sent, {k: here.hold(v).key for k, v in kwargs.items()})

    def attribute(self, said: tuple[Ref, str]) -> Any:
        return depart(getattr(said[0].key, said[1]))

    def item(self, said: tuple[Ref, Any]) -> Any:
        return depart(said[0].key[said[1]])

    def fetch(self, target: Ref) -> Any:
        return depart(target.key)

    def hold(self, said: tuple[Any]) -> Ref:
        return self.backend.hold(said[0])

    # Exceptions

    def describe(self, error: BaseException) -> tuple[int, Any]:
        """What the supervisor learns of an exception: a builtin name, a cell and a line."""
        try:
            if isinstance(error, MemoryError) or _is_torch_memory(error):
                return wire.OVER_MEMORY, None
            if isinstance(error, values.WireError):
                return wire.UNSENDABLE, None
            if type(error) is StudentForbidden:
                return wire.FORBIDDEN, None
            if type(error) is StudentRaised:
                return wire.RAISED, (error.exception, -1, 0)
            # By identity: a class may call itself what it likes.
            above = (self.builtin[c] for c in type.mro(type(error)) if c in self.builtin)
            name = next(above, "Exception")
            return wire.RAISED, (name, *self.place(error))
        except BaseException:
            return wire.RAISED, ("Exception", -1, 0)

    def place(self, error: BaseException) -> tuple[int, int]:
        if isinstance(error, SyntaxError) and error.filename in self.cells:
            return self.cells[error.filename], error.lineno or 0
        found, trace = (-1, 0), error.__traceback__
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if name in self.cells:
                found = self.cells[name], trace.tb_lineno
            trace = trace.tb_next
        return found


def _is_torch_memory(error: BaseException) -> bool:
    """PyTorch reports a failed allocation as a RuntimeError."""
    if type(error) is not RuntimeError:
        return False
    said = str(error)
    return "can't allocate memory" in said or "not enough memory" in said or "bad_alloc" in said


_ACTIONS: dict[int, Callable[[_Worker, Any], Any]] = {
    wire.START: _Worker.start,
    wire.HANDOUT: _Worker.handout,
    wire.CELL: _Worker.cell,
    wire.FUNCTION: _Worker.function,
    wire.LIBRARY: _Worker.library,
    wire.CALL: _Worker.call,
    wire.TRIAL: _Worker.trial,
    wire.ATTRIBUTE: _Worker.attribute,
    wire.ITEM: _Worker.item,
    wire.FETCH: _Worker.fetch,
    wire.HOLD: _Worker.hold,
}
