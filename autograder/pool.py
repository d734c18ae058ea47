"""Grading a class: one result per submission, written as soon as it is there, resumable.

Every supervisor is a process with its own zygotes. A result is keyed by everything that could
change it, so a second run skips what is unchanged and a killed run continues.
"""

import hashlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .course import Course
from .errors import AutograderError
from .grading import grade_module
from .inputs import Seed
from .percent import Page
from .report import write_feedback, write_text
from .result import ExerciseResult, SubmissionResult
from .submission import Found, Reading, read_submission, safe_name

if TYPE_CHECKING:
    from .exercise import Exercise
    from .sandbox import Sandbox

ENGINE = Path(__file__).parent


@dataclass(frozen=True)
class Job:
    """What one grading run does; the same for every submission of it.

    Attributes:
        root: The course's folder.
        slugs: The exercises to grade, in course order.
        out: Where results go: `students/<name>/result.json` and more.
        level: Isolation level, or "auto".
    """

    root: Path
    slugs: tuple[str, ...]
    out: Path
    level: str = "auto"


@dataclass
class Grader:
    """One supervisor: the course loaded once, the sandbox kept warm."""

    job: Job
    exercises: dict[str, "Exercise"] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    stubs: dict[str, Page] = field(default_factory=dict)

    @cached_property
    def course(self) -> Course:
        return Course(self.job.root)

    @cached_property
    def not_asked_for(self) -> set[str]:
        """The names of the course's other exercises."""
        every, asked = (
            {slug.rpartition("/")[2].lower() for slug in slugs}
            for slugs in (self.course.slugs, self.job.slugs)
        )
        return every - asked

    @cached_property
    def secret(self) -> bytes:
        return self.course.secret()

    @cached_property
    def sandbox(self) -> "Sandbox":
        from .sandbox import Sandbox

        return Sandbox(self.job.level)  # type: ignore[arg-type]

    @cached_property
    def base_key(self) -> bytes:
        """Hash of engine, checks, sources, NumPy, level and secret: all but the submission."""
        import numpy as np

        parts = [__version__, np.__version__, self.sandbox.level, Seed(self.secret).secret_id]
        digest = hashlib.sha256("\0".join(parts).encode())
        root = self.course.root
        for path in [
            *sorted(ENGINE.glob("*.py")),
            *sorted(ENGINE.glob("sandbox/*.py")),
            root / "instructor" / "course.toml",
            *sorted(root.glob("solutions/vol*/*.py")),
            *sorted(root.glob("starter_code/given/*.py")),
            *sorted(root.glob("datasets/*.py")),
            *(root / "instructor" / "checks" / f"{slug}.py" for slug in self.job.slugs),
        ]:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.digest()

    def stub(self, slug: str) -> Page:
        """The page as students got it, parsed once."""
        if slug not in self.stubs:
            self.stubs[slug] = self.course.stub(slug)
        return self.stubs[slug]

    def loaded(self, slug: str) -> tuple["Exercise", Page]:
        """An exercise's checks and page, loaded when the first submission needs them."""
        if slug not in self.exercises:
            self.exercises[slug] = self.course.exercise(slug)
            self.pages[slug] = self.course.page(slug)
        return self.exercises[slug], self.pages[slug]

    def grade(self, found: Found) -> tuple[SubmissionResult, bool]:
        """Grade one submission and write its files; False if it was unchanged."""
        start = time.perf_counter()
        reading = read_submission(
            found,
            {slug: self.stub(slug) for slug in self.job.slugs},
            {slug: self.course.rules(slug) for slug in self.job.slugs},
            self.not_asked_for,
        )
        key = self._key(found, reading)
        folder = self.job.out / "students" / safe_name(found.student)
        old = _previous(folder / "result.json")
        if old is not None and old.key == key and not old.not_graded:
            return old, False
        with _shared_lock(self.job.out) as alone:
            exercises = tuple(self._exercise(found, reading, s, alone) for s in self.job.slugs)
        result = SubmissionResult(
            student=found.student,
            points=sum(e.points for e in exercises),
            max_points=sum(e.max_points for e in exercises),
            isolation=self.sandbox.level,
            engine=__version__,
            secret_id=Seed(self.secret).secret_id,
            key=key,
            exercises=exercises,
            notices=reading.notices,
            seconds=round(time.perf_counter() - start, 3),
        )
        write_feedback(result, folder)
        write_text(folder / "result.json", result.to_json())
        return result, True

    def _key(self, found: Found, reading: Reading) -> str:
        read = [
            (
                slug,
                module.sha256,
                module.notices,
                module.review,
                sorted(module.forbidden.items()),
                sorted(module.broken.items()),
            )
            for slug, module in sorted(reading.modules.items())
        ]
        told = (
            found.student,
            read,
            sorted(reading.unreadable.items()),
            reading.notices,
            reading.problems,
            [(s, hashlib.sha256(f.data).hexdigest()) for s, f in sorted(reading.attached.items())],
        )
        return hashlib.sha256(self.base_key + repr(told).encode()).hexdigest()

    def _exercise(
        self, found: Found, reading: Reading, slug: str, alone: "Alone"
    ) -> ExerciseResult:
        module = reading.modules.get(slug)
        if module is not None and not reading.problems:
            exercise, page = self.loaded(slug)
            seed = Seed(self.secret, found.student, module.sha256)
            file, attachment = reading.attached.get(slug), exercise.attachment
            return grade_module(
                *(self.course, exercise, page, module, self.sandbox, seed),
                alone=alone,
                attached=attachment.read(file) if attachment and file else None,
            )
        blank = self._blank(slug)
        if reading.problems:
            return replace(blank, status="not_graded", reason=" ".join(reading.problems))
        if slug in reading.unreadable:
            return replace(blank, status="unreadable", reason=reading.unreadable[slug])
        return blank

    def _blank(self, slug: str) -> ExerciseResult:
        from .build import version

        exercise, page = self.loaded(slug)
        return ExerciseResult(
            exercise=slug,
            title=page.title,
            version=version(page),
            status="missing",
            points=0.0,
            max_points=sum(float(exercise.points(f)) for f in page.functions),
        )

    def close(self) -> None:
        """End the sandbox if it was started."""
        if "sandbox" in self.__dict__:
            self.sandbox.close()


class Alone:
    """Lets one supervisor run while all others on the same output folder wait.

    Used for the second try of a check that timed out: a busy machine must not cost points.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @contextmanager
    def __call__(self) -> Iterator[None]:
        import fcntl

        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self.descriptor, fcntl.LOCK_SH)


@contextmanager
def _shared_lock(out: Path) -> Iterator[Alone]:
    import fcntl

    descriptor = os.open(out / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield Alone(descriptor)
    finally:
        os.close(descriptor)


@lru_cache(maxsize=1)
def _grader(job: Job) -> Grader:
    """The grader of this process; one process serves one job."""
    return Grader(job)


def _grade_in_process(job: Job, found: Found) -> tuple[SubmissionResult, bool]:
    return _grader(job).grade(found)


def settle_down(started: Any) -> None:
    """Prepare a supervisor's process.

    It finishes what it grades: Ctrl-C is for the parent, which stops handing out work. And it keeps
    to one core, where there is one for each: it and its worker take turns, so they share caches.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with started.get_lock():
        number, started.value = started.value, started.value + 1
    cores = sorted(os.sched_getaffinity(0))
    if number < len(cores):
        os.sched_setaffinity(0, {cores[number]})


def grade_all(
    job: Job, students: Sequence[Found], *, workers: int = 1
) -> Iterator[tuple[SubmissionResult, bool]]:
    """Grade `students`, yielding each result as it is written, and whether it is new.

    Raises:
        AutograderError: The output folder cannot be written, or isolation cannot be had.
    """
    _prepare(job.out)
    if workers == 1 or len(students) <= 1:
        grader = Grader(job)
        try:
            for found in students:
                yield grader.grade(found)
        finally:
            grader.close()
        return
    left, crashed = list(students), dict[str, int]()
    while left:
        try:
            for found, outcome in _run_pool(job, left, workers):
                left.remove(found)
                yield outcome
        except BrokenProcessPool:
            # One supervisor died, and which submission it had is not known: everything that is
            # left is tried again, one process at a time, and a submission that does it twice
            # is left ungraded.
            found = left[0]
            crashed[found.student] = crashed.get(found.student, 0) + 1
            workers = 1
            if crashed[found.student] > 2:
                raise AutograderError(
                    f"the grading process dies on the submission of {found.student}; take it "
                    "out, grade the others, and report this as a bug"
                ) from None


def _run_pool(
    job: Job, students: Sequence[Found], workers: int
) -> Iterator[tuple[Found, tuple[SubmissionResult, bool]]]:
    spawn = get_context("spawn")
    executor = ProcessPoolExecutor(
        workers, mp_context=spawn, initializer=settle_down, initargs=(spawn.Value("i", 0),)
    )
    waiting = list(reversed(students))
    running: dict[Future[tuple[SubmissionResult, bool]], Found] = {}
    try:
        while waiting or running:
            while waiting and len(running) < 2 * workers:
                found = waiting.pop()
                running[executor.submit(_grade_in_process, job, found)] = found
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _prepare(out: Path) -> None:
    try:
        (out / "students").mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise AutograderError(
            f"{out}: results cannot be written there ({error.strerror}); choose another --out"
        ) from error


def _previous(path: Path) -> SubmissionResult | None:
    try:
        return SubmissionResult.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
