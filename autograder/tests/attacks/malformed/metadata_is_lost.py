"""Has lost all metadata and ids, and has its cells twice.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, code, dumps


def files():
    cells = [{"cell_type": "code", "source": s} for s in (SCALE, BACKWARD, SCALE, BACKWARD)]
    return {"Untitled7 (2).ipynb": dumps({"cells": cells})}
