"""The engine: declares, runs in isolation, judges and reports exercises. See docs/."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Attached",
    "Attachment",
    "Callback",
    "Case",
    "Exercise",
    "Items",
    "LocalBackend",
    "Student",
    "StudentDied",
    "StudentRaised",
    "Table",
    "array",
    "constant",
    "derived",
    "integers",
    "laid",
    "numerical_gradient",
    "raises",
    "recorded",
]

if TYPE_CHECKING:
    from .attachment import Attached, Attachment
    from .case import Case
    from .errors import StudentDied, StudentRaised
    from .exercise import Exercise
    from .gradient import numerical_gradient
    from .graph import recorded
    from .inputs import array, constant, derived, integers
    from .selfcheck import raises
    from .student import Callback, Items, LocalBackend, Student, laid
    from .table import Table

_HOMES = {
    "Attached": "attachment",
    "Attachment": "attachment",
    "Callback": "student",
    "Case": "case",
    "Exercise": "exercise",
    "Items": "student",
    "LocalBackend": "student",
    "Student": "student",
    "StudentDied": "errors",
    "StudentRaised": "errors",
    "Table": "table",
    "array": "inputs",
    "constant": "inputs",
    "derived": "inputs",
    "integers": "inputs",
    "laid": "student",
    "numerical_gradient": "gradient",
    "raises": "selfcheck",
    "recorded": "graph",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used: `autograder --help` must not need NumPy."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
