"""Is a notebook of version 3, with worksheets and `input`.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, code, dumps


def files():
    cells = [{"cell_type": "code", "input": s, "language": "python"} for s in (SCALE, BACKWARD)]
    return {"scale.ipynb": dumps({"nbformat": 3, "worksheets": [{"cells": cells}, 3]})}
