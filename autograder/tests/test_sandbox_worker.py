"""A worker answers as the same code does in this process, and nothing it does harms us."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder.errors import (
    CourseError,
    StudentDied,
    StudentError,
    StudentMisbehaved,
    StudentRaised,
    StudentTimedOut,
)
from autograder.sandbox import Limits, Sandbox, Worker, WorkerDied
from autograder.source import SourceCell
from autograder.student import Callback, Items, LocalBackend, Student, laid

SCENARIO = '''
from __future__ import annotations
from dataclasses import dataclass
import enum
import numpy as np

@dataclass
class Cache:
    """Also a test of annotations that are looked up in the module."""
    x: np.ndarray
    n: int = 3

class Raw(bytes):
    """Says that it is something else."""
    def __bytes__(self):
        return b"forged"
    def __getitem__(self, key):
        return b"forged"

class Colour(enum.IntEnum):
    RED = 1

class Step:
    def __init__(self, rate):
        self.rate, self.seen = rate, []
    def step(self, params, *, scale=1.0):
        params["w"] -= self.rate * scale
        self.seen.append(float(params["w"].sum()))
        return self
    def __getitem__(self, key):
        return ("item", key)

def kinds():
    return {"none": None, "bools": (True, np.bool_(False)), "ints": [1, -2, np.int32(3)],
            "floats": (1.5, float("nan"), np.float64(2), np.float32(0.1)), "text": "e\\u0301",
            7: np.arange(6, dtype=np.float16).reshape(2, 3), "empty": np.zeros((0, 2)),
            "sub": np.ma.masked_array([1.0, 2.0]).view(np.matrix), "enum": Colour.RED,
            "bytes": {256: b"\\x00\\xff", 257: Raw(b"sub")}, "long": "e\\u0301" * 50_000}

def objects():
    return [Cache(np.ones(2)), 1 + 2j, {1.5: 2}, bytearray(2), {3, 4}, np.array(["text"]), len]

def forward(x):
    return 2 * x, Cache(x)

def backward(dout, cache):
    return dout * cache.x + cache.n

def layout(x):
    return x.flags.c_contiguous, x.flags.f_contiguous, x.flags.writeable, x.sum()

def generate(f, prompt, n):
    for _ in range(n):
        prompt = np.append(prompt, f(prompt, last=True).argmax())
    return prompt

def total(items):
    return sum(x.sum() for x in items)

def first(items):
    return next(items)

def swallow(f):
    try:
        return f(1)
    except ValueError as error:
        return "ValueError", str(error)

def hand_over(f):
    return f(Cache(np.zeros(1)))

def call_back(f, x):
    return f(lambda y: y, x) if x is None else f(x)

def text_of(x):
    return type(x).__name__

def same_again(x):
    return x

def lengths(chunks):
    for chunk in chunks:
        yield len(chunk)

def nothing():
    raise NotImplementedError("yours")

def divide():
    x = 1
    return x / 0
'''


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def opened(sandbox: Sandbox, source: str = SCENARIO, **kwargs: Any) -> Worker:
    worker = sandbox.open([SourceCell("cell 1", source)], arrays="numpy", **kwargs)
    worker.deadline = 60.0  # so that a busy machine fails no test
    return worker


@pytest.fixture(scope="module")
def shared(sandbox: Sandbox) -> Worker:
    return opened(sandbox)


@pytest.fixture(params=["here", "isolated"])
def student(request: pytest.FixtureRequest, shared: Worker) -> Student:
    if request.param == "isolated":
        return Student(shared)
    import sys
    from types import ModuleType

    module = ModuleType("student")
    sys.modules["student"] = module
    exec(compile(SCENARIO, "<cell 0>", "exec"), module.__dict__)
    return Student(LocalBackend(module.__dict__))


def test_every_kind_of_value_comes_back(student: Student) -> None:
    got = student.kinds()
    keys = ["none", "bools", "ints", "floats", "text", 7, "empty", "sub", "enum", "bytes", "long"]
    assert list(got) == keys
    assert got["none"] is None
    assert got["bools"][0] is True
    assert isinstance(got["bools"][1], np.ndarray) and not got["bools"][1]
    assert got["ints"][:2] == [1, -2]
    assert (got["ints"][2].dtype, got["ints"][2].shape) == (np.int32, ())
    assert got["floats"][0] == 1.5 and np.isnan(got["floats"][1])
    assert type(got["floats"][2]) is np.float64
    assert got["floats"][3].dtype == np.float32
    assert got["text"] == "e\u0301"
    assert got[7].dtype == np.float16 and got[7].shape == (2, 3)
    assert got["empty"].shape == (0, 2)
    assert type(got["sub"]) is np.ndarray
    assert got["enum"] == 1
    assert got["bytes"] == {256: b"\x00\xff", 257: b"sub"}
    assert got["long"] == "e\u0301" * 50_000


def test_what_has_no_value_stays_there(student: Student) -> None:
    from autograder.student import Handle

    assert all(isinstance(thing, Handle) for thing in student.objects())


def test_a_cache_goes_back_in(student: Student) -> None:
    x = np.arange(3.0)
    out, cache = student.forward(x)
    assert np.array_equal(out, 2 * x)
    assert np.array_equal(student.backward(np.ones(3), cache), x + 3)
    assert cache.n == 3


def test_objects_methods_and_items_are_driven_from_here(student: Student) -> None:
    params = student.hold({"w": np.ones(2)})
    step = student.Step(0.5)
    step.step(params).step(params, scale=2.0)
    assert np.array_equal(student.fetch(params)["w"], [-0.5, -0.5])
    assert np.array_equal(params["w"], [-0.5, -0.5])
    assert step.seen == [1.0, -1.0]
    assert step[2] == ("item", 2)
    assert step["a", 3] == ("item", ("a", 3))
    held = student.hold(np.arange(6.0))
    assert held[1:4].tolist() == [1, 2, 3]
    assert held[...].shape == (6,)


def test_bytes_and_long_texts_arrive(student: Student) -> None:
    vocab = {n: bytes([n]) for n in range(256)}
    text = "\U0001f642\n" * 20_000
    assert student.text_of(b"\xff") == "bytes"
    assert student.same_again((vocab, text, [(97, 98)])) == (vocab, text, [(97, 98)])


def test_texts_are_pulled_chunk_by_chunk(student: Student) -> None:
    items = Items(iter(["a" * 5000, "", "\u00e9"]))
    iterator = student.keep(student.lengths, items)
    following = student.library("builtins.next")
    assert items.pulled == 0
    assert (following(iterator, None), items.pulled) == (5000, 1)
    assert (following(iterator, None), following(iterator, None), items.pulled) == (0, 1, 3)
    assert following(iterator, None) is None


def test_a_value_can_be_kept_there(student: Student) -> None:
    kept = student.keep(student.text_of, 1)
    assert student.fetch(kept) == "int"
    assert student.text_of(kept) == "str"


@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_layouts_arrive(student: Student, layout: Any) -> None:
    x = np.arange(12.0).reshape(3, 4)
    c, f, writable, total = student.layout(laid(x, layout, read_only=True))
    assert (c, f, bool(writable)) == (layout == "C", layout == "F", False)
    assert total == 66
    assert student.layout(x)[2] is True


def test_callbacks_run_here(student: Student) -> None:
    def forward(tokens: Any, *, last: bool) -> Any:
        assert last is True
        return np.eye(5)[(int(tokens[-1]) + 1) % 5]

    callback = Callback(forward, accepts=lambda tokens, last: tokens.ndim == 1)
    assert student.generate(callback, np.array([3]), 4).tolist() == [3, 4, 0, 1, 2]
    assert [len(args[0]) for args in callback.calls] == [1, 2, 3, 4]


def test_iterators_are_pulled_from_here(student: Student) -> None:
    items = Items(iter([np.ones(2), np.ones(3), np.ones(4)]))
    assert student.first(items).tolist() == [1, 1]
    assert items.pulled == 1
    assert student.total(items) == 7
    assert items.pulled == 3


def test_our_refusal_of_an_argument_is_an_exception_there(student: Student) -> None:
    class Odd(ValueError):
        pass

    def refuses(x: Any) -> None:
        raise Odd()

    assert student.swallow(refuses) == ("ValueError", "")


def test_a_callback_called_wrongly_ends_the_call(student: Student, sandbox: Sandbox) -> None:
    if isinstance(student._backend, Worker):
        student = Student(opened(sandbox))
    with pytest.raises(StudentMisbehaved, match="arguments it does not take"):
        student.swallow(Callback(lambda x: x, accepts=lambda x: x == 2))


def test_an_object_passes_through_a_callback(student: Student) -> None:
    assert student.hand_over(lambda cache: cache).n == 3


def test_our_callback_may_ask_the_student_meanwhile(student: Student) -> None:
    double = student.forward
    assert student.call_back(lambda x: double(x)[0], np.ones(2)).tolist() == [2, 2]


def test_an_unknown_name_is_a_name_error(student: Student) -> None:
    with pytest.raises(StudentRaised) as raised:
        _ = student.softmax
    assert raised.value.exception == "NameError"


def test_exceptions_say_where(student: Student) -> None:
    with pytest.raises(StudentRaised) as raised:
        student.divide()
    assert raised.value.exception == "ZeroDivisionError"
    assert raised.value.line == SCENARIO.split("\n").index("    return x / 0") + 1
    with pytest.raises(StudentRaised, match="NotImplementedError"):
        student.nothing()


def test_lines_count_from_where_the_cell_begins(sandbox: Sandbox) -> None:
    cells = [SourceCell("cell 2", "a = 1"), SourceCell("cell 5", "def f():\n    return b", 10)]
    worker = sandbox.open(cells, arrays="numpy")
    with pytest.raises(StudentRaised) as raised:
        Student(worker).f()
    assert (raised.value.cell, raised.value.line) == ("cell 5", 11)
    assert raised.value.detail == ""
    worker.close()


def test_one_broken_cell_costs_only_itself(sandbox: Sandbox) -> None:
    sources = {
        "syntax": "def f(:\n",
        "missing": "import torch",
        "exit": "raise SystemExit(0)",
        "honest": "try:\n    import torch\nexcept ImportError:\n    torch = None\n",
        "dead": "import os\nos._exit(0)",
        "recursion": "def r():\n    return r()\nr()",
        "right": "def g():\n    return 4",
    }
    worker = sandbox.open([SourceCell(*pair) for pair in sources.items()], arrays="numpy")
    kinds = {c.label: getattr(e, "exception", "") for c, e in worker.load_errors.items()}
    assert kinds == {
        "syntax": "SyntaxError",
        "missing": "ModuleNotFoundError",
        "exit": "SystemExit",
        "dead": "",
        "recursion": "RecursionError",
    }
    (dead,) = [e for c, e in worker.load_errors.items() if c.label == "dead"]
    assert isinstance(dead, StudentDied)
    assert Student(worker).g() == 4
    worker.close()


def test_a_cell_that_never_ends_costs_only_itself(sandbox: Sandbox) -> None:
    cells = [SourceCell("endless", "while True: pass"), SourceCell("right", "x = 1")]
    worker = sandbox.open(cells, arrays="numpy", load_seconds=2.0)
    assert isinstance(worker.load_errors[cells[0]], StudentTimedOut)
    assert worker.alive
    worker.close()


def test_a_module_that_keeps_dying_gives_a_dead_worker(sandbox: Sandbox) -> None:
    cells = [SourceCell(f"cell {i}", "import os; os._exit(3)") for i in range(5)]
    worker = sandbox.open(cells, arrays="numpy")
    assert not worker.alive
    assert len(worker.load_errors) == 3
    with pytest.raises(StudentDied, match="exit code 3"):
        worker.function("f")


def test_earlier_exercises_answer_from_here(sandbox: Sandbox) -> None:
    def softmax(x: Any, axis: int = -1) -> Any:
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    source = "row = softmax([0.0, 0.0]) if False else softmax\ndef f(x):\n    return row(x, axis=0)"
    worker = opened(sandbox, source, earlier={"softmax": softmax})
    assert Student(worker).f(np.zeros((2, 3))).tolist() == [[0.5] * 3] * 2
    worker.close()


HOSTILE = """
import builtins, os, sys, threading
import numpy as np

def frame(kind, request, body):
    import struct
    return struct.pack("<4sBxxxIQ", b"AGW1", kind, request, len(body)) + body

def write(raw):
    while raw:
        raw = raw[os.write(4, raw):]

class AssertionPassed(Exception):
    pass

class Forged(Exception):
    pass

Forged.__name__ = "full marks"
Forged.__module__ = "builtins"

def forged_name():
    raise Forged("full marks")

def hang_up():
    os.close(4)
    import time
    time.sleep(60)

def stray_bytes():
    write(b"x" * 100)

def another_request():
    write(frame(32, 12345, b"\\x00"))

def enormous():
    write(frame(32, 1, b"")[:12] + (1 << 50).to_bytes(8, "little"))

def unknown_kind():
    write(b"".join(frame(99, n, b"\\x00") for n in range(40)))

def forged_callback():
    write(b"".join(frame(36, n, b"\\x00") for n in range(40)))

def unpassed_callback():
    # (3, (), {}): a callback of which nobody spoke.
    body = b"\\x07\\x03\\x00\\x00\\x00" + b"\\x03" + bytes([99]) + bytes(7)
    body += b"\\x07" + bytes(4) + b"\\x09" + bytes(4)
    write(b"".join(frame(36, n, body) for n in range(40)))

def exits():
    os._exit(7)

def crashes():
    import ctypes
    ctypes.string_at(0)

def leaves():
    raise SystemExit(0)

def deep():
    x = []
    x.append(x)
    return x

def long_list():
    return [None] * 2_000_000

def large():
    return np.zeros(20_000_000)

def object_in_place_of_value():
    return frame

def patch():
    np.asarray = np.array = np.frombuffer = lambda *a, **k: 1 / 0
    builtins.isinstance = builtins.type = builtins.len = lambda *a: 1 / 0
    sys.modules.clear()

def trace():
    sys.settrace(lambda *a: 1 / 0)
    sys.stdout = None

def flood():
    while True:
        os.write(1, b"x" * 65536)

def threads():
    def write_forever():
        while True:
            os.write(4, frame(32, 2, b"\\x00"))
    for _ in range(4):
        threading.Thread(target=write_forever, daemon=True).start()

def still_here():
    return 41
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hang_up", StudentDied),
        ("stray_bytes", StudentMisbehaved),
        ("another_request", StudentMisbehaved),
        ("enormous", StudentMisbehaved),
        ("unknown_kind", StudentMisbehaved),
        ("forged_callback", StudentMisbehaved),
        ("unpassed_callback", StudentMisbehaved),
        ("exits", StudentDied),
        ("crashes", StudentDied),
        ("leaves", StudentRaised),
        ("deep", StudentError),
        ("long_list", StudentMisbehaved),
        ("large", StudentMisbehaved),
        ("patch", StudentError),
        ("flood", StudentTimedOut),
        ("forged_name", StudentRaised),
    ],
)
def test_a_hostile_function_harms_itself_only(
    sandbox: Sandbox, name: str, expected: type[StudentError]
) -> None:
    worker = opened(sandbox, HOSTILE)
    worker.deadline = 0.5 if name == "flood" else 60.0
    with pytest.raises(expected) as raised:
        Student(worker).__getattr__(name)()
        Student(worker).still_here()
    assert "full marks" not in str(raised.value)
    if not worker.alive:
        with pytest.raises(type(raised.value)):
            worker.function("still_here")
    worker.close()
    after = opened(sandbox)
    assert Student(after).text_of(1) == "int"
    after.close()


@pytest.mark.parametrize("name", ["trace", "threads"])
def test_what_a_hostile_function_leaves_behind_is_its_own_loss(sandbox: Sandbox, name: str) -> None:
    worker = opened(sandbox, HOSTILE)
    worker.deadline = 1.0
    try:
        student = Student(worker)
        getattr(student, name)()
        assert student.still_here() in (41, None)
    except StudentError:
        pass
    worker.close()


def test_a_death_names_its_signal(sandbox: Sandbox) -> None:
    worker = opened(sandbox, HOSTILE)
    with pytest.raises(WorkerDied, match="SIGSEGV") as raised:
        Student(worker).crashes()
    assert raised.value.signal == 11
    again = opened(sandbox, HOSTILE)
    with pytest.raises(WorkerDied, match="exit code 7") as raised:
        Student(again).exits()
    assert raised.value.signal is None


def test_an_answer_is_refused_by_its_length(sandbox: Sandbox) -> None:
    worker = opened(sandbox, "import numpy as np\ndef f(n):\n    return np.zeros(n)")
    student = Student(worker)
    worker.reply_bytes = 1000
    assert student.f(100).size == 100
    with pytest.raises(StudentMisbehaved, match="at most 1000 are taken"):
        student.f(1000)
    assert not worker.alive


def test_callbacks_may_not_fill_our_memory(sandbox: Sandbox) -> None:
    source = "import numpy as np\ndef f(g):\n    for _ in range(100):\n        g(np.zeros(1000))"
    worker = opened(sandbox, source)
    worker.callback_bytes = 50_000
    callback = Callback(lambda x: None)
    with pytest.raises(StudentMisbehaved, match="more bytes than they may"):
        Student(worker).f(callback)
    assert len(callback.calls) == 6


def test_an_object_of_a_dead_worker_is_not_taken_for_another(sandbox: Sandbox) -> None:
    first, second = opened(sandbox), opened(sandbox)
    cache = first.hold(np.ones(2))
    second.hold(np.zeros(2))
    first.close()
    with pytest.raises(StudentDied, match="went with the worker"):
        second.fetch(cache)
    second.close()


def test_an_argument_that_cannot_be_sent_is_our_mistake(shared: Worker) -> None:
    student = Student(shared)
    with pytest.raises(CourseError, match="a check passes a object that student code cannot"):
        student.text_of(object())
    with pytest.raises(CourseError, match="a value cannot be sent"):
        student.text_of(np.zeros(2, dtype=complex))
    assert student.text_of([1]) == "list"


def test_output_is_kept_up_to_a_limit(sandbox: Sandbox) -> None:
    source = "import sys\ndef f():\n    print('seen')\n    print('x' * 500_000, file=sys.stderr)"
    worker = opened(sandbox, source, limits=Limits(output=1000))
    Student(worker).f()
    worker.close()
    assert worker.output == b"seen\n" + b"x" * 995


def test_sources_are_found_by_inspection(sandbox: Sandbox) -> None:
    source = "import inspect\ndef f():\n    return inspect.getsource(f)\nclass C: pass\n"
    source += "def g():\n    return inspect.getsource(C)"
    student = Student(opened(sandbox, source))
    assert student.f() == "def f():\n    return inspect.getsource(f)\n"
    with pytest.raises(StudentRaised):
        student.g()
    assert student.f().startswith("def f")


def test_memory_is_seen_from_outside(sandbox: Sandbox) -> None:
    source = "import numpy as np\ndef f(n):\n    return float(np.ones(n << 17).sum())"
    worker = opened(sandbox, source)
    student = Student(worker)
    student.f(1)
    before = worker.peak_memory()
    student.f(100)
    grown = worker.peak_memory() - before
    assert 95 << 20 < grown < 110 << 20
    worker.close()
    assert worker.peak_memory() - before >= grown


def test_check_code_asks_how_much_a_call_takes(sandbox: Sandbox) -> None:
    source = "kept = []\ndef keeps(chunks):\n    kept.extend(chunks)\n"
    source += "def passes(chunks):\n    return sum(map(len, chunks))"
    worker = opened(sandbox, source)
    student = Student(worker)

    def stream() -> Iterator[str]:
        return (f"{number} " * 20_000 for number in range(1000, 1060))

    student.passes(stream())
    assert student.memory_during(lambda: student.passes(stream())) < 2 << 20
    assert student.memory_during(lambda: student.keeps(stream())) > 4 << 20
    worker.close()
