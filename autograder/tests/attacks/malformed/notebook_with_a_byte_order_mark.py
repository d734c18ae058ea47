"""Hands in a notebook and its text with a byte order mark: that is nothing to lose points for.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    return {"scale.ipynb": b"\xef\xbb\xbf" + notebook(SCALE, BACKWARD)}
