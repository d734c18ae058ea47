"""Has numbers, texts, lists and nothing where cells, sources and metadata should be.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, code, record


def files():
    odd = [None, 1, "def scale(x): pass", [], {}, {"cell_type": "code"}, {"source": SCALE}, True]
    odd += [{"cell_type": ["code"], "source": {"a": 1}, "metadata": 3, "id": []}]
    odd += [{"cell_type": "code", "source": [1, None, ["x"]], "metadata": {"nbgrader": []}}]
    return {"scale.ipynb": record([*odd, code(SCALE), code(BACKWARD), *odd])}
