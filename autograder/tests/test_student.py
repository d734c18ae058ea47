"""The student's code is driven through proxies: values cross as copies, objects stay as handles."""

import contextlib
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder.errors import StudentMisbehaved, StudentRaised
from autograder.sandbox import Sandbox
from autograder.selfcheck import Check, raises
from autograder.source import SourceCell
from autograder.student import (
    Callback,
    Handle,
    Items,
    LocalBackend,
    Student,
    arrange,
    depart,
    laid,
    resolve,
)

X = np.arange(6.0).reshape(2, 3)


def student(**names: Any) -> Student:
    return Student(LocalBackend(names))


class Tally:
    """An object that has no value."""

    def __init__(self, start: Any) -> None:
        self.total, self.parts = start, {"first": self}

    def add(self, amount: Any, *, twice: bool = False) -> Any:
        self.total = self.total + amount * (2 if twice else 1)
        return self.total

    def __getitem__(self, key: Any) -> Any:
        return self.parts[key]

    def again(self) -> "Tally":
        return Tally(self.total)


# Calls and values


def test_a_function_is_called_with_positional_and_named_arguments() -> None:
    power = student(power=lambda x, *, n: x**n).power
    assert power(X, n=2).tolist() == (X**2).tolist()


def test_arguments_arrive_as_copies_and_results_leave_as_copies() -> None:
    kept: list[Any] = []

    def writes(x: Any) -> Any:
        x[:] = 7.0
        kept.append(x)
        return x

    mine = X.copy()
    got = student(writes=writes).writes(mine)
    assert np.array_equal(mine, X)
    kept[0][:] = 8.0
    assert (got == 7.0).all()


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "text", [1, (2.0, None)], {"a": X}])
def test_values_of_every_kind_cross_in_both_directions(value: Any) -> None:
    assert repr(student(same=lambda v: v).same(value)) == repr(value)


def test_numpy_scalars_come_back_as_numbers_or_arrays_without_axes() -> None:
    total = student(total=lambda x: x.sum()).total
    assert (total(X), np.shape(total(X))) == (15.0, ())
    assert total(X.astype(np.float32)).dtype == np.float32


def test_a_missing_function_is_a_name_error_of_the_student() -> None:
    with pytest.raises(StudentRaised) as caught:
        student().scale  # noqa: B018
    assert (caught.value.exception, caught.value.detail) == ("NameError", "scale is not defined")


def test_a_private_name_is_never_asked_of_the_student() -> None:
    with pytest.raises(AttributeError):
        student(_hidden=1)._hidden  # noqa: B018


# What the student's code raises


def test_an_exception_has_its_kind_its_text_and_the_line_it_came_from() -> None:
    names: dict[str, Any] = {}
    source = "import numpy as np\n\ndef f(x):\n    y = x + 1\n    return y @ np.ones(9)\n"
    exec(compile(source, "my notebook", "exec"), names)
    with pytest.raises(StudentRaised) as caught:
        student(**names).f(X)
    error = caught.value
    assert (error.exception, error.cell, error.line) == ("ValueError", "my notebook", 5)
    assert "matmul" in error.detail


def test_the_line_that_is_named_is_the_student_s_and_not_one_inside_a_library() -> None:
    names: dict[str, Any] = {}
    source = "import numpy as np\n\ndef f(x):\n    return np.mean(x, axis=7)\n"
    exec(compile(source, "my notebook", "exec"), names)
    with pytest.raises(StudentRaised) as caught:
        student(**names).f(X)
    assert (caught.value.cell, caught.value.line) == ("my notebook", 4)


def test_attributes_and_items_that_raise_are_the_student_s_errors_too() -> None:
    tally = student(Tally=Tally).Tally(1.0)
    with pytest.raises(StudentRaised, match="AttributeError"):
        tally.missing  # noqa: B018
    with pytest.raises(StudentRaised, match="KeyError"):
        tally["missing"]


# Handles


def test_an_object_stays_and_is_driven_through_a_handle() -> None:
    tally = student(Tally=Tally).Tally(1.0)
    assert isinstance(tally, Handle)
    assert tally.add(2.0) == 3.0
    assert tally.add(2.0, twice=True) == 7.0
    assert tally.total == 7.0


def test_objects_that_objects_give_are_handles_again() -> None:
    tally = student(Tally=Tally).Tally(1.0)
    assert tally["first"].add(1.0) == 2.0
    other = tally.again()
    other.add(1.0)
    assert (other.total, tally.total) == (3.0, 2.0)


def test_a_handle_can_be_passed_back() -> None:
    mine = student(Tally=Tally, read=lambda tally: tally.total)
    assert mine.read(mine.Tally(5.0)) == 5.0
    assert mine.read(tally=mine.Tally(6.0)) == 6.0


def test_handles_within_tuples_and_dicts_are_handles() -> None:
    mine = student(Tally=Tally, pair=lambda t: (t, {"again": t, "value": 1}))
    first, rest = mine.pair(mine.Tally(5.0))
    assert first.total == rest["again"].total == 5.0
    assert rest["value"] == 1


def test_a_named_tuple_counts_as_a_tuple_of_results() -> None:
    Pair = namedtuple("Pair", "dx dgain")
    got = student(both=lambda x: Pair(x, x[0])).both(X)
    assert isinstance(got, tuple)
    assert [np.shape(v) for v in got] == [(2, 3), (3,)]


def test_held_arrays_show_what_was_changed_in_place() -> None:
    def halve(values: Any) -> None:
        for v in values:
            v *= 0.5

    mine = student(halve=halve)
    held = mine.hold([X, np.ones(2)])
    mine.halve(held)
    now = mine.fetch(held)
    assert np.array_equal(now[0], X / 2)
    assert now[1].tolist() == [0.5, 0.5]
    assert X[1, 2] == 5.0


def test_what_is_fetched_does_not_change_with_what_is_held() -> None:
    mine = student(zero=lambda v: v.fill(0.0))
    held = mine.hold(X)
    before = mine.fetch(held)
    mine.zero(held)
    assert np.array_equal(before, X)
    assert not mine.fetch(held).any()


def test_a_kept_result_stays_even_if_it_has_a_value() -> None:
    mine = student(double=lambda x: 2 * x, total=lambda x: x.sum())
    kept = mine.keep(mine.double, X)
    assert isinstance(kept, Handle)
    assert mine.total(kept) == 30.0
    assert np.array_equal(mine.fetch(kept), 2 * X)


def test_a_trial_gives_the_result_the_arguments_and_the_result_once_more() -> None:
    def adds(x: Any, y: Any) -> Any:
        x += y
        return x

    mine = student(adds=adds)
    result, after, later = mine.trial(mine.adds, X, np.ones(3))
    assert np.array_equal(result, X + 1)
    assert np.array_equal(after[0], X + 1) and np.array_equal(after[1], np.ones(3))
    assert not later.any()


def test_a_trial_of_what_returns_new_arrays_changes_nothing() -> None:
    mine = student(double=lambda x: 2 * x)
    result, after, later = mine.trial(mine.double, laid(X, "F", read_only=True))
    assert np.array_equal(result, 2 * X) and np.array_equal(later, 2 * X)
    assert np.array_equal(after[0], X)


def test_a_library_s_class_is_reached_by_its_dotted_name() -> None:
    mine = student(count=lambda path: len(path.parts))
    path = mine.library("pathlib.PurePosixPath")("a", "b")
    assert mine.count(path) == 2
    assert resolve("xml.etree.ElementTree.Element").__name__ == "Element"


# Layouts


@pytest.mark.parametrize("layout", ["C", "F", "strided"])
@pytest.mark.parametrize("read_only", [False, True])
def test_an_array_arrives_in_the_layout_that_is_asked_for(layout: Any, read_only: bool) -> None:
    seen: list[Any] = []
    student(look=seen.append).look(laid(X, layout, read_only=read_only))
    (array,) = seen
    assert np.array_equal(array, X)
    assert array.flags.writeable is not read_only
    assert array.flags.c_contiguous is (layout == "C")
    assert array.flags.f_contiguous is (layout == "F")


def test_arrays_without_axes_or_elements_can_be_laid_out_in_every_way() -> None:
    for layout in ("C", "F", "strided"):
        for array in (np.array(2.0), np.zeros((2, 0)), np.arange(3)):
            got = arrange(array, layout, False)  # type: ignore[arg-type]
            assert got.dtype == array.dtype
            assert np.array_equal(got, array)


# Callbacks


def test_a_callback_is_called_with_values_and_its_calls_are_kept() -> None:
    served = Callback(lambda x: x + 1)
    got = student(twice=lambda f, x: f(f(x))).twice(served, X)
    assert np.array_equal(got, X + 2)
    assert [c[0].tolist() for c in served.calls] == [X.tolist(), (X + 1).tolist()]


def test_what_a_callback_was_given_does_not_change_afterwards() -> None:
    def reuses(f: Any, x: Any) -> None:
        f(x)
        x[:] = 0.0

    served = Callback(lambda x: None)
    student(reuses=reuses).reuses(served, X)
    assert np.array_equal(served.calls[0][0], X)


def test_a_callback_refuses_what_it_does_not_accept() -> None:
    served = Callback(lambda x: x, accepts=lambda x: x.shape == (2, 3))
    mine = student(flat=lambda f, x: f(x.ravel()))
    with pytest.raises(StudentMisbehaved, match="arguments it does not take"):
        mine.flat(served, X)
    assert served.calls == []


def test_a_callback_that_is_called_too_often_stops_the_call() -> None:
    def forever(f: Any) -> None:
        while True:
            f(1)

    served = Callback(lambda n: n, max_calls=5)
    with pytest.raises(StudentMisbehaved, match="called too often"):
        student(forever=forever).forever(served)
    assert len(served.calls) == 5


def test_a_callback_may_drive_the_student_and_hand_over_an_object() -> None:
    mine = student(make=lambda: [1, 2], grown=lambda f: [f() is f(), *f()])
    held = mine.keep(mine.make)
    served = Callback(lambda: mine.keep(mine.library("builtins.list.copy"), held))
    assert mine.grown(served) == [False, 1, 2]
    assert mine.grown(Callback(lambda: held)) == [True, 1, 2]


def test_items_count_what_was_taken() -> None:
    def numbers() -> Iterator[int]:
        yield from range(100)

    items = Items(numbers())
    assert student(three=lambda it: [next(it) for _ in range(3)]).three(items) == [0, 1, 2]
    assert items.pulled == 3


def test_items_that_run_out_end_a_loop() -> None:
    items = Items(iter([X, 2 * X]))
    assert student(total=lambda it: sum(v.sum() for v in it)).total(items) == 45.0
    assert items.pulled == 2


# The transcript


def test_the_transcript_has_everything_that_came_back_in_order() -> None:
    mine = student(Tally=Tally, double=lambda x: 2 * x)
    mine.double(1.0)
    tally = mine.Tally(3.0)
    tally.total  # noqa: B018
    assert mine.transcript[0] == 2.0
    assert mine.transcript[-1] == 3.0


def test_what_is_no_number_does_not_leave_as_a_value() -> None:
    assert type(depart(np.array(["text"]))).__name__ == "Ref"
    assert type(depart(np.array([1j]))).__name__ == "Ref"
    assert depart((1, [2.0, {"a": None}])) == (1, [2.0, {"a": None}])


# PyTorch


def test_arrays_arrive_as_tensors_and_tensors_leave_as_arrays() -> None:
    torch = pytest.importorskip("torch")
    seen: list[Any] = []

    def double(x: Any) -> Any:
        seen.append(x)
        return (2 * x).requires_grad_()

    got = Student(LocalBackend({"double": double}, arrays="torch")).double(X)
    assert isinstance(seen[0], torch.Tensor)
    assert seen[0].dtype == torch.float64
    assert isinstance(got, np.ndarray)
    assert np.array_equal(got, 2 * X)


def test_a_tensor_in_half_precision_leaves_as_float32() -> None:
    torch = pytest.importorskip("torch")
    got = depart(torch.tensor([1.0, 2.5], dtype=torch.bfloat16))
    assert got.dtype == np.float32
    assert got.tolist() == [1.0, 2.5]


def test_a_module_of_pytorch_stays_as_a_handle_with_its_parameters() -> None:
    pytest.importorskip("torch")
    mine = Student(LocalBackend({"apply": lambda m, x: m(x)}, arrays="torch"))
    linear = mine.library("torch.nn.Linear")(3, 2)
    got = mine.apply(linear, X.astype(np.float32))
    want = X @ linear.weight.T + linear.bias
    assert np.allclose(got, want, atol=1e-5)


# Texts, bytes and streams


def test_texts_and_bytes_cross_as_they_are() -> None:
    value = {0: b"\x00\xff", "text": "e\u0301" * 5000, "list": [(1, 2), b""]}
    assert student(same=lambda x: x).same(value) == value


def test_any_iterator_of_ours_is_pulled_one_by_one() -> None:
    pulled: list[int] = []

    def stream() -> Iterator[str]:
        for number in range(3):
            pulled.append(number)
            yield "ab" * number

    mine = student(lengths=lambda chunks: (len(c) for c in chunks))
    lengths = mine.keep(mine.lengths, stream())
    following = mine.library("builtins.next")
    assert pulled == []
    assert (following(lengths, None), pulled) == (0, [0])
    assert (following(lengths, None), pulled) == (2, [0, 1])
    assert [following(lengths, None), following(lengths, None)] == [4, None]


def test_memory_is_what_a_call_takes_at_most_and_gives_back() -> None:
    mine = student(take=lambda n: len(bytes(n)), keeps=lambda kept, n: kept.append(bytes(n)))
    grown = [mine.memory_during(lambda n=n: mine.take(n)) for n in (1000, 5_000_000)]
    assert grown[0] < 500_000
    assert 5_000_000 <= grown[1] < 6_000_000
    assert mine.memory_during(lambda: mine.take(1000)) < 500_000


SUBCLASSES = """
import json

class Mine(KeyError):
    pass

def parse(text):
    return json.loads(text)

def mine():
    raise Mine("x")
"""


@pytest.mark.parametrize("isolated", [False, True])
def test_an_exception_is_what_the_next_builtin_class_above_it_is(isolated: bool) -> None:
    with contextlib.ExitStack() as stack:
        names: dict[str, Any] = {}
        exec(SUBCLASSES, names)
        backend: Any = LocalBackend(names)
        if isolated:
            sandbox = stack.enter_context(Sandbox("auto"))
            backend = sandbox.open([SourceCell("cell 1", SUBCLASSES)], arrays="numpy")
        student = Student(backend)
        assert raises(ValueError, student.parse, "{")
        assert raises(Exception, student.parse, "{")
        assert not raises(KeyError, student.parse, "{")
        assert not raises(ValueError, student.parse, "{}")
        assert raises(KeyError, student.mine) and raises(LookupError, student.mine)
        assert not raises(ValueError, student.mine)
        Check().raises(ValueError, student.parse, "{")
        with pytest.raises(StudentRaised) as caught:
            student.parse("{")
        assert caught.value.builtin == "ValueError"
        assert caught.value.exception == ("ValueError" if isolated else "JSONDecodeError")
