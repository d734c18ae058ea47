"""Files become cells, and cells become syntax, whatever happened to them on the way."""

import json
import subprocess
import sys
from typing import Any

import pytest

from autograder.errors import SubmissionError
from autograder.notebook import Broken, Cell, Code, RawFile, Sheet, parse, parse_cells, read_sheet


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


def only(source: str) -> Code | Broken:
    ((_, found),), _ = parse_cells([Cell("cell 1", source)])
    return found


def text(source: str) -> str:
    found = only(source)
    assert isinstance(found, Code), found
    return found.source


def fault(source: str) -> tuple[str, int]:
    found = only(source)
    assert isinstance(found, Broken)
    return found.message, found.line


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


def test_a_broken_function_of_a_plain_module_costs_only_itself() -> None:
    source = "import math\n\ndef a():\n    return (1\n\n@wrap\ndef b():\n    return 2\n\nx = 3\n"
    read = sheet(source.encode(), "a.py")
    found, _ = parse_cells(list(read.cells), whole=read.whole)
    assert [isinstance(f, Code) for _, f in found] == [True, False, True]
    broken = found[1][1]
    assert isinstance(broken, Broken)
    assert found[1][0].at(broken.line) == "a.py, line 4"
    assert broken.message == "'(' was never closed"
    assert found[2][0].line == 6


def test_what_follows_a_broken_function_survives() -> None:
    source = "def a():\n    return = 1\n\nTABLE = [1]\n"
    read = sheet(source.encode(), "a.py")
    found, _ = parse_cells(list(read.cells), whole=read.whole)
    assert [c.source.strip() for c, f in found if isinstance(f, Code)] == ["TABLE = [1]"] or [
        c.source.strip() for c, f in found if isinstance(f, Code)
    ] == ["", "TABLE = [1]"]


# Cells that do not parse


def test_a_broken_cell_is_told_in_pythons_words() -> None:
    assert fault("x = 1\ny = = 2") == ("invalid syntax", 2)
    assert fault("def f(:\n  pass") == ("invalid syntax", 1)


def test_what_only_the_compiler_finds_is_found_too() -> None:
    assert fault("x = 1\nreturn x") == ("'return' outside function", 2)
    assert fault("await f()") == ("'await' outside function", 1)
    assert fault("for i in x:\n    pass\nbreak") == ("'break' outside loop", 3)
    assert fault("def f(a, a): pass")[0] == "duplicate argument 'a' in function definition"


def test_null_characters_are_refused() -> None:
    assert "null bytes" in fault("x = 1\0")[0]


def test_a_lone_surrogate_is_refused() -> None:
    assert fault("x = 1\ny = '\ud800'") == ("a character that is no valid Unicode", 2)


def test_a_very_long_line_is_refused() -> None:
    assert fault("x = 1\ny = '" + "a" * 20_000 + "'") == (
        "the line has more than 20,000 characters",
        2,
    )


def test_deep_brackets_are_refused_but_not_those_in_strings() -> None:
    assert fault("x = \\\n" + "(" * 101 + ")" * 101) == (
        "brackets are nested more than 100 deep",
        2,
    )
    assert isinstance(only(f"x = '''{'(' * 500}'''  # {'[' * 500}"), Code)


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "\n".join(["1 + \\"] * 400) + "\n1",
        "\n".join(["if x:\n    y\nel" + "if x:\n    y"] + ["elif x:\n    y"] * 300),
        "x = a" + ".b" * 400,
    ],
)
def test_a_tree_that_is_too_deep_is_refused(source: str) -> None:
    assert fault(source)[0] == "nested more than 200 levels deep"


@pytest.mark.parametrize(
    "source", ["-" * 19_000 + "1", "+".join(["1"] * 9_000), "not " * 4_900 + "1"]
)
def test_what_python_cannot_nest_is_refused(source: str) -> None:
    assert fault(source)[0] == "nested too deeply for Python"


def test_warnings_of_the_compiler_are_nobodys_error() -> None:
    assert isinstance(only("x = '\\d'\ny = x is 3"), Code)


def test_an_integer_that_is_too_long_is_a_syntax_error() -> None:
    assert "4300 digits" in fault("x = " + "9" * 5_000)[0]


# What Jupyter allows


def test_line_magics_vanish_and_lines_stay_where_they_are() -> None:
    assert text("\n\n%matplotlib inline\n!ls\nx = 1\nnp.sum?").split("\n")[:5] == [
        *["", "", "pass", "pass"],
        "x = 1",
    ]


def test_a_magic_within_a_function_becomes_pass() -> None:
    assert text("def f():\n    %timeit g()\n    return 1") == ("def f():\n    pass\n    return 1\n")


def test_what_time_runs_is_kept() -> None:
    assert text("%time x = f(1)\n%load_ext y").startswith("x = f(1)\npass")
    assert text("%%time\nx = 1") == "\nx = 1"
    assert text("\n%%capture out\n%%timeit -n 1\nx = 1") == "\n\n\nx = 1"


@pytest.mark.parametrize("magic", ["bash", "html", "writefile a.py", "javascript", "!"])
def test_cells_in_another_language_hold_nothing(magic: str) -> None:
    found = only(f"%%{magic}\ndef f(x): <b>")
    assert isinstance(found, Code)
    assert not found.tree.body


def test_percent_signs_in_strings_and_expressions_are_left_alone() -> None:
    source = "s = '''\n%matplotlib inline\n!x\n'''\nt = (7\n% 2)"
    assert text(source) == source
    assert "%matplotlib inline" in text(source + "\n%time 3")


def test_pasted_prompts_are_removed() -> None:
    assert text(">>> x = 1\n>>> y = 2").strip() == "x = 1\ny = 2"


def test_a_cell_that_is_indented_as_a_whole_runs_in_jupyter_and_is_read() -> None:
    assert text("    x = 1\n    if x:\n        y = 2") == "x = 1\nif x:\n    y = 2"


def test_too_many_magics_are_not_worth_the_time() -> None:
    assert fault("\n".join(["%a"] * 600) + "\nx = 1")[0] == "invalid syntax"


def test_ipython_is_imported_only_where_it_is_needed() -> None:
    program = (
        "import sys\nfrom autograder.notebook import Cell, parse_cells\n"
        "parse_cells([Cell('cell 1', 'x = 7 % 2'), Cell('cell 2', '%%time\\ny = 1')])\n"
        "assert 'IPython' not in sys.modules and 'nbformat' not in sys.modules\n"
        "parse_cells([Cell('cell 1', '%pwd')])\nassert 'IPython' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_function_split_over_two_cells_is_joined() -> None:
    cells = [Cell("cell 3", "def f(x):\n    y = x"), Cell("cell 4", "    return y\n\nz = 1")]
    found, notices = parse_cells(cells)
    assert notices == ["cell 3 and cell 4 were read as one: a function was split between them"]
    assert [c.label for c, _ in found] == ["cell 3"]
    assert isinstance(found[0][1], Code)


def test_a_function_split_within_brackets_or_a_docstring_is_joined() -> None:
    for source in (
        "def f(x):\n    return (x\n    + 1)",
        'def f(x):\n    """A\n    b."""\n    return x',
    ):
        for cut in (1, 2):
            lines = source.split("\n")
            parts = ["\n".join(lines[:cut]), "\n".join(lines[cut:])]
            found, notices = parse_cells([Cell(f"cell {i}", p) for i, p in enumerate(parts)])
            assert len(found) == len(notices) == 1
            assert isinstance(found[0][1], Code)


def test_two_broken_cells_that_do_not_belong_together_stay_two() -> None:
    found, notices = parse_cells([Cell("cell 1", "x = = 1"), Cell("cell 2", "y = = 2")])
    assert len(found) == 2
    assert notices == []


def test_parse_gives_the_tree_and_the_symbols() -> None:
    found = parse("def f():\n    return TABLE\n")
    assert isinstance(found, Code)
    assert found.table.get_children()[0].get_name() == "f"


def test_more_functions_than_the_compiler_can_take_are_refused() -> None:
    assert fault("T = [\n" + "lambda: 0,\n" * 1_001 + "]")[0] == (
        "more than 1,000 functions and comprehensions"
    )
    assert isinstance(only("'''" + "for " * 2_000 + "'''"), Code)


def test_not_every_cell_is_joined_with_the_one_before() -> None:
    cells = [Cell("cell 1", "def f():\n    a"), *[Cell("cell 2", "    b")] * 50]
    found, notices = parse_cells(cells)
    assert len(notices) == 20
    assert len(found) == 31
