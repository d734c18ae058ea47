"""Fixtures for tests of the engine: a course of toys in a folder of its own."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.tests import toy_course


def _is_a_course_s(name: str) -> bool:
    return name.partition(".")[0] == "solutions" or name.startswith(("_checks_", "student_vol"))


@contextmanager
def own_imports() -> Iterator[None]:
    """Let another course's `solutions` be imported, and forget it afterwards."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_a_course_s(name)}
    path = sys.path.copy()
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for name in list(sys.modules):
            if _is_a_course_s(name):
                del sys.modules[name]
        sys.modules.update(before)
        sys.path[:] = path
        importlib.invalidate_caches()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Course]:
    """The course of toys, writable, not built yet, with imports of its own."""
    root = tmp_path / "toys"
    toy_course.write(root)
    monkeypatch.delenv("AUTOGRADER_SECRET_FILE", raising=False)
    with own_imports():
        yield Course(root)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--attacks=all` runs the whole corpus instead of a sample."""
    parser.addoption("--attacks", choices=("sample", "all"), default="sample")
