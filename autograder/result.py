"""The one result record that every report, export and adapter reads.

`result.json` is this record, in this order, described by `result.schema.json`. Two runs on the
same inputs give the same bytes apart from what is measured: `seconds`, and `ratio` and `speed` of a
race.
"""

import dataclasses
import json
import math
import re
from dataclasses import dataclass, field
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

SCHEMA = "autograder/result/v2"
SURROGATE = re.compile("[\ud800-\udfff]")

Status = Literal[
    "passed",
    "failed",
    "raised",
    "not_attempted",
    "timed_out",
    "over_memory",
    "skipped",
    "not_graded",
]
Kind = Literal["R", "F", "P", "E", "V"]
KINDS: dict[str, str] = {
    "R": "values",
    "F": "gradients against finite differences",
    "P": "properties",
    "E": "edge cases",
    "V": "visible check",
}


@dataclass(frozen=True)
class CheckResult:
    """One check of one function.

    `message` and `hint` are safe to show to the student. `title` is the author's sentence.
    """

    name: str
    kind: Kind
    title: str
    status: Status
    points: float
    max_points: float
    message: str = ""
    hint: str = ""
    mistake: str = ""
    gate: bool = False


@dataclass(frozen=True)
class FunctionResult:
    """All checks of one function; `points` is their sum unless a gate failed."""

    name: str
    status: Status
    points: float
    max_points: float
    checks: tuple[CheckResult, ...]
    visible: tuple[CheckResult, ...] = ()


@dataclass(frozen=True)
class RaceResult:
    """How fast right work is in one race; it has nothing to do with points.

    `ratio` is how many times as fast as the reference it is in the same run, `speed` how many
    `unit` it does per second of processor time. Both are None where nothing was measured, and then
    `reason` says why, in a sentence that is safe to show to the student.
    """

    name: str
    title: str
    unit: str
    ratio: float | None = None
    speed: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class ExerciseResult:
    """One exercise of one submission.

    `status` is "graded", "missing" (nothing handed in: 0 points), "unreadable" (0 points, see
    `reason`) or "not_graded" (our failure: no points and no zero, see `reason`).
    `notices` say what was repaired while reading; `review` lists what a person should look at.
    `races` are there where the exercise has some and was graded.
    """

    exercise: str
    title: str
    version: str
    status: Literal["graded", "missing", "unreadable", "not_graded"]
    points: float
    max_points: float
    functions: tuple[FunctionResult, ...] = ()
    source: str = ""
    source_sha256: str = ""
    notices: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    reason: str = ""
    races: tuple[RaceResult, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class SubmissionResult:
    """Everything that one student handed in, graded.

    `max_points` counts every exercise, also what is not graded; `points` counts what is known.
    `isolation` is "A", "B", "C" or "trusted"; `secret_id` names the course secret without
    revealing it; `key` changes when anything that could change the result changes.
    """

    student: str
    points: float
    max_points: float
    isolation: str
    engine: str
    secret_id: str
    key: str
    exercises: tuple[ExerciseResult, ...]
    notices: tuple[str, ...] = ()
    seconds: float = 0.0
    schema: str = field(default=SCHEMA)

    @property
    def not_graded(self) -> tuple[ExerciseResult, ...]:
        """The exercises that we failed to grade; their points are unknown, not zero."""
        return tuple(e for e in self.exercises if e.status == "not_graded")

    def to_json(self) -> str:
        """The text of `result.json`, stable in order, one line per check, ending in a newline.

        Raises:
            ValueError: A number is not finite.
        """
        record = _plain(self)
        text = _written({"schema": record.pop("schema"), **record})
        # A file name that is not UTF-8 brings lone surrogates, which no file can hold as they are.
        return SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"

    @staticmethod
    def from_json(text: str) -> "SubmissionResult":
        """Read `result.json` back.

        Raises:
            ValueError: The text is not a result of this schema; the sentence says where.
        """
        try:
            record = json.loads(text, parse_constant=_refuse)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"not a result record: {error}") from error
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            found = record.get("schema") if isinstance(record, dict) else type(record).__name__
            raise ValueError(f"schema is {found!r}, expected {SCHEMA!r}")
        result = _read(SubmissionResult, record, "result")
        assert isinstance(result, SubmissionResult)
        return result


def _read(kind: Any, value: Any, where: str) -> Any:
    """`value`, as JSON gave it, as the declared type `kind` of a field; tuples from lists."""
    if get_origin(kind) is Literal:
        right = isinstance(value, str) and value in get_args(kind)
    elif get_origin(kind) is tuple and isinstance(value, list):
        inner = get_args(kind)[0]
        return tuple(_read(inner, v, f"{where}[{i}]") for i, v in enumerate(value))
    elif dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        types = _types(kind)
        if types.keys() != value.keys():
            odd = ", ".join(sorted(types.keys() ^ value.keys()))
            raise ValueError(f"not a result record: {where} misses or should not have {odd}")
        return kind(**{name: _read(types[name], v, f"{where}.{name}") for name, v in value.items()})
    elif get_origin(kind) is UnionType:
        return None if value is None else _read(get_args(kind)[0], value, where)
    elif kind is float:
        right = type(value) in (int, float) and math.isfinite(value)
    else:
        right = isinstance(kind, type) and type(value) is kind
    if not right:
        raise ValueError(f"not a result record: {where} is {value!r:.40}")
    return value


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _refuse(constant: str) -> Any:
    raise ValueError(f"not a result record: {constant} is not a number of JSON")


def _plain(value: Any) -> Any:
    """Records as dicts and tuples as lists; everything else is plain already."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {name: _plain(item) for name, item in vars(value).items()}
    return value


def _written(value: Any, depth: int = 0) -> str:
    """JSON in which a list of records has one line for each, and so does what holds such a list."""
    if isinstance(value, dict) and any(_records(item) for item in value.values()):
        inside = [f"{json.dumps(k)}: {_written(v, depth + 1)}" for k, v in value.items()]
        brackets = "{}"
    elif _records(value):
        inside, brackets = [_written(item, depth + 1) for item in value], "[]"
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    pad = "\n" + " " * depth
    return f"{brackets[0]}{pad} " + f",{pad} ".join(inside) + f"{pad}{brackets[1]}"


def _records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
