"""Submissions are found and read whatever happened to them, and nothing in them is run."""

import io
import json
import os
import stat
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import SubmissionError
from autograder.percent import Earlier, Page, parse_page, stub
from autograder.source import StudentModule
from autograder.submission import (
    Found,
    RawFile,
    Reading,
    Rules,
    find_students,
    identify,
    read_module,
    read_submission,
    safe_name,
)

SUMS = '''"""Sums of things."""

# %% [markdown]
# # Sums
# Write `total` like this: first the loop, then the return.

# %%
from typing import Any

import numpy as np

from .basics import double

LIMIT = 3

# %%
def total(x: Any) -> Any:
    """Add everything up."""
    ### BEGIN SOLUTION
    return np.sum(x)
    ### END SOLUTION

# %%
def visible_total(student, check):
    check(student.total([1]) == 1)

# %%
STEP = LIMIT + 1

# %%
class Counter:
    """Counts."""

    def __init__(self, start):
        self.n = start

    def add(self, k):
        """Count k more."""
        ### BEGIN SOLUTION
        self.n += k
        ### END SOLUTION

# %%
def visible_Counter(student, check):
    check(student.Counter(1))
'''
BASICS = '''"""Basics."""

# %%
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %%
def visible_double(student, check):
    check(student.double(1) == 2)
'''
PAGE = stub(parse_page(SUMS, "vol/sums", "sums.py"))
PAGES = {"vol/sums": PAGE, "vol/basics": stub(parse_page(BASICS, "vol/basics", "basics.py"))}
RULES = Rules(
    forbidden_modules=("torch",),
    forbidden_calls=("numpy.gradient",),
    advice={"numpy.gradient": "write the gradient yourself"},
)
TOTAL = "def total(x):\n    return np.sum(x)"
COUNTER = "class Counter:\n    def __init__(self, n): self.n = n\n    def add(self, k): self.n += k"


def code(source: str, grade_id: str = "", **more: Any) -> dict[str, Any]:
    nbgrader = {"grade_id": grade_id, "grade": False, "locked": False, "solution": True, **more}
    metadata = {"nbgrader": nbgrader} if grade_id else {}
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": []}


def prose(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {}, **more}


def book(*cells: dict[str, Any] | str, **metadata: Any) -> bytes:
    whole = [code(c) if isinstance(c, str) else c for c in cells]
    record = {"cells": whole, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(record).encode()


def handed_out(answers: Mapping[str, str]) -> list[dict[str, Any]]:
    """The cells of the notebook that students get, answers filled in."""
    cells = []
    for cell in PAGE.cells:
        if cell.kind == "markdown":
            cells.append(prose(cell.source.replace("# ", ""), id=cell.id))
        elif cell.kind == "answer":
            cells.append(code(answers.get(cell.function, cell.source), cell.id))
        elif cell.kind == "given":
            mine = 'from autograder.selfcheck import mine\n\ndouble = mine("vol/basics").double'
            source = cell.source.replace("from .basics import double", mine)
            cells.append(code(source, cell.id, locked=True, solution=False))
        else:
            call = "\n\nfrom autograder.jupyter import check_cell\n\ncheck_cell(visible_total)"
            cells.append(code(cell.source + call, cell.id, locked=True, solution=False))
            grade = {"locked": True, "grade": True, "solution": False}
            cells.append(code("grade_cell()", f"sums-{cell.function}", **grade))
    return cells


def read(*cells: dict[str, Any] | str) -> StudentModule:
    return read_module(RawFile("sums.ipynb", "alice/sums.ipynb", book(*cells)), PAGE, RULES)


def read_py(source: str) -> StudentModule:
    return read_module(RawFile("sums.py", "alice/sums.py", source.encode()), PAGE, RULES)


def text(module: StudentModule) -> str:
    return "".join(cell.source for cell in module.cells)


def run(module: StudentModule) -> dict[str, Any]:
    """What the module's cells define. Only for modules written in this file."""
    names: dict[str, Any] = {e.local: lambda x: 2 * x for e in module.earlier}
    for cell in module.cells:
        exec(compile(cell.source, cell.label, "exec", dont_inherit=True), names)
    return names


FULL = {"total": TOTAL, "Counter": COUNTER}


# The notebook as it was handed out


def test_an_honest_notebook_is_reduced_to_its_answers() -> None:
    module = read(*handed_out(FULL))
    assert (module.notices, module.broken, module.forbidden, module.review) == ((), {}, {}, ())
    assert [c.label for c in module.cells] == ["given code", "cell 3", "cell 7"]
    names = run(module)
    assert names["total"]([1, 2]) == 3
    assert "visible_total" not in names


def test_an_untouched_notebook_and_module_are_the_same_and_raise_not_implemented() -> None:
    notebook, module = read(*handed_out({})), read_py(PAGE.text())
    assert notebook.sha256 == module.sha256
    assert notebook.notices == module.notices == ()
    with pytest.raises(NotImplementedError, match="total is yours to write"):
        run(notebook)["total"](1)


def test_given_code_comes_from_the_page_with_its_lines() -> None:
    module = read(*handed_out({"total": "def total(x): return np.sum(x) + STEP"}))
    given_cells = [c for c in module.cells if c.label == "given code"]
    lines = SUMS.split("\n")
    first = ("import numpy as np", "STEP = LIMIT + 1")
    assert [c.line for c in given_cells] == [lines.index(line) + 1 for line in first]
    assert run(module)["total"]([1]) == 5


def test_a_normal_notebook_has_no_use_for_an_earlier_exercise_that_it_does_not_call() -> None:
    assert read(*handed_out(FULL)).earlier == ()
    used = read(*handed_out({"total": "def total(x): return double(x)"}))
    assert used.earlier == (Earlier("double", "vol/basics", "double"),)
    assert run(used)["total"](3) == 6


# Accidents


def without_metadata(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in c.items() if k != "id"} | {"metadata": {}} for c in cells]


def test_lost_metadata_change_nothing() -> None:
    module = read(*without_metadata(handed_out(FULL)))
    assert module.sha256 == read(*handed_out(FULL)).sha256
    assert module.notices == ()
    one = handed_out(FULL)
    one[2] = without_metadata([one[2]])[0]
    assert read(*one).sha256 == module.sha256


def test_a_deleted_given_cell_is_put_back_where_it_was() -> None:
    answers = {**FULL, "total": "def total(x=STEP): return np.sum(x)"}
    cells = handed_out(answers)
    assert run(read(*cells[2:]))["total"]() == 4
    assert run(read(*[c for c in cells if "STEP = " not in c["source"]]))["total"]() == 4


def test_given_code_that_was_changed_is_put_back_and_what_was_added_is_kept() -> None:
    cells = handed_out({"total": "def total(x): return LIMIT + math.floor(x) + EXTRA"})
    cells[1]["source"] = cells[1]["source"].replace("LIMIT = 3", "LIMIT = 99\nEXTRA = 1")
    cells[1]["source"] += "\nimport math"
    module = read(*cells)
    assert run(module)["total"](1) == 5
    assert module.notices == ("cell 2 holds given code that was changed; the original was used.",)


def test_deleted_and_edited_check_cells_change_nothing() -> None:
    cells = handed_out(FULL)
    edited = [dict(c, source="assert False") if "grade_cell" in c["source"] else c for c in cells]
    fewer = [c for c in cells if "visible_" not in c["source"] and "grade_cell" not in c["source"]]
    assert read(*edited).sha256 == read(*fewer).sha256 == read(*cells).sha256


def test_an_answer_in_a_check_cell_is_found() -> None:
    cells = handed_out({"Counter": COUNTER})
    del cells[2]
    cells[2]["source"] += "\n" + TOTAL
    module = read(*cells)
    assert run(module)["total"]([1, 2]) == 3
    assert module.notices == (
        "cell 3 is a cell of checks but defines total; it was read as an answer.",
    )


def test_a_duplicated_answer_cell_yields_the_last_one_that_was_written() -> None:
    cells = handed_out(FULL)
    cells.insert(3, code(PAGE.cells[2].source, PAGE.cells[2].id))
    module = read(*cells)
    assert run(module)["total"]([1, 2]) == 3
    assert module.notices == ("total is untouched in cell 4, line 1; cell 3, line 1 was used.",)


def test_a_function_that_is_defined_twice_is_taken_from_the_last_cell() -> None:
    module = read(*handed_out(FULL), "def total(x):\n    return 7")
    assert run(module)["total"](0) == 7
    assert module.notices == (
        "total is defined in cell 3, line 1 and in cell 10, line 1; the last was used.",
    )


def test_a_redefinition_may_use_what_it_replaces() -> None:
    module = read(*handed_out(FULL), "old = total\ndef total(x):\n    return old(x) + 1")
    assert run(module)["total"]([1, 2]) == 4


def test_a_stub_left_behind_a_class_does_not_win() -> None:
    cells = handed_out({"total": TOTAL})
    cells.insert(2, code(COUNTER))
    counter = run(read(*cells))["Counter"](1)
    counter.add(2)
    assert counter.n == 3


def test_a_function_assigned_by_name_counts() -> None:
    assert run(read(*handed_out({}), "total = lambda x: 8"))["total"](1) == 8
    assert run(read("total = lambda x: 8", *handed_out({})))["total"](1) == 8


def test_a_split_cell_is_read_as_one() -> None:
    cells = handed_out(FULL)
    cells[2:3] = [
        code("def total(x):\n    y = np.sum(x)", cells[2]["metadata"]["nbgrader"]["grade_id"]),
        code("    return y", cells[2]["metadata"]["nbgrader"]["grade_id"]),
    ]
    module = read(*cells)
    assert run(module)["total"]([1, 2]) == 3
    assert module.notices == (
        "cell 3 and cell 4 were read as one: a function was split between them.",
    )


def test_an_answer_that_was_retyped_to_markdown_or_raw_is_recovered() -> None:
    for kind in ("markdown", "raw"):
        cells = handed_out(FULL)
        cells[2]["cell_type"] = kind
        module = read(*cells)
        assert run(module)["total"]([1, 2]) == 3
        assert module.notices == (
            "cell 3 is no code cell but defines total; it was read as an answer.",
        )


def test_code_in_the_handout_is_not_taken_for_an_answer() -> None:
    page = stub(
        parse_page(
            SUMS.replace("# # Sums\n", "# # Sums\n# ```\n# def total(x):\n#     return 3\n# ```\n"),
            "vol/sums",
            "sums.py",
        )
    )
    handout = prose("# Sums\n```\ndef total(x):\n    return 3\n```")
    module = read_module(RawFile("sums.ipynb", "a/sums.ipynb", book(handout, COUNTER)), page, RULES)
    assert "total" not in run(module)


def test_an_answer_in_a_fenced_block_is_recovered() -> None:
    module = read(prose("My answer:\n```python\ndef total(x):\n    return 3\n```"), COUNTER)
    assert "cell 1, line 1" in module.broken["total"]  # prose around it is no Python
    module = read(prose("```python\ndef total(x):\n    return 3\n```"), COUNTER)
    assert run(module)["total"](1) == 3


def test_a_function_that_is_nowhere_is_named() -> None:
    assert read(COUNTER).notices == ("total is defined nowhere in alice/sums.ipynb.",)


def test_a_broken_cell_costs_only_what_it_defines() -> None:
    module = read(*handed_out({"total": "def total(x):\n    return (x", "Counter": COUNTER}))
    assert module.broken == {"total": "cell 3, line 2: '(' was never closed"}
    assert run(module)["Counter"](1).n == 1


def test_a_return_or_await_at_the_top_breaks_its_cell() -> None:
    assert read(TOTAL + "\nreturn 3", COUNTER).broken == {
        "total": "cell 1, line 3: 'return' outside function"
    }
    assert read(TOTAL, COUNTER + "\nawait x").broken == {
        "Counter": "cell 2, line 4: 'await' outside function"
    }


def test_a_broken_cell_without_an_answer_is_only_noticed() -> None:
    module = read("def helper(:", *handed_out({"total": "def total(x): return helper(x)"}))
    assert module.broken == {}
    assert module.notices == (
        "cell 1, line 1: invalid syntax; this part was left out.",
        "total uses helper, which is not there when it is graded (cell 1, line 1: invalid syntax).",
    )


def test_a_definition_that_parses_is_used_when_a_later_one_does_not() -> None:
    module = read(*handed_out(FULL), "def total(x) return 3")
    assert module.broken == {}
    assert module.notices == ("cell 10, line 1: expected ':'; total of cell 3, line 1 was used.",)


def test_what_ends_a_cell_ends_it_here_too() -> None:
    module = read(*handed_out({"total": "import sys\nsys.exit(0)\n" + TOTAL, "Counter": COUNTER}))
    assert module.broken == {
        "total": "cell 3, line 2: sys.exit() ends the cell before it is defined"
    }
    assert read(*handed_out({**FULL, "total": TOTAL + "\nraise SystemExit"})).broken == {}


def test_cells_out_of_order_are_put_in_order() -> None:
    module = read(
        "TABLE = build(3)",
        "def build(n):\n    return [n] * n",
        *handed_out({"total": "def total(x):\n    return TABLE[0]"}),
    )
    assert run(module)["total"](0) == 3


def test_magics_and_another_kernel_do_no_harm() -> None:
    cells = handed_out({"total": "%%time\n%matplotlib inline\n!pip list\n" + TOTAL})
    data = book(*cells, kernelspec={"name": "my-env", "language": "python"})
    module = read_module(RawFile("sums.ipynb", "a", data), PAGE, RULES)
    assert module.cells[1].line == 4
    assert run(module)["total"]([1, 2]) == 3


def test_a_future_import_is_kept_for_the_cells_after_it() -> None:
    module = read(
        "from __future__ import annotations",
        *handed_out({"total": "def total(x: Undefined):\n    return x"}),
    )
    assert module.cells[0].source == "from __future__ import annotations\n"


# Modules


def test_a_module_keeps_its_line_numbers() -> None:
    module = read_py("import numpy as np\nprint(3)\n\n\n" + TOTAL + "\nx = 1; y = 2\n" + COUNTER)
    (cell,) = [c for c in module.cells if c.label == "sums.py"]
    assert cell.line == 1
    assert cell.source.split("\n")[4:6] == TOTAL.split("\n")
    assert cell.source.split("\n")[6:8] == ["", "class Counter:"]


def test_a_broken_function_in_a_module_costs_only_itself() -> None:
    module = read_py(f"import numpy as np\n\ndef total(x):\n    return = 1\n\n{COUNTER}\n")
    assert module.broken == {"total": "sums.py, line 4: invalid syntax"}
    assert run(module)["Counter"](1).n == 1


def test_percent_cells_are_read_like_notebook_cells() -> None:
    source = (
        f"# %%\nimport numpy as np\n# %% [markdown]\n# Hi\n# %%\ndef total(:\n# %%\n{COUNTER}\n"
    )
    module = read_py(source)
    assert module.broken == {"total": "sums.py, line 6: invalid syntax"}
    assert run(module)["Counter"](1).n == 1


def test_the_main_block_and_visible_checks_are_dropped() -> None:
    module = read_py(
        TOTAL + "\ndef visible_total(student, check): pass\nvisible_total(1, 2)\n"
        "seen = visible_total\nif __name__ == '__main__':\n    total(3)\n    np = None\n"
    )
    assert "visible" not in text(module)
    assert "__main__" not in text(module)


@pytest.mark.parametrize(
    "line",
    [
        "from .basics import double",
        "from .basics import *",
        "from ..vol.basics import double",
        "from starter_code.vol.basics import double",
        "from vol.basics import double",
        "from basics import double",
        'double = mine("vol/basics").double',
        "from .basics import double as double",
    ],
)
def test_earlier_exercises_are_taken_out_of_the_source(line: str) -> None:
    module = read_py(f"{line}\ndef total(x):\n    return double(x)\n{COUNTER}\n")
    assert module.earlier == (Earlier("double", "vol/basics", "double"),)
    assert "basics" not in text(module)
    assert run(module)["total"](2) == 4


def test_an_earlier_exercise_may_have_another_name_and_be_imported_in_a_function() -> None:
    module = read_py("from .basics import double as twice\ndef total(x): return twice(x)\n")
    assert module.earlier == (Earlier("twice", "vol/basics", "double"),)
    module = read_py(
        "def total(x):\n    from .basics import (\n        double as d2,\n    )\n    return d2(x)\n"
    )
    assert module.earlier == (Earlier("d2", "vol/basics", "double"),)
    assert run(module)["total"](2) == 4
    assert text(module).endswith("def total(x):\n    pass\n\n\n    return d2(x)\n")


def test_the_students_own_later_definition_wins_over_an_earlier_exercise() -> None:
    module = read_py(
        "from .basics import double\ndef double(x):\n    return 5\ndef total(x): return double(x)\n"
    )
    assert module.earlier == ()
    assert run(module)["total"](1) == 5


def test_nobody_is_served_the_reference_of_the_exercise_itself() -> None:
    for line in ("from .sums import total as t", 't = mine("vol/sums").total'):
        module = read_py(f"{line}\ndef total(x):\n    return t(x)\n{COUNTER}\n")
        assert module.earlier == ()
        assert [n for n in module.notices if "total uses t, which is not there" in n]
    assert read_py("from .sums import *\ndef f(): pass\n").earlier == ()


def test_imports_of_the_engine_are_dropped_and_named_if_they_are_used() -> None:
    module = read_py("from autograder import check, helper\ndef total(x): return helper(x)\n")
    assert "autograder" not in text(module)
    assert module.notices[-1] == (
        "total uses helper, which is not there when it is graded (sums.py, line 1: autograder)."
    )


def test_an_import_that_may_fail_is_loaded_on_its_own() -> None:
    module = read(
        "import pandas as pd, os\nimport numpy as np\nK = 3\ndef total(x): return pd, np, K"
    )
    mine = [c for c in module.cells if c.label == "cell 1"]
    assert [(c.line, c.source.strip()) for c in mine] == [
        (1, "import pandas as pd"),
        (2, "import numpy as np\nK = 3\ndef total(x): return pd, np, K"),
    ]


def test_text_that_is_not_ascii_is_cut_in_the_right_place() -> None:
    module = read_py("ä = 'é'; print(ä); ö = ä + 'ü'\ndef total(x): return ö  # ß\n")
    assert run(module)["total"](1) == "éü"


def test_nobody_reads_a_thousand_notices() -> None:
    module = read(*["x = = 1"] * 50)
    assert len(module.notices) == 21
    assert module.notices[-1] == "And 32 more of this kind."


def test_prose_that_is_long_or_much_is_not_tried_as_code() -> None:
    long = prose("def total(x):\n    return 3\n" + "#" * 20_000)
    assert "total" not in run(read(long, COUNTER))
    module = read(*[prose(f"def total(x):\n    return {i}") for i in range(50)], COUNTER)
    assert run(module)["total"](0) == 19


def test_only_the_pages_own_checks_are_dropped() -> None:
    module = read_py("def visible_mask(n):\n    return n\ndef total(x): return visible_mask(x)\n")
    assert run(module)["total"](3) == 3


def test_a_function_of_ones_own_may_be_called_mine() -> None:
    module = read_py("def mine(x):\n    return x\nK = mine(4)\ndef total(x): return K\n")
    assert run(module)["total"](0) == 4


def test_an_import_after_a_definition_replaces_it() -> None:
    module = read_py(
        "def double(x):\n    return 5\nfrom .basics import double\ndef total(x): return double(x)\n"
    )
    assert run(module)["total"](1) == 2


# Policy


def test_a_forbidden_call_takes_only_the_functions_that_reach_it() -> None:
    module = read(
        *handed_out({"total": "def total(x):\n    return np.gradient(x)", "Counter": COUNTER})
    )
    assert module.forbidden == {
        "total": "line 2 of cell 3: numpy.gradient is not allowed in this exercise: write the "
        "gradient yourself."
    }
    assert "total" not in run(module)
    assert run(module)["Counter"](1).n == 1


def test_a_forbidden_import_of_one_function_does_not_stop_the_other() -> None:
    module = read_py(f"import torch\ndef total(x):\n    return torch.sum(x)\n{COUNTER}\n")
    assert module.forbidden == {
        "total": "line 3 of sums.py: torch is not allowed in this exercise: do without it."
    }
    assert "torch" not in text(module)


def test_review_names_the_place_and_costs_nothing() -> None:
    module = read(*handed_out({**FULL, "total": "def total(x):\n    return eval('np.sum(x)')"}))
    assert module.review == ("line 2 of cell 3: eval is used; look at what it is for.",)
    assert module.forbidden == {}
    assert run(module)["total"] is not None


def test_given_code_is_not_judged() -> None:
    page = stub(parse_page(SUMS.replace("LIMIT = 3", "LIMIT = eval('3')"), "vol/sums", "s"))
    data = book("def total(x): return LIMIT", COUNTER)
    module = read_module(RawFile("sums.ipynb", "a", data), page, RULES)
    assert module.review == ()


# The hash


def test_plots_and_prose_do_not_change_the_hash_and_code_does() -> None:
    plain = read(*handed_out(FULL)).sha256
    more: list[dict[str, Any] | str] = [prose("Hi"), *handed_out(FULL)]
    more.append("import matplotlib.pyplot as plt\nplt.plot(total(3))")
    assert read(*more).sha256 == plain
    cells = handed_out(FULL)
    cells[2]["source"] = "print('hello')\n\n" + cells[2]["source"]
    assert read(*cells).sha256 == plain
    cells[2]["source"] += " + 0"
    assert read(*cells).sha256 != plain


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


def test_the_folder_tells_apart_exercises_of_one_name() -> None:
    pages = {"a/sums": PAGE, "b/sums": PAGE}
    file = RawFile("sums.py", "alice/b/sums.py", b"x = 1")
    assert identify(file, pages) == "b/sums"
    assert identify(RawFile("sums.py", "alice/sums.py", b"x = 1"), pages) is None


# Folders


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def packed(members: Mapping[str, bytes | zipfile.ZipInfo], **more: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for name, data in members.items():
            archive.writestr(name, data)  # type: ignore[arg-type]
    return buffer.getvalue()


def one(folder: Path) -> Found:
    (found,) = find_students(folder)
    return found


PY = (f"import numpy as np\n{TOTAL}\n{COUNTER}\n").encode()


def test_every_layout_is_found(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "alice/sums.ipynb": book(TOTAL),
            "alice/vol/basics.py": b"x = 1",
            "bob.zip": packed({"deep/inside/sums.py": PY}),
            "carol.ipynb": book(TOTAL),
            "dave/all.zip": packed({"sums.py": PY}),
            "émile.py": PY,
            "grades.csv": b"a,b",
        },
    )
    found = find_students(tmp_path)
    assert [(f.student, [r.origin for r in f.files]) for f in found] == [
        ("alice", ["alice/sums.ipynb", "alice/vol/basics.py"]),
        ("bob", ["bob.zip/deep/inside/sums.py"]),
        ("carol", ["carol.ipynb"]),
        ("dave", ["dave/all.zip/sums.py"]),
        ("émile", ["émile.py"]),
    ]
    assert all(not f.problems and not f.left_out for f in found)


def test_a_single_file_is_one_student(tmp_path: Path) -> None:
    write(tmp_path / "frida", {"carol.py": PY, "sums.py": PY})
    assert one(tmp_path / "frida" / "carol.py").student == "carol"
    exercises = ["vol/sums"]
    (found,) = find_students(tmp_path / "frida" / "sums.py", exercises=exercises)
    assert found.student == "frida"


def test_loose_exercises_belong_to_the_folder_they_lie_in(tmp_path: Path) -> None:
    folder = write(tmp_path / "frida", {"sums.py": PY, "basics.ipynb": book()})
    (found,) = find_students(folder, exercises=["vol/sums", "vol/basics"])
    assert (found.student, len(found.files), found.problems) == ("frida", 2, ())


def test_clutter_is_ignored(tmp_path: Path) -> None:
    clutter = ["__MACOSX/sums.py", ".DS_Store", ".ipynb_checkpoints/sums.ipynb", ".hidden.py"]
    write(tmp_path / "alice", {n: b"x" for n in [*clutter, "timestamp.txt", "__pycache__/a.py"]})
    write(tmp_path, {"alice/sums.py": PY, "bob.zip": packed({n: PY for n in [*clutter, "b.py"]})})
    assert [[r.origin for r in f.files] for f in find_students(tmp_path)] == [
        ["alice/sums.py"],
        ["bob.zip/b.py"],
    ]


def test_a_folder_that_is_not_there_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"nowhere: there is no such folder or file; check"):
        find_students(tmp_path / "nowhere")
    with pytest.raises(SubmissionError, match=r"there are no submissions; expected one folder, "):
        find_students(tmp_path)


def test_two_submissions_of_one_student_stop_only_that_student(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"dave/sums.py": PY, "dave.zip": packed({"sums.py": PY}), "alice (1).py": PY, "bob.py": PY},
    )
    alice, bob, dave = find_students(tmp_path)
    assert alice.student == "alice"
    assert dave == Found(
        "dave",
        problems=(
            "There are several submissions of dave: dave and dave.zip. Keep the one that counts "
            "and grade again.",
        ),
    )
    assert not bob.problems
    write(tmp_path, {"alice.py": PY})
    assert "alice (1).py and alice.py" in find_students(tmp_path)[0].problems[0]


def test_a_file_we_may_not_open_is_not_the_students_fault() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = write(Path(name), {"alice/sums.py": PY, "bob.py": PY})
        folder.chmod(0o755)
        (folder / "alice" / "sums.py").chmod(0)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            alice, bob = find_students(folder)
        finally:
            os.seteuid(user)
    assert bob.problems == ()
    assert alice.problems == (
        "alice/sums.py cannot be opened: Permission denied. Fix that and grade again.",
    )


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "outside", {"sums.py": PY})
    folder = write(tmp_path / "in", {"alice/basics.py": PY})
    (folder / "alice" / "sums.py").symlink_to(secret / "sums.py")
    (folder / "alice" / "more").symlink_to(secret)
    (folder / "bob.py").symlink_to(secret / "sums.py")
    (folder / "carl").symlink_to(secret)
    alice, bob, carl = find_students(folder)
    assert [r.origin for r in alice.files] == ["alice/basics.py"]
    assert alice.left_out == (
        ("alice/more", "alice/more is a symbolic link, which is not followed; hand in the file."),
        (
            "alice/sums.py",
            "alice/sums.py is a symbolic link, which is not followed; hand in the file.",
        ),
    )
    assert bob.files == carl.files == ()
    assert carl.left_out[0][1].startswith("carl is a symbolic link")


def test_a_pipe_does_not_hang_the_reader(tmp_path: Path) -> None:
    write(tmp_path, {"alice/basics.py": PY})
    os.mkfifo(tmp_path / "alice" / "sums.py")
    assert one(tmp_path).left_out == (
        ("alice/sums.py", "alice/sums.py is not a regular file; hand in the file itself."),
    )


def test_a_huge_file_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"alice/sums.py": PY})
    with (tmp_path / "alice" / "basics.ipynb").open("wb") as file:
        file.truncate(100_000_000)
    found = one(tmp_path)
    assert [r.name for r in found.files] == ["sums.py"]
    assert found.left_out[0][1] == (
        "alice/basics.ipynb has 100 MB, at most 32 MB are read; clear the outputs of the notebook "
        "and hand it in again."
    )


def test_a_document_is_no_submission(tmp_path: Path) -> None:
    write(tmp_path, {"alice/sums.pdf": b"%PDF", "bob.pdf": b"%PDF"})
    alice, bob = find_students(tmp_path)
    assert alice.left_out[0][1] == (
        "alice/sums.pdf is neither a notebook nor a module; hand in .ipynb or .py."
    )
    assert bob.left_out[0][0] == "bob.pdf"


def test_folders_are_not_followed_forever(tmp_path: Path) -> None:
    write(tmp_path, {"alice/" + "a/" * 9 + "sums.py": PY})
    assert "is nested more than 8 folders deep." in one(tmp_path).left_out[0][1]


# Archives


def archive_refusal(tmp_path: Path, data: bytes) -> str:
    found = one(write(tmp_path, {"bob.zip": data}))
    assert found.files == ()
    assert found.problems == ()
    return found.left_out[0][1]


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    assert archive_refusal(tmp_path, b"PK\x03\x04 nothing") == (
        "bob.zip is not a complete archive (File is not a zip file); pack it again."
    )


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    data = packed({f"{i}.py": b"0" * 10_000_000 for i in range(7)})
    assert archive_refusal(tmp_path, data) == (
        "bob.zip would unpack to 70 MB from 0.1 MB, at most 64 MB are read; hand in your work only."
    )
    assert "would unpack to 20 MB" in archive_refusal(tmp_path, packed({"a.py": b"0" * 20_000_000}))


def test_a_bomb_that_lies_about_its_size_is_cut_off(tmp_path: Path) -> None:
    data = packed({"a.py": os.urandom(20_000).hex().encode() * 4})
    header = data.index(b"PK\x01\x02")
    lying = bytearray(data)
    lying[header + 24 : header + 28] = (1000).to_bytes(4, "little")
    assert "is damaged" in archive_refusal(tmp_path, bytes(lying))


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    assert archive_refusal(tmp_path, packed({f"{i}.txt": b"" for i in range(1_001)})) == (
        "bob.zip has more than 1,000 members; hand in your work only."
    )


@pytest.mark.parametrize(
    "name", ["../sums.py", "/etc/sums.py", "a/../../sums.py", "..\\sums.py", "C:/sums.py"]
)
def test_members_that_lead_out_are_left_out(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"bob.zip": packed({name: PY, "basics.py": PY})})
    found = one(tmp_path)
    assert [r.name for r in found.files] == ["basics.py"]
    assert found.left_out[0][1].endswith(
        "leads out of the archive; pack it again without such paths."
    )


def test_links_and_archives_in_archives_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("sums.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("inner.zip", packed({"sums.py": PY}))
        archive.writestr("basics.py", PY)
    write(tmp_path, {"bob.zip": buffer.getvalue()})
    found = one(tmp_path)
    assert [r.name for r in found.files] == ["basics.py"]
    assert [why for _, why in found.left_out] == [
        "bob.zip/sums.py is a symbolic link, which is not followed; pack the file itself.",
        "bob.zip/inner.zip is an archive within an archive, which is not read; pack the files "
        "themselves.",
    ]


def test_encrypted_and_oddly_compressed_members_are_left_out(tmp_path: Path) -> None:
    data = bytearray(packed({"sums.py": PY}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert archive_refusal(tmp_path, bytes(data)) == (
        "bob.zip/sums.py is encrypted; pack it without a password."
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("sums.py", PY)
    assert archive_refusal(tmp_path, buffer.getvalue()) == (
        "bob.zip/sums.py is compressed in a way that is not read; pack it as an ordinary zip."
    )


def test_a_member_that_is_damaged_costs_only_itself(tmp_path: Path) -> None:
    data = bytearray(packed({"sums.py": PY, "basics.py": PY}))
    data[40] ^= 255
    found = one(write(tmp_path, {"bob.zip": bytes(data)}))
    assert [r.name for r in found.files] == ["basics.py"]
    assert found.left_out[0][1].startswith("bob.zip/sums.py is damaged (")


# Whole submissions


def reading(*files: tuple[str, bytes, float], **more: Any) -> Reading:
    raw = tuple(RawFile(n.rpartition("/")[2], n, data, when) for n, data, when in files)
    return read_submission(Found("alice", raw, **more), PAGES, {})


def test_each_exercise_is_read_from_its_own_file() -> None:
    result = reading(("a/sums.py", PY, 0), ("a/basics.py", b"def double(x): return x", 0))
    assert set(result.modules) == {"vol/sums", "vol/basics"}
    assert result.unreadable == {}
    assert result.notices == ()


def test_the_file_changed_last_counts() -> None:
    old, new = ("a/sums.ipynb", book(TOTAL), 100.0), ("a/sums.py", PY, 200.0)
    result = reading(old, new)
    assert result.modules["vol/sums"].origin == "a/sums.py"
    assert result.notices == (
        "sums: a/sums.py was graded, the one changed last; not a/sums.ipynb.",
    )


def test_a_copy_yields_and_then_the_notebook_wins() -> None:
    other = PY + b"x = 3\nLIMIT = x\ndef f(): pass\n"
    result = reading(("a/sums (1).ipynb", book(TOTAL), 0), ("a/sums.ipynb", book(COUNTER), 0))
    assert result.notices[0] == ("sums: a/sums.ipynb was graded, no copy; not a/sums (1).ipynb.")
    result = reading(("a/sums.py", other, 0), ("a/sums.ipynb", book(TOTAL), 1))
    assert result.notices[0] == "sums: a/sums.ipynb was graded, the notebook; not a/sums.py."


def test_an_untouched_file_yields_to_one_with_an_answer() -> None:
    result = reading(("a/sums.ipynb", book(*handed_out({})), 900), ("b/sums.py", PY, 0))
    assert result.modules["vol/sums"].origin == "b/sums.py"
    assert result.notices == (
        "sums: b/sums.py was graded, the only one with something written; not a/sums.ipynb.",
    )


def test_equal_files_need_no_words() -> None:
    assert reading(("a/sums.py", PY, 0), ("b/sums.py", PY, 9)).notices == ()


def test_a_file_that_can_be_read_comes_before_one_that_cannot() -> None:
    result = reading(("a/sums.ipynb", b'{"cells": [', 900), ("a/sums.py", PY, 0))
    assert result.modules["vol/sums"].origin == "a/sums.py"
    assert result.unreadable == {}
    assert result.notices[0].startswith("a/sums.ipynb is not a complete notebook")


def test_a_file_known_only_by_its_functions_yields() -> None:
    assert reading(("a/sums.py", PY, 0), ("a/notes.py", PY + b"y = 1", 9)).notices == ()


def test_what_cannot_be_read_is_told_by_exercise_or_by_file() -> None:
    result = reading(
        ("a/sums.ipynb", b"", 0), ("a/basics.py", b"def double(x): 0", 0), ("a/x.py", b"\xff", 0)
    )
    assert set(result.modules) == {"vol/basics"}
    assert result.unreadable == {
        "vol/sums": "a/sums.ipynb is empty; save it and hand it in again.",
        "a/x.py": "a/x.py is not UTF-8 text (byte 0xff in line 1); save it as UTF-8 and hand it in "
        "again.",
    }


def test_if_nothing_can_be_read_every_exercise_says_why() -> None:
    result = reading(left_out=(("bob.zip", "bob.zip is not a complete archive."),))
    assert result.unreadable["vol/sums"] == "bob.zip is not a complete archive."
    assert result.notices == ("bob.zip is not a complete archive.",)


def test_an_own_module_that_is_imported_is_named() -> None:
    source = b"from helpers import total\n" + COUNTER.encode()
    result = reading(("a/sums.py", source, 0), ("a/helpers.py", b"def g(): pass", 0))
    assert result.notices == (
        "a/sums.py imports helpers, and a/helpers.py is not read: what an exercise needs belongs "
        "into its own file.",
    )


def test_files_that_are_no_exercise_are_named_if_there_is_nothing_else() -> None:
    assert reading(("a/x.py", b"y = 1", 0)).notices == ("No exercise was recognised in a/x.py.",)


def test_too_many_statements_are_refused() -> None:
    result = reading(("a/sums.py", b"x=1\n" * 3_001, 0))
    assert result.unreadable["vol/sums"] == (
        "a/sums.py has more than 3,000 statements up to sums.py, line 1; move data out of the code."
    )


# Names


def test_ordinary_names_stay() -> None:
    for name in ("alice", "Émile", "anna-maria_2", "j.doe", "李雷"):
        assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["../x", "a/b", "", ".", "..", ".hidden", "a b", "con", "NUL.txt", "x" * 300, "a\n", "a."],
)
def test_unsafe_names_become_safe(name: str) -> None:
    safe = safe_name(name)
    assert safe != name
    assert "/" not in safe and not safe.startswith(".") and len(safe) < 90 and safe.isprintable()


@given(st.lists(st.text(max_size=20), min_size=2, max_size=8, unique=True))
@settings(max_examples=100, deadline=None)
def test_two_students_never_share_a_name(names: list[str]) -> None:
    names += [safe_name(n) for n in names if safe_name(n) not in names]
    assert len({safe_name(n) for n in names}) == len(names)


def test_a_name_that_is_no_valid_text_is_spelled_out(tmp_path: Path) -> None:
    try:
        write(tmp_path, {os.fsdecode(b"bad\xff.py"): PY})
    except (OSError, UnicodeError):
        pytest.skip("this file system wants valid names")
    assert one(tmp_path).student == "bad\\xff"


# Nothing gets past


def reads_or_refuses(name: str, data: bytes) -> None:
    file = RawFile(name, f"alice/{name}", data)
    try:
        module = read_module(file, PAGE, RULES)
    except SubmissionError as error:
        assert str(error).startswith(f"alice/{name}")
    else:
        for cell in module.cells:
            compile(cell.source, "<cell>", "exec", dont_inherit=True)
    identify(file, PAGES)


@given(st.binary(max_size=300), st.sampled_from(["sums.py", "sums.ipynb"]))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes, name: str) -> None:
    reads_or_refuses(name, data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_mutated_notebook_is_read_or_refused(data: st.DataObject) -> None:
    record = json.loads(book(*handed_out(FULL)))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = record
        while True:
            keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            inner = place[key]
            if isinstance(inner, (dict, list)) and inner and data.draw(st.integers(0, 9)):
                place = inner
                continue
            place[key] = data.draw(json_values)
            break
    reads_or_refuses("sums.ipynb", json.dumps(record).encode())


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_cut_and_pasted_source_is_read_or_refused(data: st.DataObject) -> None:
    source = "".join(c["source"] + "\n" for c in handed_out(FULL))
    source += (
        "\n%time x = 1\n%%bash\n!ls\n@deco\nasync def g(a=[i for i in T], *b) -> 'x':\n"
        "    yield a; \\\n"
        "  await b\nfor i in T: T[i].append(i)\ntry:\n    import torch\nexcept ImportError: pass\n"
        "with a as b: pass\nmatch x:\n    case {'a': [b, *c], **d}: global e\n"
        "from .basics import double\nfrom __future__ import annotations\nä = f'{x!r:>{y}}'; del ä\n"
    )
    for _ in range(data.draw(st.integers(1, 6))):
        a, b = sorted(data.draw(st.tuples(*[st.integers(0, len(source))] * 2)))
        at = data.draw(st.integers(0, len(source)))
        piece = source[a : min(b, a + 80)]
        source = (
            source[:at] + piece + source[at:]
            if data.draw(st.booleans())
            else source[:a] + source[b:]
        )
    as_module = data.draw(st.booleans())
    encoded = source.encode() if as_module else book(*source.split("\n\n"))
    reads_or_refuses("sums.py" if as_module else "sums.ipynb", encoded)


def test_a_page_is_only_read(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    read_py(f"open({str(mark)!r}, 'w')\ndef total(x=open({str(mark)!r}, 'w')): return x\n")
    assert not mark.exists()
    assert isinstance(PAGE, Page)
