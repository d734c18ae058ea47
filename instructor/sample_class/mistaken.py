"""Students who make the declared mistakes: number n makes the n-th one of every function.

Nothing here is written for one exercise: whatever a checks file declares is made by somebody.
"""

import ast
import random
from collections.abc import Iterator
from contextlib import suppress

from handin import Slip, Sources, Student, alone, dumped, folder, zipped
from slips import Renderer, Unrenderable

# Each mistake and the answer cell that makes it, by exercise and function.
Written = dict[str, dict[str, list[tuple[Slip, str]]]]


def students(sources: Sources, mistakes: int | None = None) -> Iterator[Student]:
    """As many as the function with the most declared mistakes needs.

    Args:
        sources: The course.
        mistakes: How many mistakes are made in all, a sample that is the same every time; else
            every one that is declared.
    """
    written = {slug: _written(sources, slug) for slug in sources.slugs}
    if mistakes is not None:
        written = _sample(written, mistakes)
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


def _sample(written: Written, mistakes: int) -> Written:
    """So many of the mistakes, drawn from all of them alike."""
    every = [slip for by in written.values() for each in by.values() for slip, _ in each]
    kept = set(random.Random(0).sample(every, min(mistakes, len(every))))
    return {
        slug: {f: [one for one in each if one[0] in kept] for f, each in by.items()}
        for slug, by in written.items()
    }


def _written(sources: Sources, slug: str) -> dict[str, list[tuple[Slip, str]]]:
    """Each function's mistakes as answer cells; the test lists those that cannot be written."""
    exercise = sources.course.exercise(slug)
    root = sources.course.root
    renderer = Renderer(exercise, root / "instructor" / "checks" / f"{slug}.py", root / "solutions")
    out: dict[str, list[tuple[Slip, str]]] = {f: [] for f in sources.pages[slug].functions}
    beside = {f: _beside(f, cell) for f, cell in sources.right(slug).items()}
    for mistake in exercise.mistakes:
        slip = Slip(slug, mistake.function, mistake.name)
        with suppress(Unrenderable):
            text = beside[mistake.function] + renderer.rendered(mistake)
            out[mistake.function].append((slip, text))
    return out


def _beside(function: str, cell: str) -> str:
    """What an answer cell defines beside its function: other cells may use it."""
    nodes = [n for n in ast.parse(cell).body if getattr(n, "name", "") != function]
    return "".join(f"{ast.get_source_segment(cell, n)}\n\n\n" for n in nodes)


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
