"""Students who make the declared mistakes: number n makes the n-th one of every function."""

from collections.abc import Iterator
from contextlib import suppress

from handin import Slip, Sources, Student, alone, dumped, folder, zipped
from slips import Unrenderable, rendered


def students(sources: Sources) -> Iterator[Student]:
    """As many as the function with the most declared mistakes needs."""
    written = {slug: _written(sources, slug) for slug in sources.slugs}
    most = max((len(each) for by in written.values() for each in by.values()), default=0)
    for number in range(most):
        slips: list[Slip] = []
        answers: dict[str, dict[str, str]] = {}
        for slug, by_function in written.items():
            mine = {f: each[number] for f, each in by_function.items() if len(each) > number}
            slips += [slip for slip, _ in mine.values()]
            if mine:
                answers[slug] = sources.right(slug) | {f: text for f, (_, text) in mine.items()}
        yield _handed_in(sources, number, answers, tuple(slips))


def _written(sources: Sources, slug: str) -> dict[str, list[tuple[Slip, str]]]:
    """Each function's mistakes as answer cells; the test lists those that cannot be written."""
    exercise = sources.course.exercise(slug)
    checks = sources.course.root / "instructor" / "checks" / f"{slug}.py"
    out: dict[str, list[tuple[Slip, str]]] = {f: [] for f in sources.pages[slug].functions}
    for mistake in exercise.mistakes:
        slip = Slip(slug, mistake.function, mistake.name)
        with suppress(Unrenderable):
            out[mistake.function].append((slip, rendered(exercise, mistake, checks)))
    return out


def _handed_in(
    sources: Sources, number: int, answers: dict[str, dict[str, str]], slips: tuple[Slip, ...]
) -> Student:
    """The submission of student `number`; the kinds of files take turns."""
    name = f"mistaken-{number + 1:02}"
    story = f"{len(slips)} known mistake{'s' * (len(slips) > 1)}, at most one per function"
    books = {slug: dumped(sources.notebook(slug, mine)) for slug, mine in answers.items()}
    modules = {slug: sources.module(slug, mine) for slug, mine in answers.items()}
    if number % 3 == 0:
        made = folder(name, story, modules)
    elif number % 3 == 1:
        made = folder(name, story, books, ".ipynb")
    else:
        made = alone(name, story, ".zip", zipped({f"{s}.ipynb": b for s, b in books.items()}))
    return Student(name, story, made.files, slips)
