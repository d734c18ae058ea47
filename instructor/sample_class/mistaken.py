"""Students who make the declared mistakes: number n makes the n-th one of every function.

Nothing here is written for one exercise: whatever a checks file declares is made by somebody.
"""

import ast
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from handin import (
    Slip,
    Sources,
    Student,
    alone,
    dumped,
    folder,
    weights,
    with_weights,
    zipped,
)
from slips import Renderer, Unrenderable
from together import starts, uses

# Each mistake and the answer cell that makes it, by function.
Cells = dict[str, list[tuple[Slip, str]]]


@dataclass(frozen=True)
class Share:
    """One exercise of one student: the mistakes, and the answer cells by function."""

    slips: list[Slip]
    answers: dict[str, str]


def students(sources: Sources, mistakes: int | None = None) -> Iterator[Student]:
    """As many as the exercise with the most mistakes in one function, or in several that are
    graded together, needs.

    Args:
        sources: The course.
        mistakes: How many mistakes are made in all, a sample that is the same every time; else
            every one that is declared.
    """
    every = {slug: Exercise(sources, slug) for slug in sources.slugs}
    written = {slug: one.written() for slug, one in every.items()}
    if mistakes is not None:
        written = _sample(written, mistakes)
    shares = {slug: one.shared_out(written[slug]) for slug, one in every.items()}
    for number in range(max(map(len, shares.values()), default=0)):
        mine = {slug: each[number] for slug, each in shares.items() if number < len(each)}
        yield _handed_in(sources, number, {slug: share for slug, share in mine.items() if share})


def _sample(written: dict[str, Cells], mistakes: int) -> dict[str, Cells]:
    """So many of the mistakes, drawn from all of them alike."""
    every = [slip for by in written.values() for each in by.values() for slip, _ in each]
    kept = set(random.Random(0).sample(every, min(mistakes, len(every))))
    return {
        slug: {f: [one for one in each if one[0] in kept] for f, each in by.items()}
        for slug, by in written.items()
    }


class Exercise:
    """The mistakes of one exercise, and who makes which.

    Args:
        sources: The course.
        slug: The exercise.
    """

    def __init__(self, sources: Sources, slug: str) -> None:
        root = sources.course.root
        self.slug, self.functions = slug, sources.pages[slug].functions
        self.exercise = sources.course.exercise(slug)
        checks = root / "instructor" / "checks" / f"{slug}.py"
        self.renderer = Renderer(self.exercise, checks, root / "solutions")
        self.right = sources.right(slug)

    def written(self) -> Cells:
        """Each function's mistakes as answer cells; the test lists those that cannot be written."""
        out: Cells = {name: [] for name in self.functions}
        for mistake in self.exercise.mistakes:
            slip = Slip(self.slug, mistake.function, mistake.name)
            with suppress(Unrenderable):
                text = self._cell(mistake.function, self.renderer.rendered(mistake))
                out[mistake.function].append((slip, text))
        return out

    def shared_out(self, cells: Cells) -> list[Share | None]:
        """What each student hands in: at most one mistake per function, and none in two functions
        that are graded together. A function graded with a mistaken one is not written."""
        used = uses(self.exercise, self.functions)
        first = starts({name: len(each) for name, each in cells.items()}, used)
        last = max((first[name] + len(each) for name, each in cells.items() if each), default=0)
        shares: list[Share | None] = []
        for number in range(last):
            wrong = {
                name: each[number - first[name]]
                for name, each in cells.items()
                if 0 <= number - first[name] < len(each)
            }
            answers = {n: self._right[n] for n in self.functions if not used[n] & set(wrong)}
            answers |= {name: text for name, (_, text) in wrong.items()}
            shares.append(Share([slip for slip, _ in wrong.values()], answers) if wrong else None)
        return shares

    @cached_property
    def _right(self) -> dict[str, str]:
        """The right answer cells, each independent of the others."""
        return {name: self._cell(name, self.renderer.right(name)) for name in self.functions}

    def _cell(self, function: str, text: str) -> str:
        return _beside(function, self.right[function]) + text


def _beside(function: str, cell: str) -> str:
    """What an answer cell defines beside its function: other cells may use it."""
    nodes = [n for n in ast.parse(cell).body if getattr(n, "name", "") != function]
    return "".join(f"{ast.get_source_segment(cell, n)}\n\n\n" for n in nodes)


def _handed_in(sources: Sources, number: int, shares: dict[str, Share]) -> Student:
    """The submission of student `number`; the kinds of files take turns."""
    slips = tuple(slip for share in shares.values() for slip in share.slips)
    name = f"mistaken-{number + 1:02}"
    story = f"{len(slips)} known mistake{'s' * (len(slips) > 1)}, at most one per function"
    if number % 3 == 0:
        modules = {slug: sources.module(slug, mine.answers) for slug, mine in shares.items()}
        made = folder(name, story, modules)
    else:
        books = {s: dumped(sources.notebook(s, mine.answers)) for s, mine in shares.items()}
        if number % 3 == 1:
            made = folder(name, story, books, ".ipynb")
        else:
            packed = {f"{slug}.ipynb": data for slug, data in books.items()}
            beside = {s: data for s, data in weights(sources).items() if s in books}
            packed |= {f"{slug}.safetensors": data for slug, data in beside.items()}
            made = alone(name, story, ".zip", zipped(packed))
    unwritten = {
        (slug, function)
        for slug, mine in shares.items()
        for function in sources.pages[slug].functions
        if function not in mine.answers
    }
    files = with_weights(sources, made).files
    return Student(name, story, files, slips, frozenset(unwritten))
