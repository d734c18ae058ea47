"""The source form: cells and their kinds, the stub, and errors with file and line."""

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import CourseError
from autograder.percent import (
    BEGIN,
    END,
    Earlier,
    Page,
    markdown_text,
    parse_page,
    read_page,
    solution_lines,
    stub,
)
from autograder.tests import toy_course

SLUG = "vol1_toys/scale"
WHERE = "solutions/vol1_toys/scale.py"


def page(text: str = toy_course.SCALE) -> Page:
    return parse_page(text, SLUG, WHERE)


def with_solution(body: str) -> str:
    return (
        f'"""One."""\n\n# %%\ndef f(x):\n{body}\n\n\n# %%\n'
        "def visible_f(student, check):\n    pass\n"
    )


def refused(text: str) -> str:
    with pytest.raises(CourseError) as caught:
        page(text)
    return str(caught.value)


# Cells


def test_a_page_has_its_title_summary_functions_and_header() -> None:
    one = page()
    assert one.title == "Scale"
    assert one.summary == "Scaling: one factor for everything, and the gradient of that."
    assert one.functions == ("scale", "scale_backward")
    assert one.header == '"""Scaling: one factor for everything, and the gradient of that."""\n'
    assert one.name == "scale"


def test_each_cell_has_a_kind_that_follows_from_what_it_holds() -> None:
    kinds = [(c.kind, c.function) for c in page().cells]
    assert kinds == [
        ("markdown", ""),
        ("given", ""),
        ("markdown", ""),
        ("answer", "scale"),
        ("check", "scale"),
        ("markdown", ""),
        ("answer", "scale_backward"),
        ("check", "scale_backward"),
    ]


def test_cells_know_the_line_they_begin_at() -> None:
    lines = toy_course.SCALE.split("\n")
    for cell in page().cells:
        assert lines[cell.line - 2].startswith("# %%")
    assert lines[page().cells[1].line - 1] == "from typing import Any"


def test_ids_are_stable_and_distinct() -> None:
    ids = [c.id for c in page().cells]
    assert len(set(ids)) == len(ids)
    assert "scale-answer-scale_backward" in ids
    assert ids == [c.id for c in page().cells]


def test_a_page_writes_itself_back_so_that_reading_it_gives_the_same() -> None:
    for text in (toy_course.SCALE, toy_course.COUNTER, toy_course.BALANCE):
        again = page(page(text).text())
        assert again.text() == page(text).text()
        assert [c.source for c in again.cells] == [c.source for c in page(text).cells]


def test_every_page_of_the_course_is_written_back_byte_for_byte() -> None:
    root = Path(__file__).parents[2] / "solutions"
    paths = sorted(p for p in root.glob("vol*/*.py") if p.name != "__init__.py")
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        words = [line for line in text.split("\n") if line.strip()]
        assert [w for w in page(text).text().split("\n") if w.strip()] == words, path.name


def test_markdown_loses_its_comment_signs_and_nothing_else() -> None:
    cells = [c for c in page().cells if c.kind == "markdown"]
    assert markdown_text(cells[0]).split("\n")[:3] == [
        "# Scale",
        "",
        "Multiply, then differentiate: $y = f x$.",
    ]


def test_names_from_earlier_exercises_are_known() -> None:
    one = parse_page(toy_course.BALANCE, "vol1_toys/balance", "balance.py")
    assert one.earlier == (Earlier("scale", "vol1_toys/scale", "scale"),)
    renamed = toy_course.BALANCE.replace("import scale", "import scale as times")
    (earlier,) = parse_page(renamed, "vol1_toys/balance", "balance.py").earlier
    assert (earlier.local, earlier.name) == ("times", "scale")


def test_an_earlier_exercise_may_be_of_another_volume() -> None:
    source = toy_course.BALANCE.replace("from .scale", "from ..vol1_toys.scale")
    (earlier,) = parse_page(source, "vol2_toys/balance", "balance.py").earlier
    assert earlier == Earlier("scale", "vol1_toys/scale", "scale")


# Stubs


def test_a_stub_has_everything_but_the_solutions() -> None:
    source, text = toy_course.SCALE, stub(page()).text()
    assert BEGIN not in text and END not in text
    for line in solution_lines(page()):
        assert line not in text
    missing = set(source.split("\n")) - set(text.split("\n"))
    assert {m.strip() for m in missing} == {
        BEGIN,
        END,
        *(line.strip() for line in solution_lines(page())),
    }


def test_a_stub_raises_with_the_name_of_what_is_to_be_written() -> None:
    names: dict[str, object] = {}
    exec(stub(page()).text(), names)
    for name in ("scale", "scale_backward"):
        with pytest.raises(NotImplementedError, match=f"^{name} is yours to write$"):
            names[name](1.0, 2.0)  # type: ignore[operator]


def test_every_method_of_a_class_has_a_stub_of_its_own() -> None:
    text = stub(page(toy_course.COUNTER)).text()
    assert 'raise NotImplementedError("Counter.__init__ is yours to write")' in text
    assert 'raise NotImplementedError("Counter.add is yours to write")' in text


def test_a_stub_of_a_page_parses_and_compiles() -> None:
    for text in (toy_course.SCALE, toy_course.COUNTER, toy_course.BALANCE):
        ast.parse(stub(page(text)).text())


def test_a_stub_can_be_read_as_a_page_with_the_same_functions() -> None:
    for text in (toy_course.SCALE, toy_course.COUNTER, toy_course.BALANCE):
        whole = page(text)
        again = page(stub(whole).text())
        assert again.functions == whole.functions
        assert [c.id for c in again.cells] == [c.id for c in whole.cells]


def test_helpers_within_a_solution_disappear_with_it() -> None:
    body = f"    {BEGIN}\n    def g(y):\n        return y\n    return g(x)\n    {END}"
    text = stub(page(with_solution(body))).text()
    assert "def g" not in text
    assert '    raise NotImplementedError("f is yours to write")' in text


def test_helpers_beside_the_function_disappear_without_a_trace() -> None:
    text = with_solution(f"    {BEGIN}\n    return _g(x)\n    {END}")
    text = text.replace("# %%\ndef f", f"# %%\n{BEGIN}\ndef _g(x):\n    return x\n{END}\ndef f")
    written = stub(page(text)).text()
    assert "_g" not in written
    assert written.count("raise NotImplementedError") == 1


def test_lines_outside_the_region_stay() -> None:
    body = f"    y = x + 1\n    {BEGIN}\n    y = y * 2\n    {END}\n    return y"
    text = stub(page(with_solution(body))).text()
    assert "    y = x + 1\n    raise NotImplementedError" in text
    assert text.count("return y") == 1


def test_solution_lines_are_the_lines_between_markers() -> None:
    assert solution_lines(page()) == [
        "    out: Floats = x * factor",
        "    return out",
        "    dx: Floats = dout * factor",
        "    return dx",
    ]


@settings(max_examples=50, deadline=None, database=None)
@given(st.lists(st.sampled_from(["x = 1", "", "# a comment", "y = [1,", "]"]), max_size=6))
def test_no_line_between_markers_survives_in_a_stub(lines: list[str]) -> None:
    body = "\n".join(f"    {line}" if line else "" for line in (*lines, "z = 3"))
    text = with_solution(f"    {BEGIN}\n{body}\n    {END}")
    try:
        ast.parse(text)
    except SyntaxError:
        assert refused(text).startswith(f"{WHERE}:")
        return
    written = stub(page(text)).text()
    assert "z = 3" not in written
    assert "x = 1" not in written
    assert "yours to write" in written


# Errors


def test_an_end_without_a_begin_is_named_with_file_and_line() -> None:
    text = toy_course.SCALE.replace(f"    {BEGIN}\n", "", 1)
    line = text.split("\n").index(f"    {END}") + 1
    assert refused(text) == f"{WHERE}:{line}: END SOLUTION without BEGIN SOLUTION"


@pytest.mark.parametrize(
    "text",
    [
        toy_course.SCALE.replace(f"    {END}\n", "", 1),
        toy_course.SCALE.replace(f"    {END}\n", f"    {BEGIN}\n", 1),
        with_solution(f"    {BEGIN}\n    return x"),
        with_solution(f"    {BEGIN}\n    return x").partition("\n\n\n# %%")[0],
    ],
)
def test_a_begin_without_an_end_is_named_with_file_and_line(text: str) -> None:
    line = text.split("\n").index(f"    {BEGIN}") + 1
    assert refused(text) == f"{WHERE}:{line}: BEGIN SOLUTION without END SOLUTION"


def test_a_region_that_spans_two_cells_is_named_where_it_begins() -> None:
    text = with_solution(f"    {BEGIN}\n    y = x\n\n# %%\n    {END}\n    return y")
    line = text.split("\n").index(f"    {BEGIN}") + 1
    assert refused(text) == f"{WHERE}:{line}: BEGIN SOLUTION without END SOLUTION"


@pytest.mark.parametrize(
    "almost",
    [
        "# BEGIN SOLUTION",
        "## begin solution",
        "### BEGIN SOLUTIONS",
        "###BEGIN SOLUTION",
        "### BEGIN_SOLUTION",
    ],
)
def test_what_is_almost_a_marker_is_named_with_file_and_line(almost: str) -> None:
    text = toy_course.SCALE.replace(BEGIN, almost, 1)
    line = text.split("\n").index(f"    {almost}") + 1
    said = refused(text)
    assert said.startswith(f"{WHERE}:{line}: {almost!r} is almost a solution marker; write exactly")


def test_a_marker_with_a_remark_behind_it_is_not_taken_for_one() -> None:
    text = toy_course.SCALE.replace(BEGIN, f"{BEGIN} (the easy part)", 1)
    assert "is almost a solution marker" in refused(text)


def test_a_syntax_error_is_named_with_file_and_line() -> None:
    text = toy_course.SCALE.replace("x * factor", "x *", 1)
    line = text.split("\n").index("    out: Floats = x *") + 1
    assert refused(text) == f"{WHERE}:{line}: invalid syntax"


def test_a_page_without_cells_is_refused() -> None:
    assert refused("x = 1\n").startswith(f"{WHERE}: there is no `# %%` cell")


def test_a_page_without_anything_to_write_is_refused() -> None:
    assert refused("# %%\nx = 1\n") == (
        f"{WHERE}: there is nothing to write; mark a solution with '### BEGIN SOLUTION'"
    )


def test_two_functions_in_one_answer_are_named() -> None:
    text = with_solution(f"    {BEGIN}\n    return x\n    {END}\n\n\ndef g(x):\n    return x")
    assert refused(text) == (
        f"{WHERE}:4: an answer cell defines one function or class to write; this one defines f, g"
    )


def test_classes_beside_a_function_are_what_it_is_made_of() -> None:
    text = with_solution(f"    {BEGIN}\n    return x\n    {END}\n\n\nclass G:\n    pass")
    (answer,) = [c for c in parse_page(text, SLUG, WHERE).cells if c.kind == "answer"]
    assert answer.function == "f"
    assert "class G" in answer.source


def test_an_answer_without_a_check_is_named() -> None:
    text = toy_course.SCALE.replace("def visible_scale(", "def look(", 1)
    assert refused(text) == f"{WHERE}: scale needs exactly one check cell, visible_scale"


def test_two_checks_in_one_cell_are_named() -> None:
    text = toy_course.SCALE.replace(
        "# %% [markdown]\n# ## Backward",
        "def visible_other(student, check):\n    pass\n\n\n# %% [markdown]\n# ## Backward",
    )
    line = text.split("\n").index("from autograder.selfcheck import Check, Student") + 1
    assert refused(text) == f"{WHERE}:{line}: a check cell defines one visible_ function"


def test_a_check_of_nothing_is_named() -> None:
    text = toy_course.SCALE + "\n\n# %%\ndef visible_other(student, check):\n    pass\n"
    assert refused(text) == f"{WHERE}: visible_other checks a function nobody is asked to write"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"missing\.py: cannot be read: No such file"):
        read_page(tmp_path / "missing.py", SLUG)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scale.py"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(CourseError, match=r"scale\.py"):
        read_page(path, SLUG)
