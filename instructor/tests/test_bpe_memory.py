"""The check of a stream's memory, which takes too long for declared mistakes, tells them apart."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.course import Course
from autograder.inputs import Seed
from autograder.judge import draw_cases
from autograder.student import LocalBackend, Student
from solutions.vol2_pytorch import bpe

COURSE = Course(Path(__file__).resolve().parents[2])


def keeps_every_chunk(chunks: Iterable[str], *given: Any) -> Iterator[int]:
    """Right ids, nothing held back, and everything kept."""
    seen: list[str] = []

    def noted() -> Iterator[str]:
        for chunk in chunks:
            seen.append(chunk)
            yield chunk

    yield from bpe.encode_iterable(noted(), *given)


@pytest.mark.parametrize(
    ("stream", "passes"), [(bpe.encode_iterable, True), (keeps_every_chunk, False)]
)
def test_a_stream_that_keeps_what_it_has_pulled_is_found(
    stream: Callable[..., Iterator[int]], passes: bool
) -> None:
    pytest.importorskip("torch")  # the volume is loaded only where it is installed
    exercise = COURSE.exercise("vol2_pytorch/bpe")
    (check,) = [c for c in exercise.checks if c.seconds]
    student = Student(LocalBackend({"encode_iterable": stream}))
    found = check.body(student, draw_cases(exercise, check, Seed(b"memory"))[0])
    assert (found is None) is passes
