"""What an instructor reads about a class: one page with everything in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ..result import CheckResult, ExerciseResult, SubmissionResult
from . import figures, page
from .words import count, exercise_word, points, some_points, status_word

# With more exercises than this, only their headings are shown until a person opens one.
MOST_UNFOLDED = 3
# How many of the fastest are shown before a person asks for all.
MOST_RUNNERS = 10
# How many mistakes of an exercise are shown before a person asks for all.
MOST_MISTAKES = 5


@dataclass(frozen=True)
class Section:
    """One exercise over the whole class."""

    exercise: ExerciseResult
    mean: float | None
    counts: str
    standing: figures.Standing
    functions: tuple[tuple[str, list[figures.CheckRow]], ...]
    mistakes: tuple[figures.Mistake, ...]
    races: tuple[figures.Field, ...]


@dataclass(frozen=True)
class Remark:
    """Something to read about one student's work in one place (an exercise, or "")."""

    student: str
    place: str
    text: str


@dataclass(frozen=True)
class Bar:
    """A bar of the histogram, in percent of the width and of the height."""

    label: str
    students: int
    left: float
    height: float


def class_html(
    results: Sequence[SubmissionResult],
    problems: Sequence[tuple[str, str]],
    *,
    title: str,
    feedback_paths: Mapping[str, str],
    when: str,
) -> str:
    """The page; see `autograder.report.write_class_report`."""
    ordered = figures.in_order(results)
    specimens = figures.columns(results)
    summary = figures.summary(ordered)
    return page.html(
        "class.html.j2",
        title=title,
        when=when,
        results=ordered,
        problems=sorted(problems),
        links=feedback_paths,
        tiles=_tiles(ordered, summary),
        summary=summary,
        bars=_bars(summary),
        histogram_label=_spoken(summary),
        specimens=specimens,
        names=figures.short_names([e.exercise for e in specimens]),
        chapters=_chapters([_section(ordered, e) for e in specimens]),
        folded=len(specimens) > MOST_UNFOLDED,
        most_mistakes=MOST_MISTAKES,
        most_runners=MOST_RUNNERS,
        not_graded=_open(ordered),
        review=_review(ordered),
        repaired=_repaired(ordered),
        find=figures.find,
        remark=_remark,
    )


def _tiles(
    results: Sequence[SubmissionResult], summary: figures.Summary
) -> list[tuple[str, str, str]]:
    """(name, value, addition) of each figure in the header."""
    maxima = {r.max_points for r in results}
    of = f"of {points(maxima.pop())} points" if len(maxima) == 1 else ""
    top = max((r.max_points for r in results), default=0.0)

    def shown(share: float | None) -> str:
        if share is None:
            return "none yet"
        return points(share * top) if of else f"{100 * share:.0f} %"

    seconds = [r.seconds for r in results]
    each = f"median {median(seconds):.2f} s each" if seconds else ""
    trusted = any(r.isolation == "trusted" for r in results)
    isolated = "trusted code ran without isolation" if trusted else "level"
    return [
        ("students", str(len(results)), f"{summary.open} not fully graded" if summary.open else ""),
        ("mean", shown(summary.mean), of),
        ("median", shown(summary.median), of),
        ("grading time", f"{sum(seconds):.1f} s", each),
        ("isolation", _all(r.isolation for r in results), isolated),
        ("engine", _all(r.engine for r in results), ""),
        ("secret", _all(r.secret_id for r in results), "id"),
    ]


def _all(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values)) or "none"


def _bars(summary: figures.Summary) -> list[Bar]:
    top = max(summary.bins, default=0) or 1
    wide = 100 / figures.BINS
    return [Bar(_range(i), n, i * wide, 100 * n / top) for i, n in enumerate(summary.bins)]


def _range(index: int) -> str:
    return f"{100 * index // figures.BINS}-{100 * (index + 1) // figures.BINS} %"


def _spoken(summary: figures.Summary) -> str:
    said = [f"{count(n, 'student')} at {_range(i)}" for i, n in enumerate(summary.bins) if n]
    return "Distribution of totals: " + (", ".join(said) or "nobody is graded yet")


def _section(results: Sequence[SubmissionResult], specimen: ExerciseResult) -> Section:
    slug = specimen.exercise
    counted = figures.statuses(results, slug)
    words = {"missing": "not handed in", "not_graded": "not graded"}
    return Section(
        exercise=specimen,
        mean=figures.mean_points(results, slug),
        counts=", ".join(f"{n} {words.get(status, status)}" for status, n in counted.items()),
        standing=figures.standing(results, slug),
        functions=tuple(_by_function(figures.check_rows(results, slug)).items()),
        mistakes=tuple(figures.mistakes(results, slug)),
        races=tuple(figures.races(results, slug)),
    )


def _chapters(sections: Sequence[Section]) -> list[tuple[str, list[Section]]]:
    """The sections by folder; with one folder, under no name."""
    grouped: dict[str, list[Section]] = {}
    for section in sections:
        grouped.setdefault(section.exercise.exercise.rpartition("/")[0], []).append(section)
    return list(grouped.items()) if len(grouped) > 1 else [("", list(sections))]


def _by_function(rows: Sequence[figures.CheckRow]) -> dict[str, list[figures.CheckRow]]:
    grouped: dict[str, list[figures.CheckRow]] = {}
    for row in rows:
        grouped.setdefault(row.function, []).append(row)
    return grouped


def _remark(result: SubmissionResult) -> str:
    """The last cell of a student's row: what is open, what to look at, what was repaired."""
    open_points = sum(figures.unknown_points(e) for e in result.exercises)
    said = [f"{some_points(open_points)} not graded"] if not figures.is_complete(result) else []
    skipped = sum(figures.skipped_points(e) for e in result.exercises)
    said += [f"{some_points(skipped)} skipped"] if skipped else []
    review = sum(len(e.review) for e in result.exercises)
    said += [f"{review} to look at"] if review else []
    repaired = len(result.notices) + sum(len(e.notices) for e in result.exercises)
    said += [f"{repaired} repaired"] if repaired else []
    return ", ".join(said)


def _merged(found: Sequence[Remark]) -> list[Remark]:
    """Remarks of which none says the same of the same student in several places."""
    places: dict[tuple[str, str], list[str]] = {}
    for remark in found:
        places.setdefault((remark.student, remark.text), []).append(remark.place)
    return [Remark(who, _places(there), text) for (who, text), there in places.items()]


def _places(there: Sequence[str]) -> str:
    """A few by name, many by number."""
    return ", ".join(there) if len(there) <= 3 else f"{there[0]} and {len(there) - 1} more"


def _open(results: Sequence[SubmissionResult]) -> list[Remark]:
    """Why something has no grade: the exercise as a whole, or single checks of it."""
    found = []
    for result in results:
        for exercise in result.exercises:
            if exercise.status in ("not_graded", "unreadable"):
                text = f"{exercise_word(exercise)}: {exercise.reason}"
                found.append(Remark(result.student, exercise.exercise, text))
            for function in exercise.functions:
                place = f"{exercise.exercise}, {function.name}"
                found += [
                    Remark(result.student, place, _why(check))
                    for check in function.checks
                    if check.status in ("not_graded", "skipped")
                ]
    return _merged(found)


def _why(check: CheckResult) -> str:
    said = f"{check.name} {status_word(check.status)}"
    return f"{said}: {check.message}" if check.message else said


def _review(results: Sequence[SubmissionResult]) -> list[Remark]:
    return _merged(
        [
            Remark(result.student, exercise.exercise, text)
            for result in results
            for exercise in result.exercises
            for text in exercise.review
        ]
    )


def _repaired(results: Sequence[SubmissionResult]) -> list[Remark]:
    found = []
    for result in results:
        found += [Remark(result.student, "", text) for text in result.notices]
        for exercise in result.exercises:
            found += [Remark(result.student, exercise.exercise, t) for t in exercise.notices]
    return _merged(found)
