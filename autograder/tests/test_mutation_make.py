"""Every kind of edit that a mutant can be, and what is left alone."""

import ast

import pytest

from autograder.course import Course
from autograder.mutation.alike import alike
from autograder.mutation.make import Mutant, mutants
from autograder.percent import parse_page

HEAD = '''"""A page."""

# %%
import numpy as np

# %%
def other(x, y):
    """Given, not to be written."""
    return x

# %%
'''
TAIL = '''
    ### END SOLUTION

# %%
def visible_f(student, check):
    """Nothing."""
'''


def edits(
    body: str, signature: str = "x, y", alike: dict[str, tuple[str, ...]] | None = None
) -> dict[str, set[str]]:
    """Kind of edit to the lines that it makes of `body`."""
    lines = "\n".join("    " + line for line in body.split("\n"))
    head = f'{HEAD}def f({signature}):\n    """Words 1 and 2."""\n    ### BEGIN SOLUTION\n'
    source = head + lines + TAIL
    page = parse_page(source, "vol/page", "page.py")
    line = source[: source.index("def f(")].count("\n") + 1
    found: dict[str, set[str]] = {}
    for one in mutants(source, page, "numpy", {("f", line): alike or {}}):
        assert one.function == "f"
        ast.parse(one.source)
        found.setdefault(one.kind, set()).add(one.new)
    return found


@pytest.mark.parametrize(
    ("body", "new"),
    [
        ("return x + y", "return (x - y)"),
        ("return x @ y", "return (x * y)"),
        ("return x / y", "return (y / x)"),
        ("return x + y", "return y"),
        ("return (x - y) * 2", "return (x - y)"),
        ("return x @ y", "return x.swapaxes(-1, -2) @ y"),
        ("return x.T @ y", "return x @ y"),
        ("return -x", "return x"),
        ("z = x * y\nreturn z", "z = -(x * y)"),
        ("return x < y", "return x <= y"),
        ("return x if x is None else y", "return x if x is not None else y"),
        ("return x and y", "return (x or y)"),
        ("return x + 1", "return x + 2"),
        ("return x + 1e-5", "return x + 0.0"),
        ("return x.sum(axis=-1)", "return x.sum(axis=-2)"),
        ("return x.sum(keepdims=True)", "return x.sum(keepdims=False)"),
        ("return x.sum(axis=-1, keepdims=True)", "return x.sum(axis=-1)"),
        ("return x.sum(axis=-1, keepdims=True)", "return x.sum( keepdims=True)"),
        ("return x.sum()", "return x.mean()"),
        ("return np.exp(x * 2)", "return (x * 2)"),
        ("z = x.copy()\nreturn z", "z = x"),
        ("return np.array(x)", "return np.asarray(x)"),
        ("return np.outer(x, y)", "return np.outer(y, x)"),
        ("return x[1:]", "return x[1 + 1:]"),
        ("return x[:y]", "return x[:y - 1]"),
        ("return [x for i in range(y)]", "return [x for i in range(y - 1)]"),
        ("for i in x:\n    y += i\nreturn y", "y += i\nbreak"),
        ("for i in x:\n    y += i\nreturn y", "pass"),
        ("y += x\nreturn y", "y = x"),
        ("y += x\nreturn y", "y = y + x"),
        ("y = x * 2\nreturn y", "y += x * 2"),
        ("z = x - y\nreturn z", "x -= y\nz = x"),
        ("x[0] = y\nreturn x", "x = y"),
        ("if x:\n    return y\nreturn x", "if False:"),
        ("return x if y else 1", "return x"),
        ("return x * 2", "return 0 * (x * 2)"),
        ("return x * 2", "return y"),
        ("return x, y", "return y, x"),
        ("return x * 2", "return (x * 2).astype('float32')"),
        ("return other(x, y)", "return f(x, y)"),
    ],
)  # fmt: skip
def test_each_of_these_edits_is_made(body: str, new: str) -> None:
    assert any(new in lines for lines in edits(body).values()), edits(body)


def test_a_default_argument_is_changed() -> None:
    assert "def f(x, eps=0.0):" in edits("return x", "x, eps=1e-5")["default"]


def test_a_variable_is_taken_for_one_like_it_that_has_a_value_by_then() -> None:
    found = edits("z = x * 2\nw = z + x\nreturn w", alike={"x": ("z", "w"), "z": ("x",)})
    assert found["wrong variable"] == {"w = z + z", "w = x + x"}


def test_messages_docstrings_and_annotations_are_left_alone() -> None:
    found = edits('z: int = x\nif y:\n    raise ValueError(f"{1 + 2} is wrong")\nreturn z')
    lines = {line for news in found.values() for line in news}
    assert not [line for line in lines if "wrong" in line or "Words" in line]
    assert {line for line in lines if "z:" in line} == {"z: int = -x"}
    assert "constant" not in found


def test_what_cannot_matter_is_no_mutant() -> None:
    found = edits("a = x.swapaxes(0, 1).reshape(-1, 2)\nreturn [b for b in zip(a, y, strict=True)]")
    lines = {line for news in found.values() for line in news}
    assert not [line for line in lines if "swapaxes(1, 0)" in line or "reshape(-2" in line]
    assert not [line for line in lines if "strict=False" in line or "zip(a, y)" in line]


def test_no_two_mutants_are_the_same_program_and_none_is_the_reference(toy: Course) -> None:
    found = all_mutants(toy)
    forms = [ast.dump(ast.parse(m.source)) for m in found]
    source = (toy.root / "solutions/vol1_toys/scale.py").read_text(encoding="utf-8")
    assert len(forms) == len(set(forms)) > 20
    assert ast.dump(ast.parse(source)) not in forms
    assert len({m.id for m in found}) == len(found)


def all_mutants(course: Course, slug: str = "vol1_toys/scale") -> list[Mutant]:
    exercise, page = course.exercise(slug), course.page(slug)
    source = (course.root / "solutions" / f"{slug}.py").read_text(encoding="utf-8")
    return mutants(source, page, exercise.arrays, alike(exercise, page.functions))


def test_a_diff_shows_function_line_kind_and_both_lines(toy: Course) -> None:
    (one,) = [
        m for m in all_mutants(toy) if m.kind == "operator" and m.new.endswith("(x / factor)")
    ]
    assert one.diff() == (
        f"@@ scale, line {one.line}: operator @@\n"
        "- out: Floats = x * factor\n"
        "+ out: Floats = (x / factor)"
    )
    source = (toy.root / "solutions/vol1_toys/scale.py").read_text(encoding="utf-8")
    assert source.split("\n")[one.line - 1].strip() == one.old


def test_variables_are_alike_if_they_are_in_every_call(toy: Course) -> None:
    exercise = toy.exercise("vol1_toys/scale")
    groups = alike(exercise, ("scale",))
    ((where, found),) = groups.items()
    assert where[0] == "scale"
    assert found == {"x": ("out",), "out": ("x",), "factor": ()}
