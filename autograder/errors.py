"""Every error that the engine raises on purpose. A message says what, where and what now."""

import builtins


class AutograderError(Exception):
    """A mistake in how the tool is used or in the course itself; shown as one sentence, exit 2."""


class CourseError(AutograderError):
    """The course is not in order: a marker, a checks file, a derived file."""


class SubmissionError(AutograderError):
    """A submission, or a part of one, that cannot be read."""


class IsolationError(AutograderError):
    """The isolation cannot be set up. Our failure: leads to *not graded*, never to a zero."""


class StudentError(Exception):
    """Base of everything that student code does to itself; never carries text a student chose."""


class StudentRaised(StudentError):
    """Student code raised. `exception` is a class name, `builtin` that or the next builtin above.

    Officially they are the same. `cell` and `line` say where in the submission (1-based; 0 when
    unknown). `detail` is the exception's own text: filled on a student's own machine, always empty
    when graded officially.
    """

    def __init__(
        self, exception: str, *, builtin: str = "", cell: str = "", line: int = 0, detail: str = ""
    ) -> None:
        super().__init__(exception)
        self.exception, self.builtin = exception, builtin or exception
        self.cell, self.line, self.detail = cell, line, detail

    def is_a(self, kind: type[BaseException]) -> bool:
        """Whether `except kind` would have caught it, as far as builtin classes are concerned."""
        found = getattr(builtins, self.builtin, None)
        return self.exception == kind.__name__ or (
            isinstance(found, type) and issubclass(found, kind)
        )


class StudentForbidden(StudentError):
    """Student code had the library do what the exercise asks to be written."""


class StudentTimedOut(StudentError):
    """A call did not answer before its deadline; the worker has been killed."""


class StudentOverMemory(StudentError):
    """A call ran out of the memory it is given."""


class StudentDied(StudentError):
    """The worker ended without an answer: os._exit, a crash in native code, a CPU limit."""


class StudentOverFiles(StudentDied):
    """More was written than the folder for files may hold; the worker has been killed."""


class StudentMisbehaved(StudentError):
    """An answer that the wire refuses: a forged frame, a forbidden dtype, far too many bytes."""
