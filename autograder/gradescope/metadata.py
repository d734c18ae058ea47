"""What Gradescope says about a submission: whose it is, when it came, when it was due."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

UNNAMED = "gradescope-submission"


@dataclass(frozen=True)
class Metadata:
    """What is used of `submission_metadata.json`.

    Attributes:
        student: A name that stays the same from one submission to the next; a group's for all.
        created: When it was submitted.
        due: When it was due, extensions counted in.
        total: The points of the assignment in Gradescope, or None.
        problem: What is wrong with the file, for the instructor, or "".
    """

    student: str = UNNAMED
    created: datetime | None = None
    due: datetime | None = None
    total: float | None = None
    problem: str = ""

    @property
    def late(self) -> timedelta | None:
        """How long after the due date it came; None if it was in time or that is not known."""
        if self.created is None or self.due is None or self.created <= self.due:
            return None
        return self.created - self.due


def read_metadata(path: Path) -> Metadata:
    """Read `submission_metadata.json`; what is missing or odd in it is left out, never an error."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return Metadata(problem=f"{path.name} cannot be read ({error}): who and when is not known.")
    assignment, users = _dict(record, "assignment"), _list(record, "users")
    ids = sorted({u["id"] for u in users if type(u.get("id")) is int})
    dates = [_date(_dict(user, "assignment").get("due_date")) for user in users]
    own = [date for date in dates if date]
    return Metadata(
        student="-".join(["gradescope", *map(str, ids)]) if ids else UNNAMED,
        created=_date(_of(record, "created_at")),
        # In a group the latest extension holds.
        due=max(own) if own else _date(assignment.get("due_date")),
        total=_number(assignment.get("total_points")),
        problem="" if ids else f"{path.name} names no user: the inputs are not anybody's own.",
    )


def _of(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else None


def _dict(record: Any, name: str) -> dict[str, Any]:
    value = _of(record, name)
    return value if isinstance(value, dict) else {}


def _list(record: Any, name: str) -> list[dict[str, Any]]:
    value = _of(record, name)
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _date(value: Any) -> datetime | None:
    """A time with its zone; without one it cannot be compared."""
    try:
        date = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return date if date.tzinfo else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
