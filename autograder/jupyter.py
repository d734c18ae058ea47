"""What the locked cells of a notebook call: the visible check, and the cell that holds points."""

import os
import textwrap
from collections.abc import Callable
from typing import Any

from .selfcheck import Check, run_visible
from .student import LocalBackend, Student

CONFIGURE = (
    "This notebook is graded by the isolated grader, not by running it: use `autograder grade`, or "
    "run `nbgrader autograde` with the course's instructor/nbgrader_config.py."
)


def check_cell(visible: Callable[[Student, Check], None], *, arrays: str = "numpy") -> None:
    """Run a visible check on the functions of this notebook and print what it says."""
    name = visible.__name__.removeprefix("visible_")
    names = visible.__globals__
    if name not in names:
        print(f"{name}: run the cell above that defines it first")
        return
    status, message = run_visible(visible, Student(LocalBackend(names, arrays=arrays)))
    words = {"passed": "passes its visible check", "not_attempted": "not attempted yet"}
    print(f"{name}: {words.get(status, status)}" + (f"\n  {message}" if _worth(status) else ""))


def grade_cell(slug: str, function: str) -> None:
    """Hold the points of a function. Running this cell gives none.

    Raises:
        RuntimeError: nbgrader executes the notebook without the course's configuration.
    """
    if os.environ.get("NBGRADER_EXECUTION") == "autograde":
        raise RuntimeError(CONFIGURE)
    if os.environ.get("NBGRADER_EXECUTION") == "validate":
        _validate(slug, function)
        return
    print(f"{slug}, {function}: points are given by the hidden checks after you hand in.")


def _validate(slug: str, function: str) -> None:
    """`nbgrader validate` reports a cell that raises, so a visible check that fails raises."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    names = shell.user_ns if shell is not None else {}
    arrays = "torch" if "torch" in names else "numpy"
    visible = names[f"visible_{function}"]
    status, message = run_visible(visible, Student(LocalBackend(names, arrays=arrays)))
    if status != "passed":
        # nbgrader cuts what is longer than its line.
        lines = textwrap.wrap(message or status, 80, break_on_hyphens=False)
        raise AssertionError("\n".join([f"{slug}, {function}:", *lines]))


def _worth(status: str) -> bool:
    return status not in ("passed", "not_attempted")
