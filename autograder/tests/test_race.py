"""A race compares right work with the reference's speed, in real workers, and costs no point."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.build import build
from autograder.course import Course
from autograder.errors import CourseError
from autograder.grading import grade_module
from autograder.inputs import Seed
from autograder.pool import Job, grade_all
from autograder.result import ExerciseResult, RaceResult
from autograder.sandbox import Sandbox
from autograder.submission import RawFile, find_students, read_module
from autograder.tests.toy_course import append, edit
from autograder.verify import verify

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
SCALE, BALANCE = "vol1_toys/scale", "vol1_toys/balance"
# Seconds and the figures of races in result.json, and what feedback says of them.
MEASURED = re.compile(
    r'"(seconds|ratio|speed)": [\d.e+-]+|[\d.]+ times the speed of the reference, [\d.,]+'
)
# A reference that takes its time where arrays are large: 200 products where one is enough.
WORK = "out: Floats = x * factor"
SLOW = """\
for _ in range(200 if x.size > 1000 else 1):
        out: Floats = x * factor"""
RACE = '''

@exercise.race(unit="numbers", laps=5, seconds=SECONDS)
def large_arrays(student, factor):
    """Scale 250,000 numbers."""

    def lap(rng):
        x = rng.standard_normal((500, 500))
        return x.size, student.scale(x, factor)

    return lap
'''


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("auto") as found:
        yield found


@pytest.fixture
def raced(toy: Course) -> Course:
    """The toys, `scale` with a race and a reference that could be faster."""
    edit(toy.root, f"solutions/{SCALE}.py", WORK, SLOW)
    append(toy.root, f"instructor/checks/{SCALE}.py", RACE.replace("SECONDS", "0.4"))
    build(toy)
    return toy


def graded(course: Course, sandbox: Sandbox, source: str, slug: str = SCALE) -> ExerciseResult:
    """`source` handed in as the exercise `slug`."""
    file = RawFile(Path(slug).name + ".py", "handed_in.py", source.encode())
    module = read_module(file, course.stub(slug), course.rules(slug))
    exercise, page = course.exercise(slug), course.page(slug)
    return grade_module(course, exercise, page, module, sandbox, Seed(b"race", "ann"))


def written(scale: str, before: str = "") -> str:
    """A module whose scale has this body."""
    return (
        f"import os\n\nimport numpy as np\n\n{before}\n\n"
        f"def scale(x, factor):\n    {scale}\n\n\n"
        "def scale_backward(dout, factor):\n    return dout * factor\n"
    )


def the_race(result: ExerciseResult) -> RaceResult:
    """The one race, of work that gets every point."""
    (race,) = result.races
    assert result.status == "graded" and result.points == result.max_points
    return race


def test_less_work_is_faster_and_more_is_slower(raced: Course, sandbox: Sandbox) -> None:
    reference = (raced.root / "solutions" / f"{SCALE}.py").read_text()
    same = the_race(graded(raced, sandbox, reference))
    once = the_race(graded(raced, sandbox, written("return x * factor")))
    often = "for _ in range(600):\n        out = x * factor\n    return out"
    slow = the_race(graded(raced, sandbox, written(often)))
    assert same.ratio and once.ratio and slow.ratio and same.speed and once.speed and slow.speed
    assert 0.6 < same.ratio < 1.6
    assert once.ratio > 1.5 * same.ratio and once.speed > 1.2 * same.speed
    assert slow.ratio < 0.6 * same.ratio and slow.speed < 0.8 * same.speed
    assert (same.name, same.title, same.unit, same.reason) == (
        *("large_arrays", "Scale 250,000 numbers.", "numbers"),
        "",
    )


def test_sleeping_beside_the_work_costs_nothing(raced: Course, sandbox: Sandbox) -> None:
    body = "time.sleep(0.1 if x.size > 1000 else 0.0)\n    return x * factor"
    race = the_race(graded(raced, sandbox, written(body, "import time")))
    assert race.ratio and race.ratio > 1.0


def test_work_that_is_not_right_is_not_run(raced: Course, sandbox: Sandbox) -> None:
    result = graded(raced, sandbox, written("return x + factor"))
    (race,) = result.races
    assert (race.ratio, race.speed) == (None, None)
    assert race.reason == "It is run once every check of the exercise passes."


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return x * 0", "The answers in it are not the reference's."),
        ("return None", "The answers in it are not the reference's."),
        ("raise KeyError(x.tobytes()[:9])", "It raised KeyError."),
        ("os._exit(0)", "It ended the process instead of returning."),
        ("return np.ones(1 << 29)", "It needs more memory than it is given."),
        (
            "while True:\n            pass",
            "It took too long: over 2.5 times the budget of 0.4 s.",
        ),
    ],
)
def test_what_goes_wrong_only_there_costs_the_figure_and_no_point(
    raced: Course, sandbox: Sandbox, body: str, reason: str
) -> None:
    source = written(f"if x.size > 1000:\n        {body}\n    return x * factor")
    race = the_race(graded(raced, sandbox, source))
    assert (race.ratio, race.speed, race.reason) == (None, None, reason)


def test_answers_that_are_remembered_are_of_no_use(raced: Course, sandbox: Sandbox) -> None:
    body = (
        "if x.size > 1000 and KEPT:\n        return KEPT[0]\n"
        "    out = x * factor\n    KEPT.extend([out] * (x.size > 1000))\n    return out"
    )
    race = the_race(graded(raced, sandbox, written(body, "KEPT = []")))
    assert race.reason == "The answers in it are not the reference's."


@pytest.mark.parametrize(
    ("lap", "kind"),
    [("return 1, student.scale(x, nothing)", "NameError"), ("return x.size", "TypeError")],
)
def test_a_race_of_ours_that_fails_is_our_fault_and_costs_no_point(
    toy: Course, sandbox: Sandbox, lap: str, kind: str
) -> None:
    broken = RACE.replace("SECONDS", "1").replace("return x.size, student.scale(x, factor)", lap)
    append(toy.root, f"instructor/checks/{SCALE}.py", broken)
    build(toy)
    race = the_race(graded(toy, sandbox, written("return x * factor")))
    assert race.reason == f"The fault is ours and not in your work ({kind})."


def test_a_reference_that_does_not_finish_is_our_fault(raced: Course, sandbox: Sandbox) -> None:
    edit(raced.root, f"solutions/{SCALE}.py", "range(200 if", "range(10**9 if")
    race = the_race(graded(raced, sandbox, written("return x * factor")))
    said = "The reference did not come to its end. The fault is ours and not in your work."
    assert race.reason == said


BALANCE_RACE = '''

@exercise.race(unit="rows", laps=5, seconds=2)
def many_rows(student):
    """Balance 500 rows."""

    def lap(rng):
        x = rng.standard_normal((500, 500))
        return len(x), student.balance(x, 2.0)

    return lap
'''


def test_what_a_worker_has_us_compute_for_it_is_its_own(toy: Course, sandbox: Sandbox) -> None:
    edit(toy.root, f"solutions/{SCALE}.py", WORK, SLOW)
    append(toy.root, f"instructor/checks/{BALANCE}.py", BALANCE_RACE)
    build(toy)
    source = "from .scale import scale\n\n\ndef balance(x, factor=2.0):\n    BODY\n"
    once = "return scale(x - x.mean(axis=-1, keepdims=True), factor)"
    never = "return factor * (x - x.mean(axis=-1, keepdims=True))"
    often = f"[scale(x, factor) for _ in range(4)]\n    {never}"
    ratios = []
    for body in (never, once, often):
        result = graded(toy, sandbox, source.replace("BODY", body), BALANCE)
        ratios.append(the_race(result).ratio or 0.0)
    assert ratios[0] > 1.3 * ratios[1] > 1.3 * 1.3 * ratios[2] > 0.0


def test_an_exercise_without_a_race_has_none(toy: Course, sandbox: Sandbox) -> None:
    build(toy)
    assert graded(toy, sandbox, written("return x * factor")).races == ()


def test_verify_says_whose_race_is_not_measured(raced: Course, sandbox: Sandbox) -> None:
    folder = raced.root / "instructor" / "checks" / "vol1_toys" / "alternatives" / "scale"
    (folder / "other.py").write_text(written("return x * (factor if x.size < 1000 else 1)"))
    problems = verify(raced, SCALE, seeds=1, sandbox=sandbox).problems
    said = (
        "the race large_arrays: other is not measured: The answers in it are not the reference's."
    )
    assert [p for p in problems if "race" in p] == [said]


def test_declaring_a_race_needs_a_sentence_and_a_name_of_its_own(raced: Course) -> None:
    path = append(raced.root, f"instructor/checks/{SCALE}.py", RACE.replace("SECONDS", "1"))
    with pytest.raises(CourseError, match="two races are called large_arrays; rename one"):
        raced.exercise(SCALE)
    text = path.read_text().replace('    """Scale 250,000 numbers."""\n', "")
    path.write_text(text.replace("def large_arrays", "def other", 1))
    with pytest.raises(CourseError, match="needs a docstring: the sentence that a student reads"):
        raced.exercise(SCALE)


def test_two_runs_differ_in_what_is_measured_and_in_nothing_else(
    raced: Course, tmp_path: Path
) -> None:
    path = raced.root / "handed_in" / "ann" / "scale.py"
    path.parent.mkdir(parents=True)
    path.write_text(written("return x * factor"))
    found = find_students(path.parents[1])
    runs = []
    for number in range(2):
        job = Job(raced.root, (SCALE,), tmp_path / str(number))
        ((result, _),) = grade_all(job, found)
        assert the_race(result.exercises[0]).ratio
        files = (job.out / "students" / "ann").iterdir()
        texts = {f.name: f.read_text(encoding="utf-8") for f in files}
        runs.append({name: MEASURED.sub("", text) for name, text in texts.items()})
    assert runs[0] == runs[1] and len(runs[0]) == 3
