"""All submissions of an assignment that one command is about, graded together."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import AutograderError
from ..result import SubmissionResult
from ..submission import safe_name

# A supervisor takes about a second to start, in which another one grades this many.
WORTH_A_WORKER = 8
DIED = "the grading process dies on this submission; report that as a bug, with the lines above"


@dataclass(frozen=True)
class Task:
    """What `pool.Job` is told; grading itself is imported by the process that grades, not here.

    Attributes:
        root: The course's folder.
        slugs: The exercises of the assignment.
        out: Where results are kept from run to run.
        level: Isolation level, or "auto".
    """

    root: Path
    slugs: tuple[str, ...]
    out: Path
    level: str


@dataclass
class Batch:
    """Grades in the background, in the order of nbgrader, which writes its gradebook meanwhile.

    Attributes:
        task: What is graded, and how.
        workers: How many supervisors; 0: as many as help.
        paths: A student's notebooks, whether they exist or not.
        log: nbgrader's.
    """

    task: Task
    workers: int
    paths: Callable[[str], tuple[Path, ...]]
    log: Any
    left: list[str] = field(default_factory=list)
    graded: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)
    records: Iterator[None] | None = None

    def begin(self, students: Sequence[str]) -> None:
        """Begin to grade `students`; `of` waits for each."""
        self.left = list(students)
        workers = self.workers or _useful_workers(len(self.left))
        self.log.info("Grading %d submissions in isolation, %d at a time", len(self.left), workers)
        self.records = self._take_all(workers)

    def of(self, student: str) -> SubmissionResult:
        """The result of a student, as soon as it is there.

        Raises:
            AutograderError: There is none; the sentence says why.
        """
        if student not in (*self.graded, *self.problems, *self.left):
            self._take_until(lambda: False)
            self.begin([student])
        self._take_until(lambda: bool(self.left) and student not in self.left)
        if student in self.problems:
            raise AutograderError(self.problems[student])
        path = self.task.out / "students" / safe_name(student) / "result.json"
        try:
            return SubmissionResult.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise AutograderError(f"{path}: cannot be read: {error}") from error

    def _take_until(self, enough: Callable[[], bool]) -> None:
        """Take note of records until `enough` says so, or there are no more."""
        while not enough() and self.records is not None:
            if next(self.records, True):
                self.records = None

    def _take_all(self, workers: int) -> Iterator[None]:
        """Take note of one record after the other, until nobody is left."""
        fresh, total, before = 0, len(self.left), len(self.problems)
        while self.left:
            for record in self._run(self.left, workers):
                fresh += bool(record.get("fresh"))
                self._take(record)
                yield
            # It told of everybody, or it died; if it was one process, on the next in turn.
            if self.left and workers == 1:
                self.problems[self.left.pop(0)] = DIED
            workers = 1
        failed = len(self.problems) - before
        same = total - fresh - failed
        self.log.info("%d graded, %d unchanged since they were graded", fresh, same)
        if failed:
            self.log.error("%d not graded; each one's error says why", failed)

    def _take(self, record: dict[str, Any]) -> None:
        if "problem" in record:
            self.problems |= dict.fromkeys(self.left, record["problem"])
            self.left.clear()
        elif "failed" in record:
            self.problems[record["failed"]] = record["said"]
            self.left.remove(record["failed"])
        else:
            self.graded.add(record["student"])
            self.left.remove(record["student"])

    def _run(self, students: Sequence[str], workers: int) -> Iterator[dict[str, Any]]:
        """Whatever the grading process tells."""
        task = self.task
        order: dict[str, Any] = {"root": str(task.root), "slugs": task.slugs, "out": str(task.out)}
        order |= {"level": task.level, "workers": workers}
        handed_in = [[s, [str(p) for p in self.paths(s) if os.path.lexists(p)]] for s in students]
        package = Path(__file__).resolve().parents[2]
        path = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH", "")])])
        # -P: nothing in the folder where nbgrader runs is to be imported.
        with subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.supervise"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            with process.stdin as pipe:
                json.dump({**order, "students": handed_in}, pipe)
            for line in process.stdout:
                yield json.loads(line)


def _useful_workers(submissions: int) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return max(1, min(cores, submissions // WORTH_A_WORKER))


def wanted(converter: Any, assignment: str) -> list[str]:
    """The students whom this run of nbgrader's Autograde is going to grade, sorted.

    A guess that only costs time where it is wrong: nbgrader decides again, one by one.
    """
    where = converter.coursedir
    pattern = where.format_path(
        where.submitted_directory, "(?P<student>.*)", re.escape(assignment), escape=True
    )
    matches = [re.fullmatch(pattern, folder) for folder in converter.assignments]
    everybody = sorted(m["student"] for m in matches if m)
    excluded = where.student_id_exclude.split(",")
    return [s for s in everybody if s not in excluded and _is_due(converter, assignment, s)]


def _is_due(converter: Any, assignment: str, student: str) -> bool:
    where = converter.coursedir
    before = where.format_path(where.autograded_directory, student, assignment)
    if converter.force or where.notebook_id != "*" or not os.path.exists(before):
        return True
    now = where.format_path(where.submitted_directory, student, assignment)
    try:
        old, new = where.get_existing_timestamp(before), where.get_existing_timestamp(now)
    except Exception:  # a broken timestamp.txt is that student's problem, later
        return False
    return old is not None and new is not None and new > old
