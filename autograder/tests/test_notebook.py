"""Files become cells, whatever happened to them on the way."""

import json
from typing import Any

import pytest

from autograder import notebook
from autograder.errors import SubmissionError
from autograder.notebook import RawFile, Sheet, read_sheet


def code(source: Any, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": []}


def book(*cells: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, **more}).encode()


def sheet(data: bytes, name: str = "sums.ipynb") -> Sheet:
    return read_sheet(RawFile(name, f"alice/{name}", data))


def refusal(data: bytes, name: str = "sums.ipynb") -> str:
    with pytest.raises(SubmissionError) as caught:
        sheet(data, name)
    return str(caught.value)


# Notebooks of every kind


def test_cells_are_numbered_as_people_see_them() -> None:
    prose = {"cell_type": "markdown", "source": "# Title"}
    cells = sheet(book(prose, code("x = 1"), prose, code("y = 2"))).cells
    assert [c.label for c in cells if c.code] == ["cell 2", "cell 4"]


def test_a_source_is_a_string_or_a_list_of_lines() -> None:
    cells = sheet(book(code("x = 1\ny = 2"), code(["x = 1\n", "y = 2"]))).cells
    assert cells[0].source == cells[1].source == "x = 1\ny = 2"


def test_a_notebook_of_format_3_is_read() -> None:
    old = {"cell_type": "code", "input": ["x = 1"], "language": "python", "outputs": []}
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": [old]}, {"cells": [old]}]})
    assert [(c.label, c.source) for c in sheet(data.encode()).cells] == [
        ("cell 1", "x = 1"),
        ("cell 2", "x = 1"),
    ]


def test_ids_come_from_nbgrader_and_from_the_cell() -> None:
    cell = {**code("x", nbgrader={"grade_id": "sums-01"}), "id": "abc"}
    assert sheet(book(cell)).cells[0].ids == ("sums-01", "abc")


def test_cells_without_ids_and_with_equal_ids_are_read() -> None:
    twins = [{**code("x"), "id": "same"}, {**code("y"), "id": "same"}, code("z")]
    assert [c.ids for c in sheet(book(*twins)).cells] == [("same",), ("same",), ()]


def test_a_locked_and_graded_cell_is_a_check() -> None:
    graded = {"grade": True, "locked": True}
    answer = {"grade": True, "locked": False, "solution": True}
    cells = sheet(book(code("x", nbgrader=graded), code("y", nbgrader=answer))).cells
    assert [c.check for c in cells] == [True, False]


def test_the_exercise_is_in_the_metadata() -> None:
    data = book(metadata={"course": {"exercise": "vol/sums", "version": "1"}})
    assert sheet(data).exercise == "vol/sums"


@pytest.mark.parametrize("wrong", [None, 3, "x", [], {"cell_type": 3, "source": {"a": 1}}])
def test_what_is_no_cell_counts_but_holds_nothing(wrong: Any) -> None:
    cells = sheet(book(wrong, code("x = 1"))).cells
    assert cells[0].source == ""
    assert cells[1].label == "cell 2"


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm() -> None:
    assert sheet(b"\xef\xbb\xbf" + book(code("x = 1\r\ny = 2"))).cells[0].source == "x = 1\ny = 2"
    assert sheet(b"\xef\xbb\xbfx = 1\r\n", "sums.py").cells[0].source == "x = 1\n"


# What is refused, and in which words


def test_an_empty_file_is_named() -> None:
    expected = "alice/sums.ipynb is empty; save it and hand it in again"
    assert refusal(b"") == refusal(b" \n") == expected


def test_a_truncated_notebook_says_where_it_breaks_off() -> None:
    assert refusal(book(code("x = 1"))[:-20]).startswith(
        "alice/sums.ipynb is not a complete notebook: its JSON is broken at line 1 ("
    )


def test_a_web_page_is_no_notebook() -> None:
    assert refusal(b"<html>") == (
        "alice/sums.ipynb is not a notebook: it does not begin with {; hand in the .ipynb file "
        "itself"
    )


@pytest.mark.parametrize("data", [b"{}", b'{"cells": 3}', b'{"worksheets": [{"cells": null}]}'])
def test_json_without_cells_is_no_notebook(data: bytes) -> None:
    assert refusal(data) == (
        "alice/sums.ipynb is not a notebook: it has no list of cells; hand in the .ipynb file "
        "itself"
    )


def test_json_that_is_nested_too_deeply_is_refused() -> None:
    assert refusal(b'{"cells": ' + b"[" * 100_000) == (
        "alice/sums.ipynb is not a notebook: its JSON is nested too deeply; save it again in "
        "Jupyter"
    )


def test_a_number_with_a_million_digits_is_refused() -> None:
    assert "(a number is too long)" in refusal(b'{"cells": ' + b"9" * 1_000_000 + b"}")


def test_text_that_is_not_utf_8_is_refused_with_its_line() -> None:
    assert refusal("x = 1\n# caf\xe9\n".encode("latin-1"), "sums.py") == (
        "alice/sums.py is not UTF-8 text (byte 0xe9 in line 2); save it as UTF-8 and hand it in "
        "again"
    )


def test_a_notebook_of_more_than_32_mb_is_refused() -> None:
    assert refusal(b" " * 32_000_001 + b"{}") == (
        "alice/sums.ipynb has 32 MB, at most 32 MB are read; clear the outputs of the notebook and "
        "hand it in again"
    )


def test_more_than_2000_cells_are_refused() -> None:
    assert refusal(book(*[code("")] * 2_001)) == (
        "alice/sums.ipynb has 2,001 cells, at most 2,000 are read; hand in the notebook of the "
        "exercise only"
    )


def test_more_than_300_kb_of_code_are_refused_with_the_cell() -> None:
    large = code("# " + "x" * 200_000)
    assert refusal(book(large, {"cell_type": "markdown", "source": "y" * 400_000}, large)) == (
        "alice/sums.ipynb has more than 300 kB of code up to cell 3, no more is read; move data "
        "out of the code"
    )
    assert "more than 300 kB of code, no more" in refusal(b"x = 1\n" * 60_000, "sums.py")


def test_plots_do_not_count_as_code() -> None:
    cell = {**code("x = 1"), "outputs": [{"data": {"image/png": "A" * 1_000_000}}]}
    assert sheet(book(cell)).cells[0].source == "x = 1"


# Modules


def test_percent_cells_keep_the_line_numbers_of_the_file() -> None:
    cells = sheet(
        b'"""Doc."""\n\n# %%\nx = 1\n\n# %% [markdown]\n# prose\n\n#%%\ny = 2\n', "a.py"
    ).cells
    assert [(c.line, c.code) for c in cells] == [(1, True), (3, True), (6, False), (9, True)]
    assert cells[3].at(2) == "a.py, line 10"


def test_many_cells_are_counted_before_they_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    real = notebook.Cell
    monkeypatch.setattr(notebook, "Cell", lambda label, *a, **k: built.append(label) or real(label))
    for data, name in (
        (b'{"cells": [' + b"{}," * 5_000 + b"{}]}", "sums.ipynb"),
        (b"# %%\n" * 5_001, "sums.py"),
    ):
        assert refusal(data, name) == (
            f"alice/{name} has 5,001 cells, at most 2,000 are read; hand in the notebook of the "
            "exercise only"
        )
    assert built == []


@pytest.mark.parametrize(
    "values", [b"{},", b"[],", b'"a",', b'"\\\\",', b'"\\"",', b'{"a":0},'], ids=repr
)
def test_values_are_counted_before_they_are_parsed(
    monkeypatch: pytest.MonkeyPatch, values: bytes
) -> None:
    monkeypatch.setattr(json, "loads", lambda text: pytest.fail("it was parsed"))
    data = b'{"cells": [], "x": [' + values * 510_000 + b"0]}"
    assert refusal(data) == (
        "alice/sums.ipynb holds more than 500,000 values; clear the outputs of the notebook and "
        "hand it in again"
    )


def test_plots_of_many_numbers_and_long_html_are_no_values_to_speak_of() -> None:
    plot = {"data": {"application/json": [0.5] * 1_000_000, "text/html": '<a b="{}[],">' * 200_000}}
    cell = {**code("x = 1"), "outputs": [plot]}
    assert sheet(book(cell)).cells[0].source == "x = 1"


def test_prose_is_read_as_far_as_an_answer_may_hide_in_it() -> None:
    def prose(size: int) -> dict[str, Any]:
        return {"cell_type": "markdown", "source": "y" * size, "id": "a"}

    cells = sheet(book(prose(20_001), *[prose(20_000)] * 20, prose(5))).cells
    assert [len(c.source) for c in cells] == [0, *[20_000] * 16, *[0] * 5]
    assert {c.ids for c in cells} == {("a",)}
