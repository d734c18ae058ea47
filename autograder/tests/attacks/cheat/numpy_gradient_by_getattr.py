"""Gets at a forbidden function in a way that only a person sees through; its values are right.

expect: scale=full scale_backward=full
review: yes
"""

import numpy as np


def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    slope = getattr(np, "grad" + "ient")(np.array([0.0, factor]))[0]
    return dout * dout.dtype.type(slope)
