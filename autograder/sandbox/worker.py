"""A worker as the judge sees it: a `Backend` whose objects live in an isolated process."""

import builtins
import dataclasses
import math
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import (
    AutograderError,
    CourseError,
    IsolationError,
    StudentDied,
    StudentError,
    StudentForbidden,
    StudentMisbehaved,
    StudentOverFiles,
    StudentOverMemory,
    StudentRaised,
    StudentTimedOut,
)
from ..scratch_files import HeldFiles, read_files, write_files
from ..source import SourceCell
from ..student import Ask, Callback, Items, Lent, LentObject, Ref, as_record
from ..table import Table
from . import values, wire
from .ahead import Known
from .libraries import Arrays
from .limits import Limits
from .line import Line, LineClosed, TimeIsUp
from .process import Process
from .scratch import Scratch, Watch
from .zygote import OUT_OF_MEMORY

DEADLINE, REPLY_BYTES, CALLBACK_BYTES = 2.5, 16 << 20, 64 << 20
# Seconds that starting all further workers on one folder may take, and how many there may be.
RESTARTING, MOST_RESTARTS = 20.0, 200
_KEY_BITS = 40
# Bytes of requests that may wait in the pipe; far less than it holds, so that we never block.
_WINDOW = 32 << 10
_EXCEPTIONS = frozenset(
    name
    for name, thing in vars(builtins).items()
    if isinstance(thing, type) and issubclass(thing, BaseException)
)


class WorkerDied(StudentDied):
    """The worker ended by itself or by another's hand.

    `signal` is the number of the signal that ended it, None if it was none. SIGKILL may have come
    from outside (the kernel short of memory, an operator): worth one more try.
    """

    def __init__(self, message: str, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal


class Worker:
    """One isolated process with one student's module. Made by `Sandbox.open`.

    Attributes:
        load_errors: Cell to what went wrong while it was loaded.
        deadline: Seconds that each following request may take, on the clock.
        reply_bytes: Bytes that an answer may have; a longer one is refused before it is read.
        callback_bytes: Bytes that all callbacks during one request may bring; what a `Callback`
            records of its calls would fill our memory otherwise. What is lent records nothing.
    """

    def __init__(self, process: Process, line: Line, number: int, limits: Limits) -> None:
        self._process, self._line, self._number = process, line, number
        self._limits = limits
        self._cells: list[tuple[int, SourceCell]] = []
        self._given: list[Any] = []
        self._ahead = Known()
        self._request = 0
        self._until = math.inf
        self._baseline = 0
        self._death: StudentError | None = None
        self.closed = False
        self.scratch: Scratch | None = None
        self.another: Callable[[Worker, Limits, float], Worker] | None = None
        self._watch: Watch | None = None
        self._owns_scratch = False
        self._others: list[Worker] = []
        self._restarting = RESTARTING
        self.load_errors: Mapping[SourceCell, StudentError] = {}
        self.deadline = DEADLINE
        self.reply_bytes, self.callback_bytes = REPLY_BYTES, CALLBACK_BYTES

    # What check code asks

    def function(self, name: str) -> Ref:
        """The object with a name in the student's module."""
        return self._reference(self._ask(wire.FUNCTION, name))

    def library(self, name: str) -> Ref:
        """A function or class of an installed library by dotted name."""
        return self._reference(self._ask(wire.LIBRARY, name))

    def call(self, target: Ref, args: tuple[Any, ...], kwargs: dict[str, Any], keep: bool) -> Any:
        """The result of calling `target`; with `keep` it stays there whatever it is."""
        if not keep and (known := self._ahead.take("call", target, args, kwargs)):
            return known.result()
        result = self._ask(wire.CALL, (target, args, kwargs, keep))
        return self._reference(result) if keep else result

    def trial(self, target: Ref, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What `Student.trial` gives, in one exchange."""
        if known := self._ahead.take("trial", target, args, kwargs):
            return known.result()
        return self._ask(wire.TRIAL, (target, args, kwargs))

    def ask_ahead(self, target: Ref, asks: Iterator[Ask]) -> None:
        """Send calls of `target` without waiting for each answer.

        Switching between two processes costs more than a small call, and while the worker computes
        one answer the next call is prepared. When check code makes these very calls later, their
        answers are there. What goes wrong here is left to those calls.
        """
        sent: deque[tuple[Ask, int, int]] = deque()
        waiting = 0
        try:
            for ask in asks:
                self._request += 1
                buffers = self._asked(ask, target)
                size = sum(map(len, buffers))
                while sent and waiting + size > _WINDOW:
                    waiting -= self._answered(target, *sent.popleft())
                self._exchange(
                    buffers, self._request, time.monotonic() + self.deadline, answer=False
                )
                sent.append((ask, self._request, size))
                waiting += size
            while sent:
                self._answered(target, *sent.popleft())
        except StudentError:
            self._ahead.clear()

    def _answered(self, target: Ref, ask: Ask, request: int, size: int) -> int:
        """Take the answer to a call that was sent ahead; the bytes that no longer wait."""
        try:
            value = self._exchange([], request, time.monotonic() + self.deadline)
            self._ahead.add(ask, target, value)
        except StudentRaised as error:
            self._ahead.add(ask, target, error)
        return size

    def _asked(self, ask: Ask, target: Ref) -> list[values.Buffer]:
        said = (target, ask.args, ask.kwargs)
        if ask.trial:
            return self._ours(wire.TRIAL | wire.AHEAD, self._request, said)
        return self._ours(wire.CALL | wire.AHEAD, self._request, (*said, False))

    def attribute(self, target: Ref, name: str) -> Any:
        return self._ask(wire.ATTRIBUTE, (target, name))

    def item(self, target: Ref, key: Any) -> Any:
        return self._ask(wire.ITEM, (target, key))

    def fetch(self, target: Ref) -> Any:
        return self._ask(wire.FETCH, target)

    def hold(self, value: Any) -> Ref:
        return self._reference(self._ask(wire.HOLD, (value,)))

    # Files

    def keep_files(self, scratch: Scratch | None, watch: Watch | None, *, owned: bool) -> None:
        """Where this worker may write; `owned` if the folder ends with it."""
        self.scratch, self._watch, self._owns_scratch = scratch, watch, owned

    @property
    def folder(self) -> str:
        """The path of the folder that student code may write in."""
        return self._files().path

    def put_files(self, files: Mapping[str, bytes]) -> None:
        """Write files into that folder from here."""
        try:
            write_files(self._files().fd, files)
        except OSError as error:
            raise StudentMisbehaved("the folder is not as it was") from error

    def files(self) -> dict[str, bytes]:
        """What lies in that folder: regular files by relative path."""
        scratch = self._files()
        return read_files(scratch.fd, scratch.most)

    def held_files(self) -> HeldFiles:
        """Those files, kept open from here."""
        scratch = self._files()
        return HeldFiles(scratch.fd, scratch.most)

    def clean(self) -> None:
        """Empty the folder, and end the other workers on it."""
        if self.scratch is not None and self.scratch.fd >= 0:
            self._end_others()
            self.scratch.empty()

    def restarted(self, stop_at: int | None, file_bytes: int | None) -> "Worker":
        """Another process with the same module on the same folder; see `Student.restarted`."""
        self._check_alive()
        self._files()
        if self._restarting <= 0 or len(self._others) >= MOST_RESTARTS:
            raise self._give_up(StudentTimedOut("loading takes too long"))
        assert self.another is not None
        limits = dataclasses.replace(self._limits, stop_at=stop_at, file_bytes=file_bytes)
        start = time.monotonic()
        other = self.another(self, limits, min(self._restarting, 10.0))
        self._restarting -= time.monotonic() - start
        other.deadline = self.deadline
        for old in self._others:
            if not old.alive:
                old.close()
        self._others.append(other)
        return other

    def _files(self) -> Scratch:
        if self.scratch is None:
            raise CourseError("a check uses a folder; declare it: Exercise(..., scratch=4 << 20)")
        if self.scratch.fd < 0:
            self._check_alive()
        return self.scratch

    def _end_others(self) -> None:
        for other in self._others:
            other.close()
        self._others.clear()

    # What the judge asks

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._death is None and not self._process.ended()

    @property
    def output(self) -> bytes:
        """What the student's code has printed, as far as it has been read and kept."""
        return bytes(self._line.output)

    def peak_memory(self) -> int:
        """The most resident bytes so far above what there were after loading, seen from outside.

        Never falls. Pages of libraries used for the first time count too, a few megabytes: call a
        function once and take the difference where that matters.
        """
        return max(self._process.peak() - self._baseline, 0)

    def cpu_seconds(self) -> float:
        """Processor seconds so far, read from outside: no code in the worker can change them."""
        return self._process.cpu()

    def memory_during(self, call: Callable[[], object]) -> int:
        """How much the peak rises while `call` runs."""
        before = self.peak_memory()
        call()
        return self.peak_memory() - before

    def close(self) -> None:
        """End the process and leave nothing of it; safe to repeat."""
        if self._death is None:
            self._death = WorkerDied("the worker has been closed")
        self._process.peak()
        self._process.finish()
        self._line.close()
        self._end_others()
        if self._watch is not None:
            self._watch.close()
        if self.scratch is not None and self._owns_scratch:
            self.scratch.remove()
        self._given.clear()
        self._ahead.clear()
        self.closed = True

    # Loading

    def start(
        self,
        arrays: Arrays,
        earlier: Mapping[str, Any],
        seconds: float,
        given: Mapping[str, str] | None = None,
        own_gradients: bool = False,
    ) -> None:
        """First request: what arrays arrive as, the names of earlier exercises, and whether
        gradients are the student's to write; then given modules.

        Raises:
            IsolationError: The process is not in order. No student code has run yet.
        """
        end = time.monotonic() + seconds
        try:
            said = (arrays, dict(earlier), own_gradients)
            self._exchange(self._ours(wire.START, 0, said), 0, end)
            for name, source in (given or {}).items():
                self._exchange(wire.dump_source(wire.HANDOUT, 0, f"{name}\n{source}"), 0, end)
        except StudentError as error:
            self.close()
            raise IsolationError(
                f"A process for student code was forked but did not start ({error}); grade again."
            ) from error

    def load(self, cells: Sequence[tuple[int, SourceCell]], seconds: float) -> int | None:
        """Load cells one by one, each with its index; the index of the one that was fatal."""
        errors: dict[SourceCell, StudentError] = {}
        self.load_errors, end = errors, time.monotonic() + seconds
        for index, cell in cells:
            self._cells.append((index, cell))
            self._request += 1
            try:
                buffers = wire.dump_source(wire.CELL, self._request, cell.source)
                self._exchange(buffers, self._request, end)
            except values.WireError as error:
                errors.setdefault(cell, StudentMisbehaved(str(error)))
                self._cells.pop()
            except StudentError as error:
                errors.setdefault(cell, error)
                if self._death is not None:
                    return index
        self._baseline = self._process.peak()
        return None

    # One request

    def _ask(self, kind: int, value: Any) -> Any:
        end = min(time.monotonic() + self.deadline, self._until)
        self._request += 1
        return self._exchange(self._ours(kind, self._request, value), self._request, end)

    def _exchange(
        self, buffers: list[values.Buffer], request: int, end: float, *, answer: bool = True
    ) -> Any:
        self._check_alive()
        try:
            self._line.send(buffers, end)
            if not answer:
                return None
            left = self.callback_bytes
            while True:
                frame = self._line.receive(self.reply_bytes, end)
                if frame.request != request:
                    raise values.WireError("an answer to another request arrived")
                if frame.kind not in (wire.CALLBACK, wire.NEXT):
                    return self._conclude(frame)
                left -= self._serve(frame, end, left)
        except StudentError as error:
            if not isinstance(error, (StudentRaised, StudentForbidden, StudentOverMemory)):
                self._give_up(error)
            raise
        except TimeIsUp:
            raise self._give_up(StudentTimedOut("no answer before the deadline")) from None
        except LineClosed:
            raise self._give_up(self._find_out()) from None
        except values.WireError as error:
            raise self._give_up(StudentMisbehaved(str(error))) from None
        except BaseException as error:
            # Ours, or the user's Ctrl-C: the worker waits for something that will not come.
            self._give_up(WorkerDied(f"the supervisor gave up: {type(error).__name__}"))
            raise

    def _conclude(self, frame: wire.Frame) -> Any:
        if frame.kind == wire.OVER_MEMORY:
            raise StudentOverMemory("the call ran out of the memory it is given")
        if frame.kind == wire.FORBIDDEN:
            raise StudentForbidden("the library was to do what is to be written")
        if frame.kind == wire.UNSENDABLE:
            raise StudentMisbehaved("an answer that cannot be sent: too deep or too many items")
        value = values.load(frame.payload, self._arrived)
        if frame.kind == wire.VALUE:
            return value
        if frame.kind != wire.RAISED:
            raise values.WireError("an answer of an unknown kind arrived")
        raise self._raised(value)

    def _raised(self, said: Any) -> StudentRaised:
        """The exception that a worker reports, with nothing in it that a student chose."""
        if not isinstance(said, tuple) or list(map(type, said)) != [str, int, int]:
            raise values.WireError("a malformed exception arrived")
        name, cell, line = said
        name = name if name in _EXCEPTIONS else "Exception"
        if not 0 <= cell < len(self._cells):
            return StudentRaised(name)
        source = self._cells[cell][1]
        if not 1 <= line <= source.source.count("\n") + 1:
            return StudentRaised(name, cell=source.label)
        return StudentRaised(name, cell=source.label, line=source.line + line - 1)

    def _serve(self, frame: wire.Frame, end: float, left: int) -> int:
        """Answer a callback or a pull; its exceptions become the student's, ours stay ours.

        Returns:
            How many of the `left` bytes are used up.
        """
        used = len(frame.payload)
        said = values.load(frame.payload, self._returned)
        outer, self._until = self._until, end  # what we ask meanwhile has no more time than this
        try:
            if frame.kind == wire.NEXT:
                result = next(self._given_as(Iterator, said))
            else:
                number, args, kwargs = _callback(said)
                given = self._given_as(Callable, number)
                used = 0 if isinstance(given, Lent) else used
                if used > left:
                    raise values.WireError("callbacks brought more bytes than they may")
                result = given(*args, **kwargs)
        except (StudentError, AutograderError, values.WireError):
            raise
        except Exception as error:
            builtin = next(c for c in type(error).__mro__ if c.__module__ == "builtins")
            buffers = wire.dump(wire.REFUSE, frame.request, builtin.__name__)
        else:
            buffers = self._ours(wire.ANSWER, frame.request, result)
        finally:
            self._until = outer
        self._line.send(buffers, end)
        return used

    # Values

    def _ours(self, kind: int, request: int, value: Any) -> list[values.Buffer]:
        try:
            return wire.dump(kind, request, value, self._sent)
        except values.WireError as error:
            raise CourseError(f"a check passes more than can be sent: {error}") from error

    def _sent(self, value: Any) -> Any:
        """What the wire carries in place of `value`, which has no form on it."""
        if isinstance(value, Ref):
            owner, number = divmod(value.key, 1 << _KEY_BITS)
            if owner != self._number:
                raise WorkerDied("an object went with the worker that held it")
            return values.Token(values.HANDLE_TAG, number)
        if isinstance(value, (np.ndarray, np.generic)):
            return np.asarray(value)
        bases: tuple[type[Any], ...] = (tuple, list, dict, str, bytes, int, float)
        for base in bases:
            if isinstance(value, base) and type(value) is not base:
                return base(value)
        if isinstance(value, (Items, Iterator)):
            return self._give(value, values.ITEMS_TAG)
        if record := as_record(value):
            return record
        if isinstance(value, Lent):
            kind = values.OBJECT_TAG if isinstance(value, LentObject) else values.LENT_TAG
            return self._give(value, kind)
        if isinstance(value, Table):
            return self._give(value, values.TABLE_TAG)
        if isinstance(value, Callback) or callable(value):
            return self._give(value, values.CALLBACK_TAG)
        raise CourseError(
            f"a check passes a {type(value).__name__} that student code cannot be sent; pass "
            f"arrays, 64-bit numbers, texts and bytes of up to {values.TEXT_BYTES} bytes, "
            f"containers of these, functions or iterators"
        )

    def _give(self, value: Any, tag: int) -> values.Token:
        for number, given in enumerate(self._given):
            if given is value:
                return values.Token(tag, number)
        self._given.append(value)
        return values.Token(tag, len(self._given) - 1)

    def _given_as(self, kind: Any, number: Any) -> Any:
        if type(number) is not int or not 0 <= number < len(self._given):
            raise values.WireError("something was called that was never passed")
        given = self._given[number]
        if isinstance(given, (Items, Iterator)) is not (kind is Iterator):
            raise values.WireError("something was called that was never passed")
        return given

    def _arrived(self, tag: int, number: int) -> Ref:
        if tag != values.HANDLE_TAG or number >= 1 << _KEY_BITS:
            raise values.WireError("an answer holds an unknown tag")
        return Ref((self._number << _KEY_BITS) | number)

    def _returned(self, tag: int, number: int) -> Any:
        """An argument of a callback: an object of the student's, or a callback of ours again."""
        if tag == values.CALLBACK_TAG:
            return self._given_as(Callable, number)
        return self._arrived(tag, number)

    def _reference(self, value: Any) -> Ref:
        if not isinstance(value, Ref):
            raise self._give_up(StudentMisbehaved("a value arrived in place of an object"))
        return value

    # The end

    def _check_alive(self) -> None:
        if isinstance(self._death, WorkerDied):
            raise WorkerDied(str(self._death), self._death.signal)
        if self._death is not None:
            raise type(self._death)(*self._death.args)

    def _give_up(self, error: StudentError) -> StudentError:
        self._death = self._death or error
        self.close()
        return error

    def _find_out(self) -> StudentError:
        """Why the worker closed its end."""
        if not self._process.ended(1.0):
            return WorkerDied("the worker hung up")
        self._process.finish()
        if self._watch is not None:
            self._watch.close()
            if self._watch.found == "full":
                return StudentOverFiles("more was written than the folder may hold")
            if self._watch.found == "stopped":
                return WorkerDied("the worker was stopped at a chosen point")
        status = self._process.status
        if status == OUT_OF_MEMORY:
            return StudentOverMemory("the worker ran out of the memory it is given")
        if status is None:  # gone with its zygote, which somebody else ended
            return WorkerDied("the worker was killed from outside", signal.SIGKILL)
        if status == -signal.SIGKILL and self._process.cpu_seconds >= self._limits.cpu_seconds:
            status = -signal.SIGXCPU  # ignored until the kernel insisted
        if status < 0:
            name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
            return WorkerDied(f"the worker was ended by the signal {name}", -status)
        return WorkerDied(f"the worker ended itself with exit code {status}")


def _callback(said: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    if not isinstance(said, tuple) or list(map(type, said)) != [int, tuple, dict]:
        raise values.WireError("a malformed callback arrived")
    number, args, kwargs = said
    if not all(type(key) is str for key in kwargs):
        raise values.WireError("a malformed callback arrived")
    return number, args, kwargs
