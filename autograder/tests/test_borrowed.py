"""What our functions and objects change in place, they change in the student's own arrays."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder.errors import StudentMisbehaved, StudentRaised
from autograder.sandbox import Sandbox
from autograder.served import MOST, Served
from autograder.source import SourceCell
from autograder.student import Student


class Mover:
    """Moves the arrays that it was made with."""

    def __init__(self, arrays: list[Any], by: float, names: tuple[float, float] = (1.0, 2.0)):
        self.arrays, self.by, self.names, self.calls = arrays, by, names, 0
        self._hidden = 1.0

    @property
    def total(self) -> float:
        """What is worked out when it is asked for."""
        return float(sum(array.sum() for array in self.arrays))

    @property
    def first(self) -> Any:
        """No number."""
        return self.arrays[0]

    def move(self, ways: Any, *, twice: bool = False) -> int:
        """Adds `by` times a way to each array."""
        for array, way in zip(self.arrays, ways, strict=True):
            array += (2 if twice else 1) * self.by * way
        self.calls += 1
        return self.calls

    def _secret(self) -> float:
        return 42.0


def halve(arrays: list[Any], least: Any = 0.0) -> float:
    """Halves what is larger than `least`, in place, and returns how much there was."""
    total = sum(float(array.sum()) for array in arrays)
    for array in arrays:
        array[array > least] /= 2
    return total


def kind_of(dtype: Any) -> str:
    """What NumPy takes a dtype for."""
    return np.zeros(1, dtype).dtype.name


SOURCE = """
import numpy as np

def halves(x):
    arrays = {"a": x, "b": x[::2], "c": np.array([8, 1], np.float32)}
    before = halve(arrays.values(), np.float32(2.0))
    return before, *arrays.values()

def halves_generated(x):
    halve(y for y in (x,))
    return x

def halves_read_only(x):
    x.flags.writeable = False
    halve([x])

def moves(x):
    y = np.ones((2, 2), order="F")
    mover = Mover([x, y], by=0.5)
    calls = [mover.move(iter([np.ones(3), 2 * y])), mover.move(ways=[2 * x, 3 * y], twice=True)]
    x *= 10  # what happens to them elsewhere counts, too
    mover.by = np.float64(2.0)
    mover.names = (3, 4)
    calls.append(mover.move([np.ones(3), 3 * y]))
    return calls, mover.by, mover.names, x, y

def two(x):
    first, second = Mover([x], 1.0), Mover([x], 10.0)
    first.move([x + 1]), second.move([x + 1]), first.move([x + 1])
    return x, first.calls, second.calls

def totals(x):
    mover = Mover([x], by=1.0)
    before = mover.total
    mover.move([x])
    return before, mover.total

def kinds(x):
    return kind_of(x.dtype), kind_of(np.float32), kind_of(dtype=np.dtype("<i4"))

def asks(name):
    return getattr(Mover([np.ones(1)], 1.0), name)

def sets(name, value):
    setattr(Mover([np.ones(1)], 1.0), name, value)

def reshaped():
    x = np.ones(4)
    mover = Mover([x], 1.0)
    x.shape = 2, 2
    mover.move([x])

def large(n):
    return Mover([np.ones((2, 2))], 1.0).move([np.ones((n, 2))])

def often(x, n):
    mover = Mover([x], 1.0)
    for _ in range(n):
        mover.move([x * 0])
    return mover.calls
"""


@pytest.fixture(scope="module")
def student() -> Iterator[Student]:
    with Sandbox("auto") as sandbox:
        served = Served()
        earlier = {f.__name__: served.callback(f) for f in (Mover, halve, kind_of)}
        worker = sandbox.open([SourceCell("cell 1", SOURCE)], arrays="numpy", earlier=earlier)
        served.worker = worker
        yield Student(worker)
        worker.close()


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    """The same code where there is no wall."""
    names: dict[str, Any] = {"Mover": Mover, "halve": lambda a, *rest: halve(list(a), *rest)}
    exec(SOURCE, names)
    return names


def test_a_function_changes_the_arrays_that_it_is_called_with(student: Student) -> None:
    before, a, b, c = student.halves(np.array([8.0, 1.0, 6.0]))
    assert before == 15.0 + 14.0 + 9.0
    assert c.tolist() == [4.0, 1.0] and c.dtype == np.float32
    # `b` is a view of `a`: what was sent were two arrays of their own, and the later one remains.
    assert a.tolist() == [4.0, 1.0, 3.0] and b.tolist() == [4.0, 3.0]


def test_an_iterator_is_as_good_as_a_list(student: Student) -> None:
    assert student.halves_generated(np.array([8.0, -1.0])).tolist() == [4.0, -1.0]


def test_what_is_read_only_here_is_an_error_here(student: Student) -> None:
    with pytest.raises(StudentRaised) as caught:
        student.halves_read_only(np.ones(2))
    assert caught.value.exception == "ValueError"


@pytest.mark.parametrize("name", ["moves", "two"])
def test_an_object_does_what_it_does_where_there_is_no_wall(
    name: str, student: Student, plain: dict[str, Any]
) -> None:
    got, want = getattr(student, name)(np.arange(3.0)), plain[name](np.arange(3.0))
    assert len(got) == len(want)
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_number_that_is_worked_out_is_there_too(student: Student) -> None:
    assert student.totals(np.array([1.0, 2.0])) == (3.0, 6.0)


def test_a_dtype_may_be_an_argument(student: Student) -> None:
    assert student.kinds(np.ones(1)) == ("float64", "float32", "int32")


NOT_THERE = ["_hidden", "_secret", "arrays", "first", "nothing", "__globals__"]


@pytest.mark.parametrize("name", NOT_THERE)
def test_only_public_methods_and_numbers_are_there(name: str, student: Student) -> None:
    with pytest.raises(StudentRaised) as caught:
        student.asks(name)
    assert caught.value.exception == "AttributeError"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("by", "x"), ("by", [1.0]), ("by", np.ones(2))),
        *(("new", 1.0), ("move", 1.0), ("_hidden", 2.0), ("total", 1.0)),
    ],
)
def test_only_numbers_are_set_to_numbers(name: str, value: Any, student: Student) -> None:
    with pytest.raises(StudentRaised) as caught:
        student.sets(name, value)
    assert caught.value.exception == "AttributeError"


def test_an_array_of_another_shape_is_an_error(student: Student) -> None:
    with pytest.raises(StudentRaised) as caught:
        student.reshaped()
    assert caught.value.exception == "ValueError"


def test_many_bytes_may_pass_since_none_are_kept(student: Student) -> None:
    student._backend.callback_bytes = 10_000  # type: ignore[attr-defined]
    assert student.often(np.ones(1000), 20) == 20


def test_too_much_at_once_is_refused() -> None:
    with Sandbox("auto") as sandbox:
        served = Served()
        worker = sandbox.open(
            [SourceCell("cell 1", SOURCE)],
            arrays="numpy",
            earlier={"Mover": served.callback(Mover)},
        )
        with pytest.raises(StudentMisbehaved):
            Student(worker).large(MOST)
