"""A class is graded once, whatever happens in between; our own failures are never a zero."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.build import build
from autograder.course import Course
from autograder.pool import Grader, Job, grade_all
from autograder.result import ExerciseResult, SubmissionResult
from autograder.submission import find_students
from autograder.tests.toy_course import append

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
SLUG = "vol1_toys/scale"


@pytest.fixture
def job(toy: Course) -> Job:
    build(toy)
    return Job(toy.root, (SLUG,), toy.root / "graded")


@pytest.fixture
def grader(job: Job) -> Iterator[Grader]:
    (job.out / "students").mkdir(parents=True)
    found = Grader(job)
    try:
        yield found
    finally:
        found.close()


def hand_in(job: Job, student: str, body: str = "x * factor") -> None:
    source = (job.root / "solutions" / f"{SLUG}.py").read_text()
    path = job.root / "handed_in" / student / "scale.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source.replace("x * factor", body))


def run(job: Job, workers: int = 1) -> list[tuple[SubmissionResult, bool]]:
    return list(grade_all(job, find_students(job.root / "handed_in"), workers=workers))


def scale(result: SubmissionResult) -> ExerciseResult:
    return next(e for e in result.exercises if e.exercise == SLUG)


def without_times(text: str) -> object:
    measured = ("seconds", "ratio", "speed")

    def strip(value: object) -> object:
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k not in measured}
        return [strip(v) for v in value] if isinstance(value, list) else value

    return strip(json.loads(text))


def test_a_second_run_grades_nothing_and_a_changed_submission_alone(job: Job) -> None:
    for student in ("ann", "bob"):
        hand_in(job, student)
    assert [new for _, new in run(job)] == [True, True]
    assert [new for _, new in run(job)] == [False, False]
    hand_in(job, "bob", "factor * x")
    assert {r.student: new for r, new in run(job)} == {"ann": False, "bob": True}


def test_a_changed_check_grades_everybody_again(job: Job) -> None:
    hand_in(job, "ann")
    run(job)
    checks = job.root / "instructor" / "checks" / f"{SLUG}.py"
    checks.write_text(checks.read_text() + "\n# changed\n")
    assert [new for _, new in run(job)] == [True]


def test_a_damaged_result_is_graded_again(job: Job) -> None:
    hand_in(job, "ann")
    run(job)
    path = job.out / "students" / "ann" / "result.json"
    path.write_text(path.read_text()[:100])
    ((result, new),) = run(job)
    assert new and result.points == result.max_points


def test_one_worker_and_two_give_the_same_bytes_apart_from_times(job: Job, tmp_path: Path) -> None:
    for number in range(6):
        hand_in(job, f"student{number}", "x + factor" if number % 2 else "x * factor")
    run(job)
    other = Job(job.root, job.slugs, tmp_path / "again")
    run(other, workers=2)
    for number in range(6):
        texts = [
            (out / "students" / f"student{number}" / "result.json").read_text()
            for out in (job.out, other.out)
        ]
        assert without_times(texts[0]) == without_times(texts[1])


def test_inputs_differ_between_students_and_not_between_runs(job: Job, grader: Grader) -> None:
    from autograder.inputs import Seed
    from autograder.judge import draw_cases

    exercise, _ = grader.loaded(SLUG)
    check = exercise.checks[0]

    def x(student: str) -> list[float]:
        seed = Seed(grader.secret, student, "source")
        return list(draw_cases(exercise, check, seed)[0].values(("x",))["x"].ravel())

    assert x("ann") == x("ann") != x("bob")


def processes() -> Iterator[tuple[int, int, bytes]]:
    """Number, parent and command line of every process."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            yield int(entry.name), parent, (entry / "cmdline").read_bytes()


def workers_of(parent: int, level: str) -> list[int]:
    """Workers below `parent`; at level A a zygote is process 1 below what started it."""
    children: dict[int, list[tuple[int, bool]]] = {}
    for pid, above, command in processes():
        children.setdefault(above, []).append((pid, b"boot.py" in command))

    def below(process: int, depth: int) -> Iterator[int]:
        for pid, ours in children.get(process, []):
            if ours and not children.get(pid) and depth >= (2 if level == "A" else 1):
                yield pid
            yield from below(pid, depth + 1)

    return list(below(parent, 0))


class Killer(threading.Thread):
    """Kills the first `count` workers that live longer than a moment."""

    def __init__(self, count: int, level: str) -> None:
        super().__init__(daemon=True)
        self.left, self.level, self.stop = count, level, threading.Event()
        self.killed: set[int] = set()

    def run(self) -> None:
        seen: dict[int, float] = {}
        while self.left and not self.stop.is_set():
            now = time.monotonic()
            for pid in workers_of(os.getpid(), self.level):
                if now - seen.setdefault(pid, now) > 0.3 and pid not in self.killed and self.left:
                    os.kill(pid, signal.SIGKILL)
                    self.killed.add(pid)
                    self.left -= 1
            time.sleep(0.05)


@pytest.mark.parametrize(("kills", "status"), [(1, "graded"), (3, "not_graded")])
def test_a_worker_killed_from_outside_is_tried_once_more_and_then_not_graded(
    job: Job, grader: Grader, kills: int, status: str
) -> None:
    """Three kills: while calls are asked ahead, at the check itself, and at its second try."""
    hand_in(job, "ann", "(__import__('time').sleep(1.2), x * factor)[1]")
    (found,) = find_students(job.root / "handed_in")
    killer = Killer(kills, grader.sandbox.level)
    killer.start()
    try:
        result = scale(grader.grade(found)[0])
    finally:
        killer.stop.set()
        killer.join()
    assert killer.left == 0, result
    assert result.status == status
    if status == "not_graded":
        assert "killed from outside" in result.reason
        # Not graded is not remembered: the next run tries again.
        again, new = grader.grade(found)
        assert new and scale(again).status == "graded"


def test_a_supervisor_that_is_killed_is_replaced(job: Job) -> None:
    for number in range(8):
        hand_in(job, f"student{number}", "(__import__('time').sleep(0.05), x * factor)[1]")
    students = find_students(job.root / "handed_in")
    results = []
    killed = False
    for result, _ in grade_all(job, students, workers=2):
        results.append(result)
        if not killed:
            killed = True
            mine = [(pid, c) for pid, above, c in processes() if above == os.getpid()]
            spawned = [pid for pid, command in mine if b"spawn_main" in command]
            assert spawned
            os.kill(spawned[0], signal.SIGKILL)
    assert sorted(r.student for r in results) == sorted(f.student for f in students)
    assert all(r.points == r.max_points for r in results)


def test_the_supervisor_does_not_grow(job: Job, grader: Grader) -> None:
    """`make bench` prints the figure over 1,000 submissions; this is the leak that shows early."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    def some(first: int, count: int) -> None:
        for number in range(first, first + count):
            hand_in(job, f"student{number}", f"x * factor  # {number}")
        for found in find_students(job.root / "handed_in"):
            grader.grade(found)

    some(0, 40)
    before = resident()
    some(40, 60)
    assert resident() - before < 8 << 20


def test_a_check_of_ours_that_raises_costs_nobody_anything_and_stops_nothing(job: Job) -> None:
    broken = (
        '\n\n@exercise.satisfies("scale", points=1)\n'
        "def stumbles(student, x, factor):\n"
        '    """It stumbles over one student."""\n'
        "    if student.scale(x, factor)[0, 0] != x[0, 0] * factor:\n"
        '        raise RuntimeError("not foreseen")\n'
        "    return True\n"
    )
    append(job.root, "instructor/checks/vol1_toys/scale.py", broken)
    hand_in(job, "ann", "x * factor")
    hand_in(job, "bob", "x * factor + 1")
    found = find_students(job.root / "handed_in")
    ann, bob = (result for result, _ in grade_all(job, found))
    assert ann.points == ann.max_points
    (exercise,) = bob.exercises
    assert exercise.status == "not_graded"
    assert exercise.reason == "A check of ours raises RuntimeError: not foreseen"
