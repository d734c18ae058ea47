"""How good are the hidden checks of an exercise? Everything that one line of the table says."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..course import Course
from ..exercise import Exercise
from ..inputs import Seed
from ..judge import Bench, grade_function
from ..percent import Page
from ..student import LocalBackend, Student
from ..verify import alternatives, verify
from .alike import alike
from .combined import combined_problems
from .equivalents import Equivalent, equivalents, path_of, unused
from .make import Mutant, mutants
from .run import Fate, Log, Runner
from .search import hole
from .variations import variations

Row = tuple[str, ...]
FAMILIES = "RFPE"
MISSING = "Not run in full yet, only in samples:"
# Mutants that were given a hint are graded again with the inputs of these other students.
AGAIN = (b"hints 1", b"hints 2", b"hints 3")
# Pairs of mistakes per function; students whose inputs variations see. Then both for a sample.
PAIRS, SEEDS = 40, 5
FEW_PAIRS, FEW_SEEDS = 5, 1


@dataclass
class Survey:
    """What was found for one exercise.

    Attributes:
        exercise: Slug.
        mutants: How many were made and run.
        stopped: How many of them raise, hang or cannot be read: any test notices these.
        killed: How many return something wrong, and a check says so.
        equivalent: How many are recorded as right, with a reason.
        survivors: The others, each with what is known of where it is wrong.
        alone: Per family (R, F, P, E) how many mutants it kills on its own.
        hinted: How many killed mutants got a hint, and how many of these fit.
        pairs: How many pairs of declared mistakes were tried.
        variations: How many right variations were tried, each with several students' inputs.
        mistakes: How many are declared.
        recognised: How many of them are recognised as themselves.
        alternatives: How many right solutions in other styles get every point.
        problems: Whatever must be mended, one sentence each.
    """

    exercise: str
    mutants: int = 0
    stopped: int = 0
    killed: int = 0
    equivalent: int = 0
    survivors: list[tuple[Mutant, str, str]] = field(default_factory=list)
    alone: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAMILIES, 0))
    has: str = ""
    hinted: tuple[int, int] = (0, 0)
    pairs: int = 0
    variations: int = 0
    mistakes: int = 0
    recognised: int = 0
    alternatives: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Mutants that return something wrong: killed or not."""
        return self.killed + len(self.survivors)


def survey(
    runner: Runner,
    slug: str,
    *,
    sample: int = 0,
    course_too: bool = True,
    begin: Callable[[int], None] = lambda total: None,
    done: Callable[[], None] = lambda: None,
) -> Survey:
    """Make and run the mutants of one exercise, and the rest of what the table says.

    Args:
        runner: Runs them; what is known is kept in its job's folder.
        slug: The exercise.
        sample: Run only so many mutants, drawn with a fixed seed, and less of the rest; 0 for all.
        course_too: Verify the exercise with one seed as well; without it `mistakes`, `recognised`
            and `alternatives` stay 0.
        begin: Called with the number of mutants.
        done: Called after each.
    """
    start = time.perf_counter()
    course = runner.grader.course
    exercise, page = course.exercise(slug), course.page(slug)
    path = course.root / "solutions" / f"{slug}.py"
    source = path.read_text(encoding="utf-8")
    every = mutants(source, page, exercise.arrays, alike(exercise, page.functions))
    listed = equivalents(course, slug)
    found = Survey(slug, has="".join(k for k in FAMILIES if k in {c.kind for c in exercise.checks}))
    for entry in unused(listed, every):
        where = path_of(course, slug).relative_to(course.root).as_posix()
        found.problems.append(f"{where}: {entry.new!r} in {entry.function} is no mutant any more")
    chosen = _sample(every, sample)
    begin(len(chosen))
    log = Log(runner.job.out / f"{slug.replace('/', '-')}.jsonl")
    result = runner.fates(slug, chosen, log, done=done)
    _count(found, exercise, runner, slug, chosen, result, listed)
    hinted = [m for m in chosen if result[m.id].mistake]
    found.hinted = (len(hinted), _fitting(exercise, runner, slug, hinted, result, log))
    most, seeds = (FEW_PAIRS, FEW_SEEDS) if sample else (PAIRS, SEEDS)
    found.pairs, problems = combined_problems(exercise, most, Seed(b"pairs"))
    found.problems += problems
    found.variations, problems = _variations(course, exercise, page, source, seeds, not sample)
    found.problems += problems
    if course_too:
        checked = verify(course, slug, seeds=1)
        found.mistakes, found.recognised = checked.mistakes, checked.recognised
        found.alternatives = checked.alternatives
        found.problems += checked.problems
    found.seconds = time.perf_counter() - start
    return found


def _sample(every: Sequence[Mutant], sample: int) -> list[Mutant]:
    if not sample or sample >= len(every):
        return list(every)
    rng = np.random.default_rng(0)
    return [every[i] for i in sorted(rng.permutation(len(every))[:sample])]


def _count(
    found: Survey,
    exercise: Exercise,
    runner: Runner,
    slug: str,
    chosen: Sequence[Mutant],
    result: dict[str, Fate],
    listed: Sequence[Equivalent],
) -> None:
    found.mutants = len(chosen)
    for mutant in chosen:
        fate, known = result[mutant.id], [e for e in listed if e.is_of(mutant)]
        if known and fate.state != "survived":
            found.problems.append(
                f"{mutant.function}: recorded as equivalent, but a check fails it:\n{mutant.diff()}"
            )
        if fate.state == "stopped":
            found.stopped += 1
        elif fate.state == "killed":
            found.killed += 1
            for family in fate.families:
                found.alone[family] += 1
        elif known:
            found.equivalent += 1
        else:
            ran = sorted({c.kind for c in exercise.checks_of(mutant.function)})
            families = " ".join(k for k in FAMILIES if k in ran)
            found.survivors.append((mutant, families, hole(runner.grader, slug, mutant)))


def _fitting(
    exercise: Exercise,
    runner: Runner,
    slug: str,
    hinted: Sequence[Mutant],
    result: dict[str, Fate],
    log: Log,
) -> int:
    """How many hints fit: the mutant does what the mistake does for other students, too."""
    hints = {m.name: m.hint for m in exercise.mistakes}
    fits = {m.id: True for m in hinted}
    for seed in AGAIN:
        again = runner.fates(slug, hinted, log, seed=seed)
        for mutant in hinted:
            one, other = result[mutant.id].mistake, again[mutant.id].mistake
            fits[mutant.id] &= hints.get(one) == hints.get(other)
    return sum(fits.values())


def _variations(
    course: Course, exercise: Exercise, page: Page, source: str, seeds: int, long: bool
) -> tuple[int, list[str]]:
    """How many right variations were tried, and which lost a point."""
    tried, problems = 0, []
    texts = {"reference": source} | {
        p.stem: p.read_text(encoding="utf-8") for p in alternatives(course, page.slug)
    }
    for style, text in texts.items():
        for name, names in variations(exercise, text, page.functions):
            tried += 1
            what = f"{style} with {name}"
            problems += _false_failures(exercise, page, names, what, seeds, long)
    return tried, problems


def _false_failures(
    exercise: Exercise, page: Page, names: dict[str, Any], what: str, seeds: int, long: bool
) -> list[str]:
    student = Student(LocalBackend(names, arrays=exercise.arrays))
    for number in range(seeds):
        for function in page.functions:
            bench = Bench(lambda: student, attached=exercise.example)
            seed = Seed(b"variation %d" % number)
            result = grade_function(exercise, function, bench, seed, long=long and not number)
            for check in result.checks:
                if check.status != "passed":
                    return [f"{function}: {what} is right but fails {check.name}: {check.message}"]
    return []


def table(surveys: Sequence[Survey]) -> list[Row]:
    """One row per exercise for the terminal and for docs/test-quality.md, and one of sums."""
    return _with_sums([_row(s) for s in surveys])


def _with_sums(rows: Sequence[Row]) -> list[Row]:
    return [*rows, _sums(rows)] if len(rows) > 1 else list(rows)


HEADINGS = (
    "exercise",
    "mutants",
    "stop by themselves",
    "equivalent",
    "wrong",
    "killed",
    "survivors",
    "kill rate",
    "R alone",
    "F alone",
    "P alone",
    "E alone",
    "hints given",
    "hints fitting",
    "mistakes",
    "recognised",
    "pairs",
    "alternatives",
    "variations",
    "seconds",
)


def _row(of: Survey) -> Row:
    alone = (_rate(of.alone[k], of.wrong if k in of.has else 0) for k in FAMILIES)
    counts = (of.mutants, of.stopped, of.equivalent, of.wrong, of.killed, len(of.survivors))
    rest = (*of.hinted, of.mistakes, of.recognised, of.pairs, of.alternatives, of.variations)
    return (
        of.exercise,
        *map(str, counts),
        _rate(of.killed, of.wrong),
        *alone,
        *map(str, rest),
        f"{of.seconds:.0f}",
    )


def _sums(rows: Sequence[Row]) -> Row:
    """The last row. A rate, printed to a tenth of a percent, gives its count back."""
    columns = dict(zip(HEADINGS, zip(*rows, strict=True), strict=True))
    wrong = [int(n) for n in columns["wrong"]]

    def cell(heading: str) -> str:
        column = columns[heading]
        if heading == "kill rate":
            return _rate(sum(map(int, columns["killed"])), sum(wrong))
        if heading.endswith(" alone"):
            rates = [
                (float(r.removesuffix(" %")), n)
                for r, n in zip(column, wrong, strict=True)
                if r != "-"
            ]
            return _rate(sum(round(r * n / 100) for r, n in rates), sum(n for _, n in rates))
        return str(sum(map(int, column)))

    return ("all", *(cell(heading) for heading in HEADINGS[1:]))


def _rate(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def markdown(surveys: Sequence[Survey], path: Path, words: str, slugs: Sequence[str] = ()) -> None:
    """Write the table into the marked part of a page, and leave the rest of it as it is.

    Args:
        surveys: The exercises whose rows are renewed.
        path: The page.
        words: What stands above the table.
        slugs: The exercises whose rows stay if they are there, and the order of all.
    """
    begin, end = "<!-- table -->", "<!-- end of table -->"
    text = path.read_text(encoding="utf-8") if path.is_file() else f"{begin}\n{end}\n"
    head, _, rest = text.partition(begin)
    old, _, tail = rest.partition(end)
    rows = {s.exercise: _row(s) for s in surveys}
    rows = {row[0]: row for row in _printed(old) if row[0] in slugs} | rows
    ordered = [rows[slug] for slug in dict.fromkeys((*slugs, *rows)) if slug in rows]
    lines = ["| " + " | ".join(HEADINGS) + " |", "| --- |" + " ---: |" * (len(HEADINGS) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in _with_sums(ordered)]
    if missing := [f"`{slug}`" for slug in slugs if slug not in rows]:
        lines += ["", f"{MISSING} {', '.join(missing)}."]
    from ..report import write_text

    write_text(path, f"{head}{begin}\n\n{words}\n\n" + "\n".join(lines) + f"\n\n{end}{tail}")


def _printed(table: str) -> list[Row]:
    """The rows of a table that was printed before."""
    rows = [tuple(line.strip("| ").split(" | ")) for line in table.split("\n") if "|" in line]
    return [row for row in rows if len(row) == len(HEADINGS)]
