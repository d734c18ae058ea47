"""Cells are parsed one by one, and read as Jupyter would have run them."""

import subprocess
import sys

import pytest

from autograder.cells import parse_cells
from autograder.notebook import Cell, RawFile, read_sheet
from autograder.syntax import Broken, Code


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


def test_a_broken_function_of_a_plain_module_costs_only_itself() -> None:
    source = "import math\n\ndef a():\n    return (1\n\n@wrap\ndef b():\n    return 2\n\nx = 3\n"
    read = read_sheet(RawFile("a.py", "alice/a.py", source.encode()))
    found, _ = parse_cells(list(read.cells), whole=read.whole)
    assert [isinstance(f, Code) for _, f in found] == [True, False, True]
    broken = found[1][1]
    assert isinstance(broken, Broken)
    assert found[1][0].at(broken.line) == "a.py, line 4"
    assert broken.message == "'(' was never closed"
    assert found[2][0].line == 6


def test_what_follows_a_broken_function_survives() -> None:
    source = "def a():\n    return = 1\n\nTABLE = [1]\n"
    read = read_sheet(RawFile("a.py", "alice/a.py", source.encode()))
    found, _ = parse_cells(list(read.cells), whole=read.whole)
    assert [c.source.strip() for c, f in found if isinstance(f, Code)] == ["TABLE = [1]"] or [
        c.source.strip() for c, f in found if isinstance(f, Code)
    ] == ["", "TABLE = [1]"]


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
        "import sys\nfrom autograder.cells import parse_cells\n"
        "from autograder.notebook import Cell\n"
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


def test_not_every_cell_is_joined_with_the_one_before() -> None:
    cells = [Cell("cell 1", "def f():\n    a"), *[Cell("cell 2", "    b")] * 50]
    found, notices = parse_cells(cells)
    assert len(notices) == 20
    assert len(found) == 31


def test_warnings_of_the_compiler_are_nobodys_error() -> None:
    assert isinstance(only("x = '\\d'\ny = x is 3"), Code)


def test_a_large_function_is_not_joined_again_and_again() -> None:
    large = Cell("cell 1", "def f():\n" + "    a\n" * 10_000)
    found, notices = parse_cells([large, *[Cell("cell 2", "    b")] * 50])
    assert notices == []
    assert len(found) == 51


def test_a_broken_module_is_cut_into_pieces_but_not_into_thousands() -> None:
    found, _ = parse_cells([Cell("a.py", "def\n" * 5_000)], whole=True)
    assert 1_000 <= len(found) <= 2_000


@pytest.mark.parametrize("line", ["x" + " " * 19_000 + "?", "x =" + " " * 19_000 + "!ls"])
def test_a_command_on_an_endless_line_is_not_looked_for(line: str) -> None:
    """IPython takes minutes for it; here it is what Python makes of it, and costs its own cell."""
    assert "invalid syntax" in fault(line)[0]
