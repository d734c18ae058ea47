"""Mutants are run like submissions; what gets through is named, and so is what is unfair."""

import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.course import Course
from autograder.errors import AutograderError, CourseError
from autograder.mutation.command import run
from autograder.mutation.equivalents import equivalents, path_of
from autograder.mutation.make import Mutant
from autograder.mutation.run import Fate, Log, Runner
from autograder.mutation.survey import Survey, markdown, survey, table
from autograder.mutation.variations import variations
from autograder.pool import Job
from autograder.tests.test_mutation_make import all_mutants
from autograder.tests.toy_course import append, edit

SLUG = "vol1_toys/scale"
CHECKS = "instructor/checks/vol1_toys/scale.py"
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")


@pytest.fixture
def toy(toy: Course) -> Course:
    """The toys, with the one check that `scale` lacks."""
    append(toy.root, CHECKS, 'exercise.leaves_inputs_alone("scale_backward", points=1)\n')
    return toy


def surveyed(course: Course) -> Survey:
    with Runner(Job(course.root, (SLUG,), course.root / "mutants")) as runner:
        return survey(runner, SLUG)


def fates(course: Course, chosen: list[Mutant], log: Log, workers: int = 1) -> dict[str, Fate]:
    with Runner(Job(course.root, (SLUG,), course.root / "mutants"), workers) as runner:
        return runner.fates(SLUG, chosen, log)


def holes(found: Survey) -> dict[str, str]:
    """What each survivor became, and where it is wrong."""
    return {mutant.new: where for mutant, _, where in found.survivors}


def test_no_mutant_of_a_course_in_order_gets_through(toy: Course) -> None:
    found = surveyed(toy)
    assert holes(found) == {}
    assert found.problems == []
    assert found.mutants == found.killed + found.stopped + found.equivalent > 20
    assert found.alone["R"] > 10 and found.hinted[0] == found.hinted[1] > 0
    assert (found.mistakes, found.recognised, found.alternatives) == (9, 9, 3)
    assert found.variations == 24


def test_a_loose_tolerance_is_a_hole_with_an_input_that_shows_it(toy: Course) -> None:
    source = toy.root / "solutions/vol1_toys/scale.py"
    text = source.read_text(encoding="utf-8")
    source.write_text(
        text.replace("out: Floats = x * factor", "out: Floats = x * factor + 1e-4 * x")
    )
    checks = (toy.root / CHECKS).read_text(encoding="utf-8")
    head = checks[: checks.index("exercise.matches_reference")]
    (toy.root / CHECKS).write_text(
        head
        + 'exercise.matches_reference("scale", points=1, rtol=1e-2)\n'
        + 'exercise.matches_reference("scale_backward", points=1)\n'
    )
    toy = Course(toy.root)
    found = holes(surveyed(toy))
    where = found["out: Floats = (x * factor)"]  # the last term is dropped
    assert where.startswith("sizes {") and "the result differs in" in where


def test_a_check_that_was_dropped_is_a_hole(toy: Course) -> None:
    checks = (toy.root / CHECKS).read_text(encoding="utf-8")
    kept = "\n".join(
        line for line in checks.split("\n") if not line.startswith("exercise.leaves_inputs")
    )
    (toy.root / CHECKS).write_text(kept)
    found = holes(surveyed(toy))
    assert found["x *= factor\nout = x"].endswith("an argument is changed")


def test_what_is_known_is_not_run_again_and_a_cut_line_is_dropped(toy: Course) -> None:
    chosen = all_mutants(toy)[:6]
    path = toy.root / "mutants" / "log.jsonl"
    first = fates(toy, chosen, Log(path))
    lines = path.read_text(encoding="utf-8")
    path.write_text(lines[:-30], encoding="utf-8")  # killed while writing
    log = Log(path)
    assert len(log.known) == 5
    for key in log.known:
        log.known[key] = Fate("survived", "from the log")
    second = fates(toy, chosen, log)
    assert sum(f.families == "from the log" for f in second.values()) == 5
    assert [first[m.id] for m in chosen if second[m.id] == first[m.id]]
    assert fates(toy, chosen, Log(path)) == first


def test_a_changed_check_runs_everything_again(toy: Course) -> None:
    chosen = all_mutants(toy)[:3]
    log = Log(toy.root / "mutants" / "log.jsonl")
    fates(toy, chosen, log)
    append(toy.root, CHECKS, "# changed\n")
    fates(toy, chosen, log)
    assert len(log.known) == 6


def test_two_supervisors_find_the_same(toy: Course) -> None:
    chosen = all_mutants(toy)[:8]
    alone = fates(toy, chosen, Log(toy.root / "mutants" / "one.jsonl"))
    assert fates(toy, chosen, Log(toy.root / "mutants" / "two.jsonl"), workers=2) == alone


def test_a_mutant_that_only_raises_or_hangs_is_not_counted_as_killed(toy: Course) -> None:
    source = (toy.root / "solutions/vol1_toys/scale.py").read_text(encoding="utf-8")
    line = "out: Floats = x * factor"
    for new in ("out: Floats = x * fcator", "raise SystemExit", "while True: pass"):
        one = Mutant("scale", "test", 1, line, new, source.replace(line, new))
        log = Log(toy.root / "mutants" / "log.jsonl")
        assert fates(toy, [one], log)[one.id].state == "stopped"


# Equivalents


def record(course: Course, text: str) -> None:
    path = path_of(course, SLUG)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


ENTRY = '[[equivalent]]\nfunction = "scale"\nold = "{old}"\nnew = "{new}"\nreason = "{why}"\n'


def test_an_equivalent_needs_a_reason(toy: Course) -> None:
    record(toy, ENTRY.format(old="a", new="b", why=" "))
    said = "instructor/checks/vol1_toys/equivalents/scale.toml: entry 1 has no reason"
    with pytest.raises(CourseError, match=said):
        equivalents(toy, SLUG)
    record(toy, "[[equivalent")
    with pytest.raises(CourseError, match=r"equivalents/scale\.toml: "):
        equivalents(toy, SLUG)


def test_an_equivalent_that_is_no_mutant_or_is_caught_is_a_problem(toy: Course) -> None:
    old, wrong = "out: Floats = x * factor", "out: Floats = (x / factor)"
    record(toy, ENTRY.format(old=old, new=wrong, why="x") + ENTRY.format(old="a", new="b", why="x"))
    found = surveyed(toy)
    assert found.equivalent == 0
    assert found.problems[0].endswith("scale.toml: 'b' in scale is no mutant any more")
    assert found.problems[1].startswith("scale: recorded as equivalent, but a check fails it:\n@@")


# What is right must pass; what is wrong twice must not


def test_a_check_that_punishes_a_style_is_named(toy: Course) -> None:
    unfair = (
        '\n@exercise.satisfies("scale", points=1)\n'
        "def is_contiguous(student, x, factor):\n"
        '    """The result lies in one piece."""\n'
        '    flat = student.library("numpy.ascontiguousarray")\n'
        "    held = student.keep(student.scale, x, factor)\n"
        '    return student.part(held, "flags")["C_CONTIGUOUS"]\n'
    )
    append(toy.root, CHECKS, unfair)
    found = surveyed(toy)
    assert any(
        "with results that are views is right but fails is_contiguous" in p for p in found.problems
    )


def test_variations_change_the_text_and_nothing_else(toy: Course) -> None:
    exercise = toy.exercise(SLUG)
    source = (toy.root / "solutions/vol1_toys/scale.py").read_text(encoding="utf-8")
    names = [name for name, _ in variations(exercise, source, ("scale", "scale_backward"))]
    assert names == [
        "operands swapped",
        "sums backwards",
        "other names",
        "Fortran order inside",
        "results that are views",
        "float64 inside",
    ]


def test_what_is_put_together_of_texts_keeps_its_order(toy: Course) -> None:
    exercise = toy.exercise(SLUG)
    source = "import math\nfrom typing import Any\n"
    source += "def put(a, b):\n    return a + b, 1 - 2 + b.count('b') * 3\n"
    names = dict(variations(exercise, source, ()))["operands swapped"]
    assert names["put"]("a", "b") == ("ab", 2)
    assert names["put"]([1], ["b"]) == ([1, "b"], 2)


def test_a_variation_in_float64_computes_again_only_where_that_differs(toy: Course) -> None:
    source = "calls = []\ndef scale(x):\n    calls.append(x)\n    return 2 * x\n"
    names = dict(variations(toy.exercise(SLUG), source, ("scale",)))["float64 inside"]
    assert names["scale"](np.ones(2)).tolist() == [2, 2]
    assert len(names["calls"]) == 1  # whoever counts calls of a served model finds one
    assert names["scale"](np.ones(2, dtype=np.float32)).dtype == np.float32
    assert [x.dtype.name for x in names["calls"][1:]] == ["float32", "float64"]


def test_two_mistakes_that_cancel_are_named(toy: Course) -> None:
    for name, old, new in (("minus_x", "x * ", "-x * "), ("minus_factor", "* factor", "* -factor")):
        append(toy.root, CHECKS, f'exercise.slip("scale", "{name}", "{old}", "{new}", "A sign.")\n')
    found = surveyed(toy)
    assert "scale: minus_x and minus_factor together get full points" in found.problems


# The command


def test_the_command_prints_survivors_and_a_table_and_writes_the_page(
    toy: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(toy.root)
    page = tmp_path / "quality.md"
    page.write_text("# Quality\n\n<!-- table -->\nold\n<!-- end of table -->\nAfter.\n")
    edit(toy.root, "instructor/course.toml", '"counter", "balance"]', "]")
    edit(toy.root, "instructor/course.toml", '["later"]', '["counter", "balance"]')
    assert run([], 0, 2, page, None) == 0
    text = page.read_text()
    assert text.startswith("# Quality") and text.endswith("After.\n") and "old" not in text
    assert "| vol1_toys/scale |" in text and "100.0 %" in text
    checks = (toy.root / CHECKS).read_text(encoding="utf-8")
    kept = "\n".join(
        line for line in checks.split("\n") if not line.startswith("exercise.leaves_inputs")
    )
    (toy.root / CHECKS).write_text(kept)
    assert run([SLUG], 0, 1, None, None) == 1
    printed = capsys.readouterr().out
    assert "vol1_toys/scale: a mutant gets every point (checks that ran: R P E)" in printed
    assert "+ x *= factor\n+ out = x\n  hole: sizes {" in printed


def test_a_page_holds_full_runs_only(toy: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy.root)
    with pytest.raises(AutograderError, match="--table holds full runs: leave out --sample"):
        run([SLUG], 3, 1, Path("page.md"), None)


def test_rows_of_other_exercises_stay_and_the_sums_are_theirs_too(tmp_path: Path) -> None:
    def found(name: str, killed: int, alone: int, has: str) -> Survey:
        numbers = {"R": alone, "F": 0, "P": 0, "E": 0}
        return Survey(name, mutants=killed, killed=killed, alone=numbers, has=has, seconds=2.0)

    page, order = tmp_path / "page.md", ("a", "b", "c")
    markdown([found("c", 7, 3, "R"), found("gone", 5, 5, "R")], page, "Words.", order)
    assert "\n\nNot run in full yet, only in samples: `a`, `b`.\n" in page.read_text()
    markdown([found("a", 3, 2, "R"), found("b", 9, 0, "P")], page, "Words.", order)
    rows = [line for line in page.read_text().split("\n") if line.startswith("| ")][2:]
    assert [row.split(" | ")[0] for row in rows] == ["| a", "| b", "| c", "| all"]
    assert rows[2].split(" | ")[8] == "42.9 %"
    assert rows[3].split(" | ")[1] == "19"
    assert rows[3].split(" | ")[8] == "50.0 %"  # 2 of 3 and 3 of 7; b has no such family
    assert rows[3].strip("| ").split(" | ")[-1] == "6"
    assert "Not run" not in page.read_text()


def test_a_table_of_one_has_no_sums(tmp_path: Path) -> None:
    rows = table(
        [
            Survey(
                "a",
                mutants=4,
                killed=3,
                stopped=1,
                alone={"R": 3, "F": 0, "P": 1, "E": 0},
                has="RP",
            )
        ]
    )
    assert len(rows) == 1
    assert rows[0][:8] == ("a", "4", "1", "0", "3", "3", "0", "100.0 %")
    assert rows[0][8:12] == ("100.0 %", "-", "33.3 %", "-")
    markdown([], tmp_path / "new.md", "Words.")
    assert "Words." in (tmp_path / "new.md").read_text()
