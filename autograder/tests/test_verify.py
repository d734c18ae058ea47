"""Faults are planted in a course that is in order, and `verify` names each of them."""

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.percent import END
from autograder.tests.toy_course import append, edit
from autograder.verify import alternatives, table, verify

SLUG = "vol1_toys/scale"
CHECKS = "instructor/checks/vol1_toys/scale.py"
SOURCE = "solutions/vol1_toys/scale.py"
ALTERNATIVES = "instructor/checks/vol1_toys/alternatives/scale"


def problems(course: Course, slug: str = SLUG, *, seeds: int = 1) -> list[str]:
    return verify(course, slug, seeds=seeds).problems


@pytest.mark.parametrize("slug", ["scale", "counter", "balance"])
def test_a_course_in_order_has_no_problems_at_several_seeds(toy: Course, slug: str) -> None:
    assert problems(toy, f"vol1_toys/{slug}", seeds=5) == []


def test_what_was_looked_at_is_counted(toy: Course) -> None:
    verdict = verify(toy, SLUG, seeds=2)
    assert (verdict.checks, verdict.mistakes, verdict.recognised) == (8, 9, 9)
    assert (verdict.nulls, verdict.alternatives, verdict.seeds) == (16, 3, 2)
    assert not verdict.isolated
    assert table([verdict]) == [(SLUG, "8", "9 of 9", "16", "3", "2", "ok")]


# Mistakes


def test_a_mistake_with_full_points_is_named(toy: Course) -> None:
    slip = 'exercise.slip("scale", "harmless", "x * factor", "factor * x", "Not wrong at all.")\n'
    append(toy.root, CHECKS, slip)
    assert problems(toy) == ["scale: the mistake harmless gets full points; a check is missing"]


def test_two_mistakes_that_cannot_be_told_apart_need_one_hint(toy: Course) -> None:
    new = 'exercise.slip("scale", "plus", "x * factor", "factor + x", "Another hint.")\n'
    append(toy.root, CHECKS, new)
    said = "scale: the mistake plus is recognised as adds; the two need one hint, or other inputs"
    verdict = verify(toy, SLUG, seeds=2)
    assert verdict.problems == [said]
    assert (verdict.recognised, verdict.mistakes) == (9, 10)
    assert table([verdict])[0][-1] == "1 problem"


def test_two_mistakes_that_cannot_be_told_apart_may_share_a_hint(toy: Course) -> None:
    hint = "The factor is added, not multiplied."
    new = f'exercise.slip("scale", "plus", "x * factor", "factor + x", "{hint}")\n'
    append(toy.root, CHECKS, new)
    assert problems(toy) == []


def test_a_mistake_that_raises_is_no_mistake_in_a_value(toy: Course) -> None:
    new = 'exercise.slip("scale", "stops", "x * factor", "x * fcator", "It stops.")\n'
    append(toy.root, CHECKS, new)
    assert "scale: the mistake stops raises instead of failing by value" in problems(toy)


def test_a_slip_whose_text_occurs_twice_is_named_and_the_others_are_still_tried(
    toy: Course,
) -> None:
    append(toy.root, CHECKS, 'exercise.slip("scale", "twice", "out", "outer", "It is wrong.")\n')
    append(
        toy.root, CHECKS, 'exercise.slip("scale", "harmless", "x * factor", "factor * x", "?")\n'
    )
    found = problems(toy, seeds=2)
    assert (
        "the mistake twice edits 'out' in scale, which occurs there 3 times instead of once"
        in found
    )
    assert "scale: the mistake harmless gets full points; a check is missing" in found
    assert len(found) == 2


def test_a_slip_whose_text_is_not_there_is_named(toy: Course) -> None:
    append(toy.root, CHECKS, 'exercise.slip("scale", "gone", "x ** factor", "x", "It is wrong.")\n')
    said = "the mistake gone edits 'x ** factor' in scale, which occurs there 0 times instead of"
    assert any(p.startswith(said) for p in problems(toy))


def test_a_slip_that_is_not_python_is_named(toy: Course) -> None:
    append(toy.root, CHECKS, 'exercise.slip("scale", "odd", "x * factor", "x *", "It is wrong.")\n')
    assert any("odd" in p and "invalid syntax" in p for p in problems(toy))


def test_too_few_mistakes_are_counted(toy: Course) -> None:
    path = toy.root / CHECKS
    lines = path.read_text(encoding="utf-8").split("\n")
    kept = [line for line in lines if not line.startswith('exercise.slip("scale_backward"')]
    path.write_text("\n".join(kept), encoding="utf-8")
    assert "scale_backward: 1 mistakes are declared, expected 3" in problems(toy)


def test_two_mistakes_of_one_name_are_named(toy: Course) -> None:
    append(
        toy.root, CHECKS, 'exercise.slip("scale", "adds", "x * factor", "x - factor", "Less.")\n'
    )
    assert "scale: two mistakes are called adds" in problems(toy)


def test_a_mistake_with_no_check_of_its_function_is_named(toy: Course) -> None:
    append(toy.root, CHECKS, 'exercise.slip("Floats", "odd", "x * factor", "x", "It is wrong.")\n')
    assert any("Floats" in p for p in problems(toy))


# Checks


def test_a_check_that_nothing_fails_is_dead_weight(toy: Course) -> None:
    text = (
        "\n\n@exercise.satisfies('scale', points=1)\ndef has_two_axes(student, x, factor):\n"
        "    '''It holds.'''\n    return True\n"
    )
    append(toy.root, CHECKS, text)
    assert problems(toy) == [
        "scale: nothing fails the check has_two_axes; it is dead weight, or a mistake that it is "
        "there for has not been declared"
    ]


def test_a_reference_that_fails_its_own_check_is_named(toy: Course) -> None:
    text = (
        "\n\n@exercise.satisfies('scale', points=1)\ndef is_small(student, x, factor):\n"
        "    '''It holds.'''\n    return student.scale(x, factor), x\n"
    )
    append(toy.root, CHECKS, text)
    assert problems(toy) == [
        "scale: the reference itself fails the check is_small: The result has wrong values."
    ]


def test_a_reference_that_fails_at_some_seeds_only_is_found(toy: Course) -> None:
    text = (
        "\n\n@exercise.satisfies('scale', points=1)\ndef is_lucky(student, x, factor):\n"
        "    '''It holds.'''\n    return (student.scale(x, factor) * 0 + x)[0, 0] < 1.5\n"
    )
    append(toy.root, CHECKS, text)
    said = "scale: the reference itself fails the check is_lucky: This does not hold."
    assert problems(toy, seeds=40) == [said]
    found = verify(toy, SLUG, seeds=1, right=40)
    assert found.problems == [said]
    assert table([found])[0][-2] == "1, right ones 40"


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ('@exercise.satisfies("scale", points=2)', "scale: there is no check of kind P"),
        (
            'exercise.matches_finite_differences("scale_backward", of="scale", wrt=["x"], '
            "points=2)",
            "scale_backward: there is no check of kind F (finite differences)",
        ),
        (
            'exercise.keeps_dtype("scale_backward", points=1)',
            "scale_backward: there is no check of kind E",
        ),
    ],
)
def test_a_kind_of_check_that_is_missing_is_named(toy: Course, old: str, said: str) -> None:
    edit(toy.root, CHECKS, old, "")
    assert said in problems(toy)


# Null solutions


def test_a_null_solution_that_earns_points_is_named_with_what_paid(toy: Course) -> None:
    path = toy.root / CHECKS
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('array("N M")', 'array("N M", scale=0.0)', 1), encoding="utf-8")
    found = problems(toy)
    assert (
        "scale: the null solution 'zeros' earns 7 points (matches_reference, factors_multiply, "
        "keeps_dtype, leaves_inputs_alone); make these gates, or properties" in found
    )


def test_a_null_solution_that_an_author_declares_is_tried(toy: Course) -> None:
    text = "\n\n@exercise.null('scale')\ndef knows_it_all(x, factor):\n    return x * factor\n"
    append(toy.root, CHECKS, text)
    assert any(
        p.startswith("scale: the null solution 'knows_it_all' earns 7") for p in problems(toy)
    )


# Alternatives


def test_an_alternative_that_fails_is_named_with_the_check_and_its_message(toy: Course) -> None:
    edit(toy.root, f"{ALTERNATIVES}/loops.py", "np.multiply(factor, dout)", "np.add(factor, dout)")
    assert problems(toy)[0] == (
        "scale_backward: the alternative loops is right but fails matches_reference: "
        "dx has wrong values."
    )


def test_an_alternative_that_lacks_a_function_is_named(toy: Course) -> None:
    edit(toy.root, f"{ALTERNATIVES}/loops.py", "def scale_backward", "def scale_forward")
    said = "scale_backward: the alternative loops is right but fails matches_reference: It raised"
    assert problems(toy)[0].startswith(said)


@pytest.mark.parametrize("text", ["import nothing_of_this_name\n", "def scale(:\n"])
def test_an_alternative_that_cannot_be_loaded_is_named(toy: Course, text: str) -> None:
    (toy.root / ALTERNATIVES / "odd.py").write_text(text, encoding="utf-8")
    (found,) = problems(toy)
    assert "odd" in found
    assert "Error" in found or "invalid syntax" in found


def test_too_few_alternatives_are_counted(toy: Course) -> None:
    for path in alternatives(toy, SLUG)[1:]:
        path.unlink()
    (found,) = problems(toy)
    assert "1 alternative" in found


def test_alternatives_are_found_by_the_name_of_the_exercise(toy: Course) -> None:
    names = [p.name for p in alternatives(toy, SLUG)]
    assert names == ["in_place.py", "loops.py", "rows.py"]
    assert alternatives(toy, "vol1_toys/other") == []


# The source itself


def test_a_docstring_that_misses_an_argument_is_named(toy: Course) -> None:
    edit(toy.root, SOURCE, "        factor: By how much.\n", "")
    assert problems(toy) == ["scale: the docstring does not describe the argument factor"]


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("        x: (N, M). What is scaled.\n        factor: By", "argument x"),
        ("    Returns:\n        out: (N, M), dtype of `x`.\n", "what is returned"),
        ("    Source:\n        Any book.\n", "the docstring names no source"),
    ],
)
def test_a_docstring_that_lacks_something_else_is_named(toy: Course, old: str, said: str) -> None:
    edit(toy.root, SOURCE, old, "        factor: By" if "factor" in old else "")
    assert any(p.startswith("scale: the docstring") and said in p for p in problems(toy))


def test_a_class_has_its_arguments_described_too(toy: Course) -> None:
    edit(toy.root, "solutions/vol1_toys/counter.py", "        step: By how much", "        By how")
    said = "Counter: the docstring does not describe the argument step"
    assert problems(toy, "vol1_toys/counter") == [said]


def test_an_unmatched_marker_is_named_with_file_and_line(toy: Course) -> None:
    path = edit(toy.root, SOURCE, f"    {END}\n", "")
    line = path.read_text(encoding="utf-8").split("\n").index("    ### BEGIN SOLUTION") + 1
    (found,) = problems(toy)
    assert found.endswith(f"{SOURCE}:{line}: BEGIN SOLUTION without END SOLUTION")


def test_a_checks_file_that_raises_is_named_with_file_and_line(toy: Course) -> None:
    path = append(toy.root, CHECKS, "\n\nexercise.no_such_thing()\n")
    line = path.read_text(encoding="utf-8").count("\n")
    assert problems(toy) == [
        f"{CHECKS}:{line}: AttributeError: 'Exercise' object has no attribute 'no_such_thing'"
    ]


def test_an_input_that_is_not_declared_is_named(toy: Course) -> None:
    edit(toy.root, CHECKS, '        "x": array("N M"),\n', "")
    (found,) = problems(toy)
    assert "'x' is neither an input nor a size; add it to inputs= of the exercise" in found


def test_every_problem_is_one_line_and_told_once(toy: Course) -> None:
    edit(toy.root, SOURCE, "        factor: By how much.\n", "")
    append(
        toy.root, CHECKS, 'exercise.slip("scale", "harmless", "x * factor", "factor * x", "?")\n'
    )
    found = problems(toy, seeds=3)
    assert len(found) == len(set(found)) == 2
    assert not any("\n" in p for p in found)


def test_a_source_elsewhere_is_never_touched(toy: Course) -> None:
    before = {p: p.read_bytes() for p in sorted(Path(toy.root).rglob("*")) if p.suffix != ".pyc"
              and p.is_file()}  # fmt: skip
    verify(toy, SLUG, seeds=1)
    assert {p: p.read_bytes() for p in before} == before
