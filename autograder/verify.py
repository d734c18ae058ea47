"""A course that checks itself: is every exercise as strict, as fair and as helpful as it claims?"""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .course import Course
from .errors import CourseError, SubmissionError
from .exercise import Exercise
from .hints import planted_student
from .inputs import Seed
from .judge import Bench, Memo, grade_function
from .mistake import run_source
from .nulls import null_solutions
from .percent import Page
from .result import FunctionResult
from .source import StudentModule
from .student import LocalBackend, Student

# Few enough slips for a function as plain as relu; see COURSE conventions in CONTRIBUTING.
LEAST_MISTAKES, LEAST_ALTERNATIVES = 3, 3
# Checks that take long are run at the first of so many seeds, and on right solutions only: a
# mistake has to show in a check that recognises it.
LONG_EVERY = 20
# `grade_function` with the inputs of one seed.
Grade = Callable[[Exercise, str, Bench], FunctionResult]


@dataclass
class Verdict:
    """What `verify` found for one exercise: problems, and counts for the table."""

    exercise: str
    problems: list[str] = field(default_factory=list)
    checks: int = 0
    mistakes: int = 0
    recognised: int = 0
    nulls: int = 0
    alternatives: int = 0
    seeds: int = 0
    right: int = 0
    isolated: bool = False

    def add(self, problem: str) -> None:
        """Note a problem once."""
        if problem not in self.problems:
            self.problems.append(problem)


def verify(
    course: Course, slug: str, *, seeds: int, right: int = 0, sandbox: Any = None
) -> Verdict:
    """Check one exercise; without a `sandbox` the isolated part is left out and said so.

    Args:
        seeds: How many students' inputs everything is tried with.
        right: With how many the reference and the alternatives are, if that is more. They are few,
            and nothing of theirs may ever fail.
    """
    right = max(seeds, right)
    verdict = Verdict(slug, seeds=seeds, right=right, isolated=sandbox is not None)
    try:
        page, exercise = course.page(slug), course.exercise(slug)
    except CourseError as error:
        verdict.add(str(error))
        return verdict
    verdict.checks, verdict.mistakes = len(exercise.checks), len(exercise.mistakes)
    for problem in static_problems(page, exercise):
        verdict.add(problem)
    quick_ones = [c for c in exercise.checks if not c.seconds]
    failed_by: dict[tuple[str, str], int] = {(c.function, c.name): 0 for c in quick_ones}
    _drop_unplantable(exercise, verdict)
    others = _alternatives(course, exercise, page, verdict)
    for number in range(right):
        seed = Seed(b"verify" + bytes([number % 256, number // 256]))
        quick = partial(grade_function, seed=seed, memo=Memo(), long=False)
        grade = partial(quick, long=number % LONG_EVERY == 0)
        try:
            if not _reference_passes(exercise, page, grade, verdict):
                return verdict
            if number < seeds:
                _mistakes_are_caught(exercise, quick, verdict, failed_by)
                _nulls_earn_nothing(exercise, page, quick, verdict, failed_by)
            _alternatives_pass(exercise, page, others, grade, verdict)
        except CourseError as error:
            verdict.add(str(error))
            return verdict
    for (function, name), count in failed_by.items():
        if not count:
            verdict.add(
                f"{function}: nothing fails the check {name}; it is dead weight, or a mistake "
                "that it is there for has not been declared"
            )
    verdict.recognised = verdict.mistakes - sum("is recognised as" in p for p in verdict.problems)
    if sandbox is not None:
        _isolated(course, exercise, page, sandbox, verdict)
    return verdict


def _drop_unplantable(exercise: Exercise, verdict: Verdict) -> None:
    """Report mistakes that cannot be run, and go on without them."""
    for mistake in list(exercise.mistakes):
        try:
            exercise.planted(mistake)
        except CourseError as error:
            verdict.add(str(error))
            exercise.mistakes.remove(mistake)


def _alternatives(
    course: Course, exercise: Exercise, page: Page, verdict: Verdict
) -> dict[str, dict[str, Any]]:
    """The names that each right solution in another style defines."""
    paths = alternatives(course, page.slug)
    verdict.alternatives = len(paths)
    if len(paths) < LEAST_ALTERNATIVES:
        are = "alternative is" if len(paths) == 1 else "alternatives are"
        verdict.add(f"{len(paths)} {are} there, expected {LEAST_ALTERNATIVES}")
    found = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
            found[path.stem] = run_source(text, exercise.solution, str(path))
        except Exception as error:
            verdict.add(
                f"the alternative {path.stem} cannot be loaded: {type(error).__name__}: {error}"
            )
    return found


def _reference_passes(exercise: Exercise, page: Page, grade: Grade, verdict: Verdict) -> bool:
    fine = True
    for function in page.functions:
        bench = _local(vars(exercise.solution), exercise)
        result = grade(exercise, function, bench)
        for check in result.checks:
            if check.status != "passed":
                fine = False
                verdict.add(
                    f"{function}: the reference itself fails the check {check.name}: "
                    f"{check.message}"
                )
    return fine


def _mistakes_are_caught(
    exercise: Exercise,
    grade: Grade,
    verdict: Verdict,
    failed_by: dict[tuple[str, str], int],
) -> None:
    for mistake in exercise.mistakes:
        student = planted_student(exercise, mistake)
        bench = Bench(lambda student=student: student)  # type: ignore[misc]
        result = grade(exercise, mistake.function, bench)
        _count(result, failed_by)
        where = f"{mistake.function}: the mistake {mistake.name}"
        if result.points >= result.max_points:
            verdict.add(f"{where} gets full points; a check is missing")
            continue
        if not any(c.status == "failed" for c in result.checks):
            verdict.add(f"{where} raises instead of failing by value")
        hints = {c.hint for c in result.checks if c.hint}
        if hints != {mistake.hint}:
            names = ", ".join(sorted({c.mistake for c in result.checks if c.mistake})) or "nothing"
            verdict.add(f"{where} is recognised as {names}; the two need one hint, or other inputs")


def _nulls_earn_nothing(
    exercise: Exercise,
    page: Page,
    grade: Grade,
    verdict: Verdict,
    failed_by: dict[tuple[str, str], int],
) -> None:
    count = 0
    for function in page.functions:
        for name, names in null_solutions(exercise, function):
            count += 1
            result = grade(exercise, function, _local(names, exercise))
            _count(result, failed_by)
            if result.points:
                paid = [c.name for c in result.checks if c.points]
                verdict.add(
                    f"{function}: the null solution {name!r} earns {result.points:g} points "
                    f"({', '.join(paid)}); make these gates, or properties"
                )
    verdict.nulls = count


def alternatives(course: Course, slug: str) -> list[Path]:
    """The right solutions in other styles that must get full points."""
    volume, _, name = slug.partition("/")
    folder = course.root / "instructor" / "checks" / volume / "alternatives" / name
    return sorted(folder.glob("*.py"))


def _alternatives_pass(
    exercise: Exercise,
    page: Page,
    others: dict[str, dict[str, Any]],
    grade: Grade,
    verdict: Verdict,
) -> None:
    for name, names in others.items():
        for function in page.functions:
            result = grade(exercise, function, _local(names, exercise))
            for check in result.checks:
                if check.status != "passed":
                    verdict.add(
                        f"{function}: the alternative {name} is right but fails "
                        f"{check.name}: {check.message}"
                    )


def _isolated(
    course: Course, exercise: Exercise, page: Page, sandbox: Any, verdict: Verdict
) -> None:
    """The reference, the alternatives and the stub, read and run as submissions are."""
    from .grading import grade_module

    seed = Seed(b"verify isolated")
    source = course.root / "solutions" / f"{page.slug}.py"
    for path in [source, *alternatives(course, page.slug)]:
        module = _read(course, page, path, verdict)
        if module is None:
            continue
        result = grade_module(
            *(course, exercise, page, module, sandbox, seed), attached=exercise.example
        )
        if module.review or module.forbidden:
            verdict.add(f"{path.stem}: policy objects to it: {(*module.review, *module.forbidden)}")
        for function in result.functions:
            for check in (*function.checks, *function.visible):
                if check.status != "passed":
                    verdict.add(
                        f"{function.name}: {path.stem}, isolated, fails {check.name}: "
                        f"{check.message}"
                    )
        for race in result.races:
            if race.reason:
                verdict.add(f"the race {race.name}: {path.stem} is not measured: {race.reason}")
    stub = course.root / "starter_code" / f"{page.slug}.py"
    if not stub.is_file():
        verdict.add(f"starter_code/{page.slug}.py is missing; run `autograder build`")
        return
    module = _read(course, page, stub, verdict)
    if module is not None:
        result = grade_module(course, exercise, page, module, sandbox, seed)
        for function in result.functions:
            if function.points or function.status != "not_attempted":
                verdict.add(
                    f"{function.name}: the stub gets {function.points:g} points and says "
                    f"{function.status}, expected 0 and not_attempted"
                )


def _read(course: Course, page: Page, path: Path, verdict: Verdict) -> StudentModule | None:
    from .submission import RawFile, read_module

    file = RawFile(f"{page.name}.py", path.name, path.read_bytes())
    try:
        return read_module(file, course.stub(page.slug), course.rules(page.slug))
    except SubmissionError as error:
        verdict.add(f"{path.stem}: cannot be read as a submission: {error}")
        return None


def static_problems(page: Page, exercise: Exercise) -> Iterator[str]:
    """What can be seen without running anything: docstrings, counts, titles."""
    for function in page.functions:
        yield from _docstring_problems(exercise, function)
        known = [m for m in exercise.mistakes if m.function == function]
        if len(known) < LEAST_MISTAKES:
            yield f"{function}: {len(known)} mistakes are declared, expected {LEAST_MISTAKES}"
        kinds = {c.kind for c in exercise.checks_of(function)}
        for kind in ("R", "P", "E"):
            if kind not in kinds:
                yield f"{function}: there is no check of kind {kind}"
        if function.endswith("_backward") and "F" not in kinds:
            yield f"{function}: there is no check of kind F (finite differences)"
    names = [(m.function, m.name) for m in exercise.mistakes]
    for name in {n for n in names if names.count(n) > 1}:
        yield f"{name[0]}: two mistakes are called {name[1]}"


def _docstring_problems(exercise: Exercise, function: str) -> Iterator[str]:
    target = getattr(exercise.solution, function)
    text = inspect.getdoc(target) or ""
    if not text:
        yield f"{function}: there is no docstring"
        return
    for name in inspect.signature(target).parameters:
        if not re.search(rf"^\s*\*?{re.escape(name)}(, \w+)*:|^\s*(\w+, )+{name}:", text, re.M):
            yield f"{function}: the docstring does not describe the argument {name}"
    if not isinstance(target, type):
        annotation = ast.unparse(ast.parse(inspect.getsource(target)).body[0]).split("\n")[0]
        if "-> None" not in annotation and "Returns:" not in text:
            yield f"{function}: the docstring does not say what is returned"
    if "Source:" not in text:
        yield f"{function}: the docstring names no source"


def _local(names: dict[str, Any], exercise: Exercise) -> Bench:
    student = Student(LocalBackend(names, arrays=exercise.arrays))
    return Bench(lambda: student, attached=exercise.example)


def _count(result: FunctionResult, failed_by: dict[tuple[str, str], int]) -> None:
    for check in result.checks:
        if check.status != "passed":
            failed_by[(result.name, check.name)] += 1


def _state(problems: int) -> str:
    return f"{problems} problem{'' if problems == 1 else 's'}" if problems else "ok"


def table(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """Rows for the terminal: exercise, checks, mistakes, recognised, nulls, alternatives, state."""
    return [
        (
            v.exercise,
            str(v.checks),
            f"{v.recognised} of {v.mistakes}",
            str(v.nulls),
            str(v.alternatives),
            str(v.seeds) if v.right == v.seeds else f"{v.seeds}, right ones {v.right}",
            _state(len(v.problems)),
        )
        for v in verdicts
    ]
