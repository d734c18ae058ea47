"""The numbers of a report, computed from results and never from anything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from ..result import CheckResult, ExerciseResult, RaceResult, SubmissionResult
from .words import tone

BINS = 10
EXERCISE_STATUSES = ("graded", "missing", "unreadable", "not_graded")
TONES = {"ok": "passed", "wrong": "not right", "empty": "not attempted", "unknown": "not graded"}


@dataclass
class CheckRow:
    """How a class did on one check: how many students per tone, and out of how many."""

    function: str
    check: CheckResult
    tones: dict[str, int] = field(default_factory=dict)

    @property
    def students(self) -> int:
        return sum(self.tones.values())

    @property
    def shares(self) -> list[tuple[str, float, float]]:
        """(tone, left, width) of each part of the bar, in percent."""
        return _shares(self.tones)

    @property
    def spoken(self) -> str:
        """The bar in words."""
        counts = ((self.tones.get(kind, 0), word) for kind, word in TONES.items())
        return ", ".join(f"{n} {word}" for n, word in counts if n)


@dataclass(frozen=True)
class Standing:
    """How a class did on one exercise: points per tone, over all who handed it in."""

    tones: dict[str, float]

    @property
    def shares(self) -> list[tuple[str, float, float]]:
        """(tone, left, width) of each part of the bar, in percent."""
        return _shares(self.tones)

    @property
    def spoken(self) -> str:
        """The bar in words."""
        said = [f"{width:.0f} % {TONES[kind]}" for kind, _, width in self.shares]
        return "Of the points: " + (", ".join(said) or "nothing handed in")


def _shares(tones: Mapping[str, float]) -> list[tuple[str, float, float]]:
    parts, left = [], 0.0
    for kind in TONES:
        width = 100 * tones.get(kind, 0) / (sum(tones.values()) or 1)
        if width:
            parts.append((kind, left, width))
        left += width
    return parts


@dataclass(frozen=True)
class Mistake:
    """A mistake that was recognised, and the students whose values gave it away."""

    function: str
    name: str
    hint: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """Who ran in one race, the fastest first, and why others have no figure.

    `race` is a specimen: its name, sentence and unit are the same for all.
    """

    race: RaceResult
    runners: tuple[tuple[str, RaceResult], ...]
    not_measured: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def fastest(self) -> float:
        """The highest ratio."""
        return max((r.ratio or 0.0 for _, r in self.runners), default=0.0)


@dataclass(frozen=True)
class Summary:
    """A class in a few numbers. Students whose grading is not complete count in `open` only.

    `mean` and `median` are shares of the points that can be reached, 0 to 1; None without anyone.
    """

    complete: int
    open: int
    mean: float | None
    median: float | None
    bins: tuple[int, ...]


def in_order(results: Sequence[SubmissionResult]) -> list[SubmissionResult]:
    """The results sorted by the student's name, as a person expects it."""
    return sorted(results, key=lambda r: (r.student.casefold(), r.student))


def unknown_points(exercise: ExerciseResult) -> float:
    """The points of this exercise that we failed to grade: they are open, not lost."""
    if exercise.status == "not_graded":
        return exercise.max_points
    return _points_of(exercise, "not_graded")


def skipped_points(exercise: ExerciseResult) -> float:
    """The points of this exercise that need a device the grading machine does not have."""
    return _points_of(exercise, "skipped")


def is_known(exercise: ExerciseResult) -> bool:
    """Whether everything in this exercise was graded, so that its points are a grade."""
    return exercise.status != "not_graded" and not any(
        "not_graded" in (f.status, *(c.status for c in f.checks)) for f in exercise.functions
    )


def is_complete(result: SubmissionResult) -> bool:
    """Whether every exercise of this submission was graded, so that its total is a grade."""
    return all(is_known(exercise) for exercise in result.exercises)


def find(result: SubmissionResult, slug: str) -> ExerciseResult | None:
    """The exercise `slug` of one submission."""
    return next((e for e in result.exercises if e.exercise == slug), None)


def columns(results: Sequence[SubmissionResult]) -> list[ExerciseResult]:
    """One specimen of each exercise that occurs, in the order of the course."""
    seen: dict[str, ExerciseResult] = {}
    for result in results:
        for exercise in result.exercises:
            seen.setdefault(exercise.exercise, exercise)
    return list(seen.values())


def short_names(slugs: Sequence[str]) -> dict[str, str]:
    """Each slug without its folder, where that is not ambiguous."""
    last = [slug.rpartition("/")[2] for slug in slugs]
    return {s: n if last.count(n) == 1 else s for s, n in zip(slugs, last, strict=True)}


def summary(results: Sequence[SubmissionResult]) -> Summary:
    """Mean, median and distribution of the students whose grading is complete."""
    shares = [r.points / r.max_points if r.max_points else 0.0 for r in results if is_complete(r)]
    bins = [0] * BINS
    for share in shares:
        # A rounding error may not move somebody with 70 % into the bar below.
        bins[min(max(int(share * BINS + 1e-9), 0), BINS - 1)] += 1
    return Summary(
        complete=len(shares),
        open=len(results) - len(shares),
        mean=mean(shares) if shares else None,
        median=median(shares) if shares else None,
        bins=tuple(bins),
    )


def check_rows(results: Sequence[SubmissionResult], slug: str) -> list[CheckRow]:
    """How every hidden check of an exercise went, over the submissions in which it was run."""
    rows: dict[tuple[str, str], CheckRow] = {}
    for exercise in _of(results, slug):
        for function in exercise.functions:
            for check in function.checks:
                row = rows.setdefault((function.name, check.name), CheckRow(function.name, check))
                kind = tone(check.status)
                row.tones[kind] = row.tones.get(kind, 0) + 1
    return list(rows.values())


def standing(results: Sequence[SubmissionResult], slug: str) -> Standing:
    """What became of the points of an exercise, over the submissions in which it was graded."""
    tones: dict[str, float] = {}
    for exercise in _of(results, slug):
        for function in exercise.functions if exercise.status == "graded" else ():
            kind = tone(function.status)
            lost = "wrong" if kind == "ok" else kind
            tones["ok"] = tones.get("ok", 0.0) + function.points
            tones[lost] = tones.get(lost, 0.0) + function.max_points - function.points
    return Standing(tones)


def mistakes(results: Sequence[SubmissionResult], slug: str) -> list[Mistake]:
    """The mistakes recognised in an exercise, the most frequent first."""
    who: dict[tuple[str, str, str], dict[str, None]] = {}
    for result in results:
        for exercise in _of([result], slug):
            for function in exercise.functions:
                for check in function.checks:
                    if check.mistake:
                        key = (function.name, check.mistake, check.hint)
                        who.setdefault(key, {})[result.student] = None
    found = [Mistake(*key, tuple(students)) for key, students in who.items()]
    return sorted(found, key=lambda m: (-len(m.students), m.function, m.name))


def races(results: Sequence[SubmissionResult], slug: str) -> list[Field]:
    """The races of an exercise, over the submissions in which it was graded."""
    found: dict[str, list[tuple[str, RaceResult]]] = {}
    for result in in_order(results):
        for exercise in _of([result], slug):
            for race in exercise.races:
                found.setdefault(race.name, []).append((result.student, race))
    return [_field(entries) for entries in found.values()]


def _field(entries: Sequence[tuple[str, RaceResult]]) -> Field:
    reasons: dict[str, list[str]] = {}
    for student, race in entries:
        if race.ratio is None:
            reasons.setdefault(race.reason, []).append(student)
    ran = [(s, r) for s, r in entries if r.ratio is not None]
    ran.sort(key=lambda entry: -(entry[1].ratio or 0.0))
    return Field(entries[0][1], tuple(ran), tuple((w, tuple(s)) for w, s in reasons.items()))


def race_of(exercise: ExerciseResult, name: str) -> RaceResult | None:
    """The race `name` of one exercise."""
    return next((race for race in exercise.races if race.name == name), None)


def statuses(results: Sequence[SubmissionResult], slug: str) -> dict[str, int]:
    """How many submissions of an exercise were graded, missing, unreadable or not graded."""
    found = [exercise.status for exercise in _of(results, slug)]
    return {s: found.count(s) for s in EXERCISE_STATUSES if s in found}


def mean_points(results: Sequence[SubmissionResult], slug: str) -> float | None:
    """The mean of the points of an exercise, over the submissions in which they are known."""
    known = [e.points for e in _of(results, slug) if is_known(e)]
    return mean(known) if known else None


def _of(results: Sequence[SubmissionResult], slug: str) -> list[ExerciseResult]:
    return [e for result in results for e in result.exercises if e.exercise == slug]


def _points_of(exercise: ExerciseResult, status: str) -> float:
    return sum(
        sum(c.max_points for c in f.checks if c.status == status)
        or (f.max_points if f.status == status else 0.0)
        for f in exercise.functions
    )
