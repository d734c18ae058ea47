"""Fixtures for tests of the engine: a course of toys in a folder of its own."""

import importlib
import math
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.tests import toy_course

ONE_IN = 4


def _is_a_course_s(name: str) -> bool:
    return name.partition(".")[0] in ("solutions", "starter_code") or name.startswith(
        ("_checks_", "student_vol")
    )


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
    """`--attacks=all` runs the whole corpus, `--integrations=all` every route; else samples."""
    parser.addoption("--attacks", choices=("sample", "all"), default="sample")
    parser.addoption("--integrations", choices=("sample", "all"), default="sample")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the slow tests of other systems' routes, keep one in so many unless all are asked for."""
    named = any("::" in argument for argument in config.args)
    if named or config.getoption("--integrations") == "all":
        return
    slow = [item for item in items if item.get_closest_marker("integrations")]
    kept = set(random.Random(0).sample(slow, math.ceil(len(slow) / ONE_IN)))
    dropped = [item for item in slow if item not in kept]
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if item not in dropped]
