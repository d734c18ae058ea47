"""What a submission is once it has been read: source cells of one module per exercise."""

from dataclasses import dataclass, field

from .percent import Earlier


@dataclass(frozen=True)
class SourceCell:
    """A piece of a student's module that is loaded on its own.

    `label` says where it comes from ("cell 4", "first.py"), `line` is the number of its first
    line there.
    """

    label: str
    source: str
    line: int = 1


@dataclass(frozen=True)
class StudentModule:
    """One exercise of one submission, reduced to what its graded functions reach.

    Attributes:
        exercise: Slug.
        cells: What the worker executes, in order; each is loaded on its own.
        origin: File (and member) that it was read from, for messages.
        sha256: Hash of the extracted source; seeds the inputs.
        earlier: Names bound to earlier exercises, served by the supervisor when graded.
        broken: Per function, why it cannot be loaded (a syntax error in its cell, say).
        notices: What was repaired or left out while reading, one sentence each.
        review: What a person should look at; never changes a score.
        forbidden: Per function, the sentence naming what it may not use; such a function gets 0.
    """

    exercise: str
    cells: tuple[SourceCell, ...]
    origin: str
    sha256: str
    earlier: tuple[Earlier, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    forbidden: dict[str, str] = field(default_factory=dict)
