"""A table is looked up and nothing else, and we know which rows were."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autograder import Callback, LocalBackend, Student, Table
from autograder.errors import StudentRaised
from autograder.sandbox import Sandbox
from autograder.served import Served
from autograder.source import SourceCell

SOURCE = """
import numpy as np

def rows(table, ids):
    return table[ids]

def in_a_record(model, ids):
    return model.weights["table"][ids] + model.size

def taken(table, ids):
    return np.take(table, ids, axis=0), table.take(ids, axis=0), table[ids, :], table[2]

def about(table):
    return table.shape, table.ndim, len(table), table.dtype.name, table.dtype == np.float32

def with_reference(table, ids):
    return pick(ids, table)

def hands_over(table, function):
    return function(table)

def keeps(table):
    global kept
    kept = table

def uses_kept(ids):
    return kept[ids]

def tries(table, how):
    WAYS[how](table)

WAYS = {
    "array": np.asarray,
    "iterate": list,
    "copy": lambda table: table.copy(),
    "transpose": lambda table: table.T,
    "product": lambda table: np.eye(5) @ table,
    "slice": lambda table: table[:],
    "mask": lambda table: table[np.ones(5, dtype=bool)],
    "float": lambda table: table[np.ones(1)],
    "column": lambda table: table[np.arange(2), 0],
    "nothing": lambda table: table[None],
    "other_axis": lambda table: np.take(table, [0], axis=1),
    "flat": lambda table: np.take(table, [0]),
}
"""


def pick(ids: Any, table: Any) -> Any:
    """A reference that looks up."""
    return 2 * table[ids]


@pytest.fixture(scope="module", params=["isolated", "here"])
def student(request: pytest.FixtureRequest) -> Iterator[Student]:
    if request.param == "here":
        names: dict[str, Any] = {"pick": pick}
        exec(SOURCE, names)
        yield Student(LocalBackend(names))
        return
    with Sandbox("auto") as sandbox:
        served = Served()
        cells = [SourceCell("cell 1", SOURCE)]
        worker = sandbox.open(cells, arrays="numpy", earlier={"pick": served.callback(pick)})
        served.worker = worker
        yield Student(worker)
        worker.close()


def made(dtype: str = "float64") -> Table:
    return Table(np.arange(15.0).reshape(5, 3).astype(dtype))


def test_rows_come_and_are_counted(student: Student) -> None:
    table, ids = made(), np.array([[4, 0], [1, 4]])
    assert np.array_equal(student.rows(table, ids), table.array[ids])
    assert np.array_equal(student.rows(table, [3]), table.array[[3]])
    assert np.array_equal(student.rows(table, 3), table.array[3])
    assert [seen.tolist() for seen in table.looked_up] == [[[4, 0], [1, 4]], [3], 3]
    assert table.count == 6


def test_a_table_may_lie_within_a_record(student: Student) -> None:
    table = made()
    model = SimpleNamespace(weights={"table": table, "other": np.ones(2)}, size=10)
    assert np.array_equal(student.in_a_record(model, np.array([1])), table.array[[1]] + 10)
    assert table.count == 1


def test_every_way_to_look_up_is_one(student: Student) -> None:
    table, ids = made(), np.array([1, 1, 0])
    *same, one = student.taken(table, ids)
    for got in same:
        assert np.array_equal(got, table.array[ids])
    assert np.array_equal(one, table.array[2])
    assert table.count == 10


def test_what_it_is_costs_no_lookup(student: Student) -> None:
    table = made("float32")
    assert student.about(table) == ((5, 3), 2, 5, "float32", True)
    assert student.rows(table, np.array([0])).dtype == np.float32
    assert table.count == 1


def test_what_an_earlier_reference_looks_up_is_counted_too(student: Student) -> None:
    table, ids = made(), np.array([[2, 3]])
    assert np.array_equal(student.with_reference(table, ids), 2 * table.array[ids])
    assert table.count == 2


def test_it_may_be_kept(student: Student) -> None:
    table = made()
    student.keeps(table)
    assert np.array_equal(student.uses_kept(np.array([4])), table.array[[4]])
    assert table.count == 1


@pytest.mark.parametrize(
    "how",
    [
        "array",
        "iterate",
        "product",
        "slice",
        "mask",
        "float",
        "column",
        "nothing",
        "other_axis",
        "flat",
    ],
)
def test_nothing_else_is_to_be_had(how: str, student: Student) -> None:
    table = made()
    with pytest.raises(StudentRaised) as caught:
        student.tries(table, how)
    assert caught.value.exception == "TypeError"
    assert table.count == 0


@pytest.mark.parametrize("how", ["copy", "transpose"])
def test_it_has_no_other_methods_of_an_array(how: str, student: Student) -> None:
    with pytest.raises(StudentRaised) as caught:
        student.tries(made(), how)
    assert caught.value.exception == "AttributeError"


@pytest.mark.parametrize("ids", [[5], [-6]])
def test_a_row_that_is_not_there_is_an_error_of_the_student(ids: Any, student: Student) -> None:
    table = made()
    with pytest.raises(StudentRaised) as caught:
        student.rows(table, np.array(ids))
    assert caught.value.exception == "IndexError"
    assert table.count == 0


def test_rows_that_were_handed_out_may_be_written_into(student: Student) -> None:
    table = made()
    before = table.array.copy()
    rows = student.keep(student.rows, table, np.array([1]))
    student.keep(student.library("numpy.ndarray.fill"), rows, 7.0)
    assert np.array_equal(table.array, before)
    assert np.array_equal(student.rows(table, np.array([1])), before[[1]])


def test_it_comes_home_as_itself() -> None:
    """Where there is a wall; in one process a function of ours gets what the student has."""
    table, got = made(), []
    with Sandbox("auto") as sandbox:
        worker = sandbox.open([SourceCell("cell 1", SOURCE)], arrays="numpy")
        Student(worker).hands_over(table, Callback(got.append))
        worker.close()
    assert got == [table]
