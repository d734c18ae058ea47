"""The exercise of a file is known by its ids, its name or its functions."""

import pytest

from autograder.identify import identify_sheet
from autograder.submission import RawFile, identify
from autograder.tests.handed_in_course import PAGE, PAGES, book, code

# Which exercise


def named(name: str, data: bytes, origin: str = "") -> str | None:
    return identify(RawFile(name, origin or f"alice/{name}", data), PAGES)


def test_ids_come_before_the_file_name_and_functions() -> None:
    assert named("basics.ipynb", book(code("def double(x): 0", "sums-01"))) == "vol/sums"
    assert named("basics.ipynb", book(course={"exercise": "vol/sums"})) == "vol/sums"
    assert named("sums.ipynb", book(course={"exercise": "vol/other"})) is None


@pytest.mark.parametrize(
    "name",
    ["sums.py", "sums.ipynb", "Sums (1).ipynb", "sums(2).py", "sums-Copy1.ipynb", "sums_copy.py"],
)
def test_a_file_is_known_by_its_name(name: str) -> None:
    data = book("def double(x): 0") if name.endswith("ipynb") else b"def double(x): 0"
    assert named(name, data) == "vol/sums"


def test_a_file_is_known_by_its_functions() -> None:
    assert named("homework.py", b"def double(x):\n    return 2 * x\n") == "vol/basics"
    assert named("homework.py", b"def triple(x):\n    return 3 * x\n") is None


def test_a_file_that_cannot_be_read_is_known_by_its_name() -> None:
    assert named("sums.ipynb", b"{") == "vol/sums"
    assert named("homework.ipynb", b"{") is None


def test_a_file_of_an_exercise_that_is_not_asked_for_is_not_taken_for_another() -> None:
    file = RawFile("sums_of_rows.py", "alice/sums_of_rows.py", b"x = 1")
    assert identify(file, PAGES) == "vol/sums"
    assert identify_sheet(file, None, PAGES, {"sums_of_rows"}) == (None, False)


def test_the_folder_tells_apart_exercises_of_one_name() -> None:
    pages = {"a/sums": PAGE, "b/sums": PAGE}
    file = RawFile("sums.py", "alice/b/sums.py", b"x = 1")
    assert identify(file, pages) == "b/sums"
    assert identify(RawFile("sums.py", "alice/sums.py", b"x = 1"), pages) is None
