"""Named values without methods, such as a model's sizes, cross to the worker and back."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autograder.sandbox import Sandbox
from autograder.served import MOST, modest
from autograder.source import SourceCell
from autograder.student import LocalBackend, Student

CODE = """
from types import SimpleNamespace

def area(sizes):
    return sizes.rows * sizes.columns

def through(sizes):
    return earlier(sizes, {"w": 1.0}), sizes

def forged(name):
    made = SimpleNamespace()
    vars(made)[name] = 1
    return made
"""


@dataclass(frozen=True)
class Sizes:
    rows: int
    columns: int
    weights: Any = None


def students(earlier: Any) -> list[Student]:
    names: dict[str, Any] = {"earlier": earlier}
    exec(CODE, names)
    cell = SourceCell("cell 1", CODE, 1)
    worker = SANDBOX.open([cell], arrays="numpy", earlier={"earlier": earlier})
    return [Student(LocalBackend(names)), Student(worker)]


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> Any:
    global SANDBOX
    with Sandbox() as SANDBOX:
        yield


def test_a_dataclass_arrives_with_its_attributes() -> None:
    for student in students(None):
        assert student.area(Sizes(3, 4)) == 12


def test_an_earlier_function_gets_it_back_with_its_attributes() -> None:
    def earlier(sizes: Any, params: Any) -> Any:
        return sizes.rows * params["w"], {"sizes": sizes, "sum": sizes.weights.sum()}

    sizes = Sizes(3, 4, np.ones(5))
    for student in students(earlier):
        (product, cache), back = student.through(sizes)
        assert product == 3.0 and cache["sum"] == 5.0
        assert cache["sizes"].columns == back.columns == 4


def test_a_name_that_is_no_text_stays_with_the_student() -> None:
    _, isolated = students(None)
    assert type(isolated.forged("__class__")) is SimpleNamespace
    assert not isinstance(isolated.forged(1), SimpleNamespace)


def test_a_record_handed_to_an_earlier_exercise_is_small_all_the_way_in() -> None:
    assert modest(len, SimpleNamespace(n=4, x=np.ones((2, 2))))
    assert not modest(len, SimpleNamespace(x=np.ones((2, MOST))))
