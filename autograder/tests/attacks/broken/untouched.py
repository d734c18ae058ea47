"""Is what was handed out.

expect: scale=0 scale_backward=0
status: not_attempted
"""

import numpy as np


def scale(x, factor):
    """Multiply `x` by `factor`."""
    raise NotImplementedError("scale is yours to write")


def scale_backward(dout, factor):
    """Push `dout` back through `scale`."""
    raise NotImplementedError("scale_backward is yours to write")
