"""Has megabytes of code in a cell of prose that defines a graded function.

expect: scale=0 scale_backward=0
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, record


def files():
    prose = {"cell_type": "markdown", "metadata": {}, "source": SCALE + BACKWARD + "x = [1, 1, 1]\n" * 400_000}
    return {"scale.ipynb": record([prose])}
