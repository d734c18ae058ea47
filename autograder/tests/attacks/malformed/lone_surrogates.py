"""Has characters that are no Unicode in a cell, in its metadata and in keys.

expect: scale=0 scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, code, record


def files():
    bad = code(SCALE + "\n# \ud800")
    bad["metadata"] = {"\udfff": "\ud800", "nbgrader": {"grade_id": "\ud800"}}
    bad["id"] = "\udc00"
    return {"scale.ipynb": record([bad, code(BACKWARD)])}
