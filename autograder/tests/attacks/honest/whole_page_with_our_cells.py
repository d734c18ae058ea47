"""Right, in the page as it was handed out: given code, checks and prose around it.

expect: scale=full scale_backward=full
"""

# %% [markdown]
# # Scale
#
# Multiply, then differentiate: $y = f x$.

# %%
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


# %%
def scale(x: Floats, factor: float) -> Floats:
    """Multiply `x` by `factor`."""
    return x * factor


# %%
from autograder.selfcheck import Check, Student


def visible_scale(student: Student, check: Check) -> None:
    """Worked numbers."""
    check.close(student.scale(np.array([[1.0, -2.0]]), 3.0), [[3.0, -6.0]], "scale([1, -2], 3)")


# %%
def scale_backward(dout: Floats, factor: float) -> Floats:
    """Push `dout` back through `scale`."""
    dx: Floats = dout * factor
    return dx
