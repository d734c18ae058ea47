"""What the kinds of checks do: prepare what is expected, call the student, compare."""

import math
from collections.abc import Callable
from types import GeneratorType
from typing import TYPE_CHECKING, Any

import numpy as np

from .attachment import Attached
from .case import Case
from .compare import Difference, difference
from .errors import StudentError
from .exact import are_symbols
from .gradient import numerical_gradient
from .inputs import parameters
from .student import Ask, Layout, Student, laid

if TYPE_CHECKING:
    from .exercise import Exercise

# Every argument is passed in each of these ways once.
WORDS: dict[Layout, str] = {
    "C": "ordinary",
    "F": "Fortran-ordered, read-only",
    "strided": "non-contiguous",
}
LAYOUTS: tuple[tuple[Layout, bool], ...] = (("C", False), ("F", True), ("strided", False))


def nothing(case: Case) -> None:
    """Prepare nothing: the check's author compares."""


def reference_of(exercise: "Exercise", function: str) -> Callable[[Case], None]:
    """Draw the arguments of `function` and run the reference on them in float64."""

    def prepare(case: Case) -> None:
        if case.want is None:
            _draw_arguments(exercise, function, case)
            args, kwargs = case.arguments
            call = getattr(exercise.solution, function)
            copies, named = double(args), double(kwargs)
            case.expect(lambda: call(*copies, **named))

    return prepare


def differences_of(
    exercise: "Exercise", function: str, forward: Callable[..., Any], wrt: tuple[str, ...]
) -> Callable[[Case], None]:
    """Draw the arguments of `function` and difference `forward` by each of `wrt`."""

    def prepare(case: Case) -> None:
        if case.want is not None:
            return
        names = tuple(n for n in parameters(forward) if n in case.inputs)
        _draw_arguments(exercise, function, case, also=(*names, "dout"))
        values = case.values(_all_names(exercise, function, case, (*names, "dout")))

        def by(name: str) -> Any:
            at = {n: values[n] for n in names}
            return numerical_gradient(
                lambda v: forward(**{**at, name: v}), at[name], values["dout"]
            )

        case.expect(lambda: tuple(by(n) for n in wrt) if len(wrt) > 1 else by(wrt[0]))

    return prepare


# Against a reference in float64. Right code errs by about 1e-14; central differences, whatever
# their step, by 1e-11 or more: who differences instead of deriving does not pass.
STRICT = 1e-12


def compares(function: str, *, rtol: float | None) -> Callable[[Student, Case], Difference | None]:
    """Call the student's function and compare with what was prepared."""

    def body(student: Student, case: Case) -> Difference | None:
        args, kwargs = case.arguments
        got = getattr(student, function)(*args, **kwargs)
        bound = STRICT if rtol is None and case.dtype == "float64" else rtol
        return difference(got, case.want, case.label, rtol=bound, dtype=case.dtype)

    return body


def once(case: Case) -> list[Ask]:
    """What `compares` asks."""
    return [Ask(*case.arguments)]


def in_layouts(case: Case) -> list[Ask]:
    """What `aliasing` asks: the same arguments in each layout."""
    args, kwargs = case.arguments
    return [
        Ask(tuple(_lay(a, layout, read_only) for a in args), kwargs, trial=True)
        for layout, read_only in LAYOUTS
    ]


def aliasing(function: str) -> Callable[[Student, Case], Difference | None]:
    """Arguments in several layouts; afterwards they are unchanged, and results are independent."""

    def body(student: Student, case: Case) -> Difference | None:
        args, _ = case.arguments
        for (layout, _), ask in zip(LAYOUTS, in_layouts(case), strict=True):
            call = getattr(student, function)
            got, after, later = student.trial(call, *ask.args, **ask.kwargs)
            found = difference(got, case.want, case.label)
            if found:
                return Difference(found.category, f"{found.detail}; with {WORDS[layout]} arguments")
            for name, before, now in zip(case.positional, args, after, strict=True):
                if isinstance(before, np.ndarray) and not _equal(now, before):
                    message = f"{name} is changed by the call; work on a copy"
                    return Difference("An argument is changed by the call.", message)
            if difference(later, got):
                message = (
                    "the result changes when an argument is overwritten, or at the next call; "
                    "return a new array each time"
                )
                return Difference("The result is not a new array each time.", message)
        return None

    return body


def authored(
    author: Callable[..., Any], rtol: float | None
) -> Callable[[Student, Case], Difference | None]:
    """Run check code that an author wrote and compare the pairs it gives."""
    names = tuple(n for n in parameters(author) if n != "student")

    def body(student: Student, case: Case) -> Difference | None:
        student.empty_folder()
        result = author(student, **case.values(names))
        given = result if isinstance(result, (GeneratorType, list)) else [result]
        for one in given:
            if isinstance(one, (bool, np.bool_)):
                if not one:
                    return Difference("This does not hold.", "this does not hold")
                continue
            got, want = one
            found = difference(got, want, "the result", rtol=rtol, dtype=_dtype_for(want, case))
            if found:
                return Difference(found.category.replace("the", "The", 1), found.detail)
        return None

    return body


def measured(
    author: Callable[..., Any], bound: float
) -> Callable[[Student, Case], Difference | None]:
    """Run check code that gives a number, once per case, and see whether it is within `bound`."""
    names = tuple(n for n in parameters(author) if n != "student")

    def body(student: Student, case: Case) -> Difference | None:
        if case.measured[0] is not student:
            try:
                case.measured = student, float(author(student, **case.values(names)))
            except StudentError:
                raise
            except Exception:  # it tripped over a strange answer, and would do so again
                case.measured = student, math.nan
                raise
        return _beyond(case.measured[1], bound)

    return body


def weighed(
    author: Callable[..., Any], bound: float
) -> Callable[[Attached, Case], Difference | None]:
    """Run check code on what is attached, once per case, and see if it is within `bound`."""
    names = tuple(n for n in parameters(author) if n != "attached")

    def body(attached: Attached, case: Case) -> Difference | None:
        if case.measured[0] is not attached:
            try:
                case.measured = attached, float(author(attached, **case.values(names)))
            except ValueError as fault:
                return Difference(f"{fault}.", str(fault))
        return _beyond(case.measured[1], bound)

    return body


def _beyond(found: float, bound: float) -> Difference | None:
    if found <= bound:
        return None
    said = f"{found:.3g} was measured, and it should be at most {bound:g}"
    return Difference(f"{said}.", said)


def double(value: Any) -> Any:
    """Float arrays inside `value` copied to float64, other arrays copied."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype.kind == "f" else value.copy()
    if isinstance(value, (tuple, list)):
        return type(value)(double(v) for v in value)
    if isinstance(value, dict):
        return {k: double(v) for k, v in value.items()}
    return value


def _draw_arguments(
    exercise: "Exercise", function: str, case: Case, also: tuple[str, ...] = ()
) -> None:
    from .exercise import result_names, signature

    plain, named = signature(exercise.solution, function, case.inputs)
    values = case.values(_all_names(exercise, function, case, also))
    case.arguments = (tuple(values[n] for n in plain), {n: values[n] for n in named})
    case.positional = plain
    case.label = result_names(exercise.solution, function)


def _all_names(
    exercise: "Exercise", function: str, case: Case, also: tuple[str, ...]
) -> tuple[str, ...]:
    from .exercise import signature

    plain, named = signature(exercise.solution, function, case.inputs)
    return tuple(dict.fromkeys((*plain, *named, *also)))


def _lay(value: Any, layout: Layout, read_only: bool) -> Any:
    return laid(value, layout, read_only=read_only) if isinstance(value, np.ndarray) else value


def _equal(now: Any, before: Any) -> bool:
    return isinstance(now, np.ndarray) and np.array_equal(now, before, equal_nan=True)


def _dtype_for(want: Any, case: Case) -> str:
    parts = want if isinstance(want, (tuple, list)) else (want,)
    if any(isinstance(p, (str, bytes, dict)) or are_symbols(p) for p in (want, *parts)):
        return ""
    kinds = {np.asarray(part).dtype.kind for part in parts}
    return case.dtype if kinds == {"f"} else ""
