"""How fast grading is, in one run on one assignment: floors, ours, stock nbgrader.

Run as `python -m autograder.bench`; prints a Markdown table. The assignment is the list
`bench.exercises` of instructor/course.toml, answered by the references. Nothing here is a test.
"""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .course import Course
from .exercise import Exercise
from .inputs import Seed
from .judge import Bench, grade_function
from .percent import END, Page
from .pool import Grader, Job, grade_all
from .report import write_feedback, write_text
from .student import LocalBackend, Student
from .submission import find_students, read_submission

FEW, MANY = 20, 120
STOCK_FEW, STOCK_MANY = 1, 6
EXTRA_WORKERS = 2


@dataclass(frozen=True)
class Row:
    """One line of the table; seconds per submission, wall and CPU."""

    name: str
    wall: float
    cpu: float | None = None


def main() -> None:
    """Measure everything and print it."""
    course = Course.find()
    slugs = course.known(course.settings["bench"]["exercises"])
    pairs = [(course.exercise(s), course.page(s)) for s in slugs]
    functions = sum(len(page.functions) for _, page in pairs)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        rows = [*floors(pairs), *ours(course, slugs, work)]
        stages = where_it_goes(course, slugs, pairs, work)
        stock = stock_nbgrader(pairs, work)
        command = cold_command(course, work)
        memory = memory_over(course, slugs[:1], work)
    print(f"Assignment: {', '.join(slugs)} ({functions} functions), answered by the references.\n")
    _print_rows([*rows, *stock], stock)
    print("\nWhere a submission's time goes (one worker):\n")
    print("| stage | ms |\n| --- | ---: |")
    for stage, seconds in stages:
        print(f"| {stage} | {seconds * 1e3:.1f} |")
    print("\nCommands, whole process:\n\n| command | s |\n| --- | ---: |")
    for words, seconds in command:
        print(f"| `{words}` | {seconds:.2f} |")
    print("\nResident memory of the supervisor:\n\n| submissions | MB |\n| ---: | ---: |")
    for count, size in memory:
        print(f"| {count:,} | {size / 1e6:.1f} |")


def _print_rows(rows: list[Row], stock: list[Row]) -> None:
    heads = "".join(f" times {s.name} |" for s in stock)
    print(f"| per submission | wall ms | CPU ms |{heads}")
    print("| --- | ---: | ---: |" + " ---: |" * len(stock))
    for row in rows:
        cpu = "" if row.cpu is None else f"{row.cpu * 1e3:.1f}"
        ratios = "".join(f" {s.wall / row.wall:.1f} |" for s in stock)
        print(f"| {row.name} | {row.wall * 1e3:.1f} | {cpu} |{ratios}")


def floors(pairs: list[tuple[Exercise, Page]]) -> list[Row]:
    """The checks alone in one process, and the same after a bare fork."""

    def checks(number: int) -> None:
        for exercise, page in pairs:
            student = Student(LocalBackend(vars(exercise.solution), arrays=exercise.arrays))
            bench = Bench(lambda student=student: student)  # type: ignore[misc]
            for function in page.functions:
                grade_function(exercise, function, bench, Seed(b"bench", str(number)))

    def forked(number: int) -> None:
        pid = os.fork()
        if not pid:
            with contextlib.suppress(BaseException):
                checks(number)
            os._exit(0)
        os.waitpid(pid, 0)

    return [
        Row("floor: the checks called in one process", _per_call(checks, 30)),
        Row("floor: a bare fork and the checks", _per_call(forked, 30)),
    ]


def _per_call(call: Callable[[int], None], times: int) -> float:
    call(0)
    taken = []
    for number in range(times):
        start = time.perf_counter()
        call(number)
        taken.append(time.perf_counter() - start)
    return median(taken)


def ours(course: Course, slugs: tuple[str, ...], work: Path) -> list[Row]:
    """Cold for one submission, and per further submission with one worker and with two."""
    one = _class(course, slugs, work / "one", 1)
    start, cpu = time.perf_counter(), _cpu()
    command = [sys.executable, "-m", "autograder.cli", "grade", str(one), "--out"]
    for slug in slugs:
        command[5:5] = ["--exercise", slug]
    subprocess.run([*command, str(work / "cold")], cwd=course.root, capture_output=True)
    rows = [Row("ours, cold, one submission", time.perf_counter() - start, _cpu() - cpu)]
    for workers in (1, EXTRA_WORKERS):
        few = _batch(course, slugs, work, FEW, workers)
        many = _batch(course, slugs, work, MANY, workers)
        further = MANY - FEW
        rows.append(
            Row(
                f"ours, each further one, {workers} worker{'s' * (workers > 1)}",
                (many[0] - few[0]) / further,
                (many[1] - few[1]) / further,
            )
        )
    return rows


def _batch(
    course: Course, slugs: tuple[str, ...], work: Path, count: int, workers: int
) -> tuple[float, float]:
    folder = _class(course, slugs, work / f"class{count}", count)
    out = work / f"out{count}_{workers}"
    start, cpu = time.perf_counter(), _cpu()
    results = list(grade_all(Job(course.root, slugs, out), find_students(folder), workers=workers))
    taken = time.perf_counter() - start, _cpu() - cpu
    assert all(r.points == r.max_points for r, _ in results), "a reference lost points"
    return taken


def _class(course: Course, slugs: tuple[str, ...], folder: Path, count: int) -> Path:
    for number in range(count):
        for slug in slugs:
            target = folder / f"student{number:04d}" / f"{slug}.py"
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                source = (course.root / "solutions" / f"{slug}.py").read_text(encoding="utf-8")
                # No two students write the same, so nothing that is read may come from a cache.
                own = source.replace(END, f"# by {number}\n    {END}")
                target.write_text(own, encoding="utf-8")
    return folder


def _cpu() -> float:
    """CPU seconds of this process and of every child that has ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, who))


def where_it_goes(
    course: Course, slugs: tuple[str, ...], pairs: list[tuple[Exercise, Page]], work: Path
) -> list[tuple[str, float]]:
    """Each stage of one submission on its own, medians."""
    folder = _class(course, slugs, work / "stages", 1)
    (found,) = find_students(folder)
    grader = Grader(Job(course.root, slugs, work / "stages_out"))
    (work / "stages_out").mkdir()
    stubs = {s: grader.stub(s) for s in slugs}
    rules = {s: course.rules(s) for s in slugs}
    reading = read_submission(found, stubs, rules)
    result, _ = grader.grade(found)
    again = iter(range(10_000))

    def check(number: int) -> None:
        for exercise, page in pairs:
            module = reading.modules[page.slug]
            earlier = {e.local: course.reference(e.exercise, e.name) for e in module.earlier}
            bench = Bench(
                lambda m=module, x=exercise, e=earlier: Student(  # type: ignore[misc]
                    grader.sandbox.open(m.cells, arrays=x.arrays, earlier=e)
                )
            )
            for function in page.functions:
                seed = Seed(b"stages", str(next(again)))
                assert grade_function(exercise, function, bench, seed).points
            bench.close()

    def open_only(number: int) -> None:
        for exercise, page in pairs:
            module = reading.modules[page.slug]
            earlier = {e.local: course.reference(e.exercise, e.name) for e in module.earlier}
            grader.sandbox.open(module.cells, arrays=exercise.arrays, earlier=earlier).close()

    def reread(number: int) -> None:
        for one in find_students(folder):
            read_submission(one, stubs, rules)

    def write(number: int) -> None:
        write_feedback(result, work / "stages_out")
        write_text(work / "stages_out" / "result.json", result.to_json())

    try:
        read = _per_call(reread, 20)
        opened, checked = _per_call(open_only, 20), _per_call(check, 20)
        written = _per_call(write, 20)
    finally:
        grader.close()
    floor = floors(pairs)[0].wall
    return [
        ("read and reduce the source", read),
        (f"start, load and end {len(pairs)} workers", opened),
        ("the checks themselves, as in one process", floor),
        ("calls and replies over the wire", checked - opened - floor),
        ("feedback and result.json", written),
    ]


def memory_over(course: Course, slugs: tuple[str, ...], work: Path) -> list[tuple[int, int]]:
    """Bytes that this process has in memory after so many submissions of one exercise."""
    folder, out = _class(course, slugs, work / "thousand", 1_000), work / "thousand_out"
    found = []
    for done, _ in enumerate(grade_all(Job(course.root, slugs, out), find_students(folder)), 1):
        if done in (10, 100, 250, 500, 1_000):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            found.append((done, pages * os.sysconf("SC_PAGESIZE")))
    return found


def cold_command(course: Course, work: Path) -> list[tuple[str, float]]:
    """What a student waits for: whole commands, the best of three."""
    slug = course.settings["bench"]["exercises"][0]
    found = []
    for words in (["--help"], ["check", slug]):
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "autograder.cli", *words],
                cwd=course.root,
                capture_output=True,
            )
            taken.append(time.perf_counter() - start)
        found.append(("autograder " + " ".join(words), min(taken)))
    return found


def stock_nbgrader(pairs: list[tuple[Exercise, Page]], work: Path) -> list[Row]:
    """Stock `nbgrader autograde` on the same functions: as the course's notebooks, and as one.

    Its test cells only look whether a function is there: what it takes is starting kernels.
    """
    try:
        import nbgrader  # noqa: F401
    except ImportError:
        print("stock nbgrader: skipped, it is not installed (make bench installs it)")
        return []
    from .bench_nbgrader import autograde_seconds

    rows = []
    for joined, name in ((False, f"stock, {len(pairs)} notebooks"), (True, "stock, 1 notebook")):
        few, many = (
            autograde_seconds(pairs, work, n, joined=joined) for n in (STOCK_FEW, STOCK_MANY)
        )
        further = STOCK_MANY - STOCK_FEW
        rows.append(Row(name, (many[0] - few[0]) / further, (many[1] - few[1]) / further))
    return rows


if __name__ == "__main__":
    main()
