"""Numbers and objects of students are strange at times; what libraries say of it is no news."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def quiet() -> Iterator[None]:
    """Check code runs without warnings of NumPy, PyTorch or Python on anybody's terminal."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
