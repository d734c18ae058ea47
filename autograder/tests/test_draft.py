"""A file is reduced to what its graded functions reach, whatever happened to it."""

from typing import Any

import pytest

from autograder import draft, syntax
from autograder.errors import SubmissionError
from autograder.percent import Earlier, parse_page, stub
from autograder.submission import RawFile, read_module
from autograder.tests.handed_in_course import (
    COUNTER,
    FULL,
    PAGE,
    RULES,
    SUMS,
    TOTAL,
    book,
    code,
    handed_out,
    prose,
    read,
    read_py,
    run,
    text,
)

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


# What may keep us busy


def test_prose_that_is_read_as_an_answer_counts_as_code() -> None:
    def answer(name: str, size: int) -> dict[str, Any]:
        return prose(f"def {name}(x):\n    return 3\n#" + "x" * size)

    full = ("# " + "y" * 9_997 + "\n") * 29
    module = read(full, answer("total", 8_000), COUNTER)
    assert run(module)["total"](1) == 3
    module = read(full, answer("total", 12_000), COUNTER)
    assert "total" not in run(module)
    assert module.notices == ("total is defined nowhere in alice/sums.ipynb.",)
    half = [prose("def total(x):\n    return 3\n#" + "x" * 19_000) for _ in range(18)]
    module = read(*half, COUNTER)
    assert len([n for n in module.notices if "is no code cell" in n]) == 15


def test_a_megabyte_of_prose_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    real = syntax.ast.parse
    monkeypatch.setattr(syntax.ast, "parse", lambda s, *a: parsed.append(len(s)) or real(s, *a))
    module = read(prose("def total(x):\n    return 3\n" + "x=[1,1,1,1]\n" * 90_000), COUNTER)
    assert "total" not in run(module)
    assert sum(parsed) < 10_000


def test_statements_are_counted_before_they_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    real = draft.statements
    monkeypatch.setattr(
        draft, "statements", lambda c, n: looked_at.append(len(c.tree.body)) or real(c, n)
    )
    with pytest.raises(SubmissionError, match=r"more than 3,000 statements up to sums.py, line 1;"):
        read_py("a\n" * 3_001)
    assert max(looked_at) < 10  # given code


def test_a_finding_is_told_once_however_many_functions_reach_it() -> None:
    module = read_py("def h(): return eval('1')\ndef total(x): return h()\n" + COUNTER + "; h()\n")
    assert module.review == ("line 1 of sums.py: eval is used; look at what it is for.",)
