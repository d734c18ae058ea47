"""A course of three tiny exercises as literal text, for tests of the engine.

`scale` has an operator and its gradient, `counter` a class that is driven through handles, and
`balance` takes its first part from `scale` by a relative import.
"""

from pathlib import Path

TOML = """\
title = "Toys"

[[volumes]]
folder = "vol1_toys"
title = "Volume 1: toys"
arrays = "numpy"
exercises = ["scale", "counter", "balance"]
planned = ["later"]
forbidden_modules = ["scipy"]
forbidden_calls = ["numpy.gradient"]

[forbidden]
"vol1_toys/scale" = ["numpy.poly1d"]
"""

SCALE = '''\
"""Scaling: one factor for everything, and the gradient of that."""

# %% [markdown]
# # Scale
#
# Multiply, then differentiate: $y = f x$.
#
# ![A line through the origin whose slope is the factor.](figures/line.svg)

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# %% [markdown]
# ## Forward


# %%
def scale(x: Floats, factor: float) -> Floats:
    """Multiply `x` by `factor`.

    Args:
        x: (N, M). What is scaled.
        factor: By how much.

    Returns:
        out: (N, M), dtype of `x`.

    Source:
        Any book.
    """
    ### BEGIN SOLUTION
    out: Floats = x * factor
    return out
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_scale(student: Student, check: Check) -> None:
    """Worked numbers."""
    check.close(student.scale(np.array([[1.0, -2.0]]), 3.0), [[3.0, -6.0]], "scale([1, -2], 3)")


# %% [markdown]
# ## Backward


# %%
def scale_backward(dout: Floats, factor: float) -> Floats:
    """Push `dout` back through `scale`.

    Args:
        dout: (N, M). Gradient of the loss with respect to the result.
        factor: By how much the argument was scaled.

    Returns:
        dx: (N, M), dtype of `dout`.

    Source:
        Any book.
    """
    ### BEGIN SOLUTION
    dx: Floats = dout * factor
    return dx
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_scale_backward(student: Student, check: Check) -> None:
    """Your own scale, differenced."""
    x, dout = np.array([[1.0, 2.0]]), np.array([[0.5, -1.0]])
    dx = student.scale_backward(dout, 3.0)
    check.gradient(dx, lambda v: student.scale(v, 3.0), x, dout, "dx")
'''

COUNTER = '''\
"""Counting: an object that remembers."""

# %% [markdown]
# # Counter

# %%
import numpy as np

# %% [markdown]
# ## The class


# %%
class Counter:
    """Add numbers to an array in place, and remember how often.

    Args:
        values: What is added to.
        step: By how much each call adds.

    Source:
        Any book.
    """

    def __init__(self, values: np.ndarray, step: float) -> None:
        ### BEGIN SOLUTION
        self.values, self.step, self.calls = values, step, 0
        ### END SOLUTION

    def add(self, amount: float) -> int:
        """Add `amount` steps to every value and return how many calls there were."""
        ### BEGIN SOLUTION
        self.values += amount * self.step
        self.calls += 1
        return self.calls
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_Counter(student: Student, check: Check) -> None:
    """Two calls by hand."""
    values = student.hold(np.array([1.0, 2.0]))
    counter = student.Counter(values, 0.5)
    check.close(counter.add(2.0), 1, "the first add(2)")
    check.close(counter.add(4.0), 2, "the second add(4)")
    check.close(student.fetch(values), [4.0, 5.0], "the values")
'''

BALANCE = '''\
"""Balancing: rows without a mean, scaled as before."""

# %% [markdown]
# # Balance

# %%
import numpy as np

from .scale import scale

# %% [markdown]
# ## Forward


# %%
def balance(x: np.ndarray, factor: float = 2.0) -> np.ndarray:
    """Scale `x` and take the mean off each row.

    Args:
        x: (N, M). What is balanced.
        factor: By how much.

    Returns:
        out: (N, M), dtype of `x`.

    Source:
        Any book.
    """
    ### BEGIN SOLUTION
    scaled = scale(x, factor)
    return scaled - scaled.mean(axis=-1, keepdims=True)
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_balance(student: Student, check: Check) -> None:
    """Worked numbers."""
    check.close(student.balance(np.array([[1.0, 3.0]])), [[-2.0, 2.0]], "balance([1, 3])")
'''

SCALE_CHECKS = '''\
"""Hidden checks for vol1_toys/scale."""

import numpy as np

from autograder import Exercise, array, derived
from solutions.vol1_toys import scale

exercise = Exercise(
    "vol1_toys/scale",
    solution=scale,
    difficulty=1,
    minutes=5,
    inputs={
        "x": array("N M"),
        "dout": array("N M"),
        "factor": derived(lambda rng: float(rng.uniform(1.2, 1.8))),
    },
    sizes={"N": [2, 3, 1], "M": [4, 3, 2]},
)
exercise.matches_reference("scale", points=3)


@exercise.satisfies("scale", points=2)
def factors_multiply(student, x, factor):
    """Scaling twice is scaling by the square."""
    return student.scale(student.scale(x, factor), factor), x * factor**2


exercise.keeps_dtype("scale", points=1)
exercise.leaves_inputs_alone("scale", points=1)

exercise.slip("scale", "adds", "x * factor", "x + factor", "The factor is added, not multiplied.")
exercise.slip("scale", "divides", "x * factor", "x / factor", "It divides where it multiplies.")
exercise.slip("scale", "transposes", "x * factor", "x.T * factor", "The axes are swapped.")


@exercise.mistake("scale")
def widens(x, factor):
    """The result is float64 for float32 numbers."""
    return np.asarray(x, dtype=np.float64) * factor


@exercise.mistake("scale")
def writes_into_x(x, factor):
    """The array that was given is changed: work on a new one."""
    x *= factor
    return x


exercise.matches_reference("scale_backward", points=2)
exercise.matches_finite_differences("scale_backward", of="scale", wrt=["x"], points=2)


@exercise.satisfies("scale_backward", points=1)
def gradients_add_up(student, dout, factor):
    """The gradient of a sum is the sum of gradients."""
    return student.scale_backward(dout + 1.0, factor), (dout + 1.0) * factor


exercise.keeps_dtype("scale_backward", points=1)
exercise.slip("scale_backward", "adds", "dout * factor", "dout + factor", "Not a sum.")
exercise.slip("scale_backward", "forgets", "dout * factor", "dout * 1", "The factor is missing.")
exercise.slip("scale_backward", "twice", "dout * factor", "dout * factor**2", "Once too often.")


@exercise.mistake("scale_backward")
def also_widens(dout, factor):
    """The gradient is float64 for float32 numbers."""
    return np.asarray(dout, dtype=np.float64) * factor
'''

COUNTER_CHECKS = '''\
"""Hidden checks for vol1_toys/counter."""

import numpy as np

from autograder import Exercise, array, constant
from solutions.vol1_toys import counter

exercise = Exercise(
    "vol1_toys/counter",
    solution=counter,
    difficulty=2,
    minutes=10,
    inputs={"values": array("N"), "step": constant(0.5)},
    sizes={"N": [3, 4]},
)


@exercise.satisfies("Counter", points=3, kind="R")
def values_after_three_calls(student, values, step):
    """After three calls the array holds everything that was added, and calls are counted."""
    held = student.hold(values)
    one = student.Counter(held, step)
    yield [one.add(amount) for amount in (1.0, 2.5, -0.25)], [1, 2, 3]
    yield student.fetch(held), values + step * 3.25


@exercise.satisfies("Counter", points=2)
def two_counters_share_nothing(student, values, step):
    """Each object counts for itself."""
    one = student.Counter(student.hold(values), step)
    two = student.Counter(student.hold(values), step)
    one.add(1.0)
    return two.add(1.0), 1


@exercise.satisfies("Counter", points=1, kind="E")
def calls_can_be_read(student, values, step):
    """The attribute `calls` starts at zero."""
    return student.Counter(student.hold(values), step).calls, 0


exercise.slip(
    "Counter", "no_step", "amount * self.step", "amount", "The step is missing in what is added."
)
exercise.slip("Counter", "subtracts", "self.values +=", "self.values -=", "The sign is wrong.")


@exercise.mistake("Counter")
class works_on_a_copy:
    """The array is copied, so that the caller's never changes."""

    def __init__(self, values, step):
        self.values, self.step, self.calls = values.copy(), step, 0

    def add(self, amount):
        self.values += amount * self.step
        self.calls += 1
        return self.calls


@exercise.mistake("Counter")
class begins_with_a_call:
    """The first call counts as the second."""

    def __init__(self, values, step):
        self.values, self.step, self.calls, self.count = values, step, 0, 1

    def add(self, amount):
        self.values += amount * self.step
        self.count += 1
        return self.count


@exercise.mistake("Counter")
class starts_at_one:
    """`calls` is 1 before the first call."""

    def __init__(self, values, step):
        self.values, self.step, self.count, self.calls = values, step, 0, 1

    def add(self, amount):
        self.values += amount * self.step
        self.count += 1
        return self.count
'''

BALANCE_CHECKS = '''\
"""Hidden checks for vol1_toys/balance."""

import numpy as np

from autograder import Exercise, array, constant
from solutions.vol1_toys import balance

exercise = Exercise(
    "vol1_toys/balance",
    solution=balance,
    difficulty=5,
    minutes=10,
    inputs={"x": array("N M"), "factor": constant(1.7)},
    sizes={"N": [2, 3], "M": [4, 3]},
)
exercise.matches_reference("balance", points=2)


@exercise.satisfies("balance", points=1)
def rows_sum_to_zero(student, x):
    """Every row of the result sums to zero."""
    return student.balance(x).sum(axis=-1), np.zeros(len(x))


exercise.keeps_dtype("balance", points=1)
exercise.slip("balance", "other_axis", "axis=-1", "axis=0", "The mean is taken over columns.")
exercise.slip("balance", "everything", "axis=-1, keepdims=True", "", "One mean for everything.")
exercise.slip("balance", "no_factor", "scale(x, factor)", "x", "The factor is ignored.")


@exercise.mistake("balance")
def widens(x, factor=2.0):
    """The result is float64 for float32 numbers."""
    return balance.balance(np.asarray(x, dtype=np.float64), factor)
'''

FIGURE = '''\
"""A line through the origin."""


def draw() -> str:
    """The figure as SVG."""
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><path d="M0 2L2 0"/></svg>\\n'
'''

LOOPS = """\
import numpy as np


def scale(x, factor):
    return np.array([[v * x.dtype.type(factor) for v in row] for row in x], dtype=x.dtype)


def scale_backward(dout, factor):
    return np.multiply(factor, dout)
"""

ROWS = """\
import numpy as np


def _times(array, factor):
    out = np.empty(array.shape, dtype=array.dtype)
    for i, row in enumerate(array):
        out[i] = row * factor
    return out


scale = _times


def scale_backward(dout, factor):
    return _times(dout, factor)
"""

IN_PLACE = """\
def scale(x, factor):
    out = x.copy()
    out *= factor
    return out


def scale_backward(dout, factor):
    return -(dout * -factor)
"""

COUNTERS = {
    "from_the_front": "self.values[:] = self.values + amount * self.step",
    "one_by_one": "for i in range(len(self.values)): self.values[i] += self.step * amount",
    "by_numpy": "np.add(self.values, self.step * amount, out=self.values)",
}

ANOTHER_COUNTER = """\
import numpy as np


class Counter:
    def __init__(self, values, step):
        self.values, self.step, self.calls = values, step, 0

    def add(self, amount):
        {add}
        self.calls = self.calls + 1
        return self.calls
"""

BALANCES = {
    "mean_first": "scale(x - x.mean(axis=-1, keepdims=True), factor)",
    "by_sum": "scale(x, factor) - scale(x.sum(axis=-1, keepdims=True) / x.shape[-1], factor)",
    "transposed": "(scale(x, factor).T - scale(x, factor).mean(axis=1)).T",
}

ANOTHER_BALANCE = """\
from .scale import scale


def balance(x, factor=2.0):
    return {result}
"""

ALTERNATIVES = "instructor/checks/vol1_toys/alternatives"

FILES = {
    "instructor/course.toml": TOML,
    "instructor/checks/vol1_toys/scale.py": SCALE_CHECKS,
    "instructor/checks/vol1_toys/counter.py": COUNTER_CHECKS,
    "instructor/checks/vol1_toys/balance.py": BALANCE_CHECKS,
    f"{ALTERNATIVES}/scale/loops.py": LOOPS,
    f"{ALTERNATIVES}/scale/rows.py": ROWS,
    f"{ALTERNATIVES}/scale/in_place.py": IN_PLACE,
    **{
        f"{ALTERNATIVES}/counter/{name}.py": ANOTHER_COUNTER.format(add=add)
        for name, add in COUNTERS.items()
    },
    **{
        f"{ALTERNATIVES}/balance/{name}.py": ANOTHER_BALANCE.format(result=result)
        for name, result in BALANCES.items()
    },
    "solutions/__init__.py": '"""Toys."""\n',
    "solutions/vol1_toys/__init__.py": '"""Toys."""\n',
    "solutions/vol1_toys/scale.py": SCALE,
    "solutions/vol1_toys/counter.py": COUNTER,
    "solutions/vol1_toys/balance.py": BALANCE,
    "solutions/figures/__init__.py": '"""Figures."""\n',
    "solutions/figures/vol1_toys/__init__.py": '"""Figures."""\n',
    "solutions/figures/vol1_toys/line.py": FIGURE,
}


def write(root: Path) -> None:
    """Write the course below `root`."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def edit(root: Path, name: str, old: str, new: str) -> Path:
    """Replace `old`, which must occur, in one file of the course."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} does not have {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def append(root: Path, name: str, text: str) -> Path:
    """Add `text` to the end of one file of the course."""
    path = root / name
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    return path
