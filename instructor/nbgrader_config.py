"""nbgrader's configuration for this course; a course folder made by us loads it."""

from pathlib import Path

from autograder.nbgrader_plugin import configure

configure(get_config(), Path(__file__).resolve().parents[1])  # type: ignore[name-defined] # noqa: F821
