"""Checks that students run themselves: in the notebook, on the command line, while they write.

A visible check is a function `visible_<name>(student, check)`. It needs no reference: worked
numbers, finite differences of the student's own functions, properties.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .compare import difference
from .errors import StudentError, StudentRaised
from .gradient import RTOL, numerical_gradient
from .graph import recorded
from .student import Student

__all__ = ["Check", "Student", "ask_my_checker", "find_given", "mine", "recorded"]


class NotPassed(Exception):
    """A visible check found something; the message is what the student reads."""


class Check:
    """What a visible check compares with. Each method returns quietly or raises `NotPassed`."""

    def close(self, got: Any, want: Any, name: str, *, rtol: float = 1e-7) -> None:
        """`got` agrees with `want`, which has been worked out by hand."""
        expected = want if isinstance(want, tuple) else np.asarray(want)
        found = difference(got, expected, name, rtol=rtol)
        if found:
            raise NotPassed(found.detail)

    def same(self, got: Any, want: Any, name: str) -> None:
        """`got` is `want`: a text, bytes, a list of tokens, a dict of these."""
        found = difference(got, want, name)
        if found:
            raise NotPassed(found.detail)

    def gradient(
        self, got: Any, forward: Callable[[Any], Any], x: Any, dout: Any, name: str
    ) -> None:
        """`got` is the gradient of sum(forward(x) * dout) by `x`, as finite differences see it."""
        want = numerical_gradient(forward, x, dout)
        found = difference(got, want, name, rtol=RTOL)
        if found:
            raise NotPassed(
                f"{found.detail}; expected is what finite differences of your own forward give"
            )

    def true(self, condition: Any, sentence: str) -> None:
        """`condition` holds; `sentence` says what is wrong when it does not."""
        if not bool(np.all(condition)):
            raise NotPassed(sentence)

    def raises(self, error: type[Exception], call: Callable[..., Any], *args: Any) -> None:
        """Calling `call(*args)` raises `error`."""
        try:
            call(*args)
        except StudentRaised as raised:
            if raised.exception == "NotImplementedError":
                raise
            if raised.is_a(error):
                return
            raise NotPassed(f"raised {raised.exception}, expected {error.__name__}") from raised
        raise NotPassed(f"nothing was raised, expected {error.__name__}")


def raises(error: type[Exception], call: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
    """Does calling a student's function raise `error`? For hidden checks."""
    try:
        call(*args, **kwargs)
    except StudentRaised as raised:
        if raised.exception == "NotImplementedError":
            raise
        return raised.is_a(error)
    return False


def run_visible(visible: Callable[[Student, Check], None], student: Student) -> tuple[str, str]:
    """Run one visible check: a status of `result.Status` and the message."""
    try:
        with np.errstate(all="ignore"):
            student.empty_folder()
            visible(student, Check())
    except NotPassed as found:
        return "failed", str(found)
    except StudentRaised as error:
        return _raised(error)
    except StudentError as error:
        return "failed", str(error) or type(error).__name__
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        return "failed", f"the result is not of the kind that is asked for: {error}"
    return "passed", ""


def _raised(error: StudentRaised) -> tuple[str, str]:
    if error.exception == "NotImplementedError":
        return "not_attempted", error.detail or "not attempted yet"
    cell = "your cell" if "ipykernel" in error.cell or "<ipython" in error.cell else error.cell
    where = f" at {cell}, line {error.line}" if error.line else ""
    detail = f": {error.detail}" if error.detail else ""
    return "raised", f"{error.exception}{where}{detail}"


def mine(slug: str) -> Any:
    """Your own earlier exercise, from its notebook or module; says so if it does not pass yet."""
    from .local import own_module

    return own_module(slug)


def find_given() -> None:
    """Let a notebook import what students are given: `from starter_code.given.data import load`."""
    from .local import Desk

    Desk.find().make_given_importable()


def ask_my_checker(
    slug: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: tuple[Any, ...],
    names: tuple[str, ...],
) -> None:
    """Print what your own `check_gradient` says of your gradients; if nothing yet, why not.

    Args:
        slug: The exercise in which you wrote `check_gradient(forward, backward, inputs, dout)`.
        forward: A function of `inputs`.
        backward: A function of `dout` and `inputs`; returns a tuple of gradients.
        inputs: Arrays to check at.
        names: What the gradients are called, in order.
    """
    try:
        with np.errstate(all="ignore"):
            shape = np.shape(forward(*inputs))
            dout = np.random.default_rng().standard_normal(shape)
            errors = mine(slug).check_gradient(forward, backward, inputs, dout)
            for name, error in zip(names, errors, strict=True):
                print(f"your check_gradient: the error of {name} is {error:.1e}")
    except Exception as reason:  # whatever is not there or does not work yet
        print(f"your check_gradient says nothing yet ({type(reason).__name__}: {reason})")
