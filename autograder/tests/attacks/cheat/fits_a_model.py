"""Learns the factor by least squares from examples it makes with Python's own product.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    samples = np.arange(1.0, 50.0)
    labels = np.array([s * factor for s in samples])
    learned = np.linalg.lstsq(samples[:, None], labels, rcond=None)[0][0]
    return x * x.dtype.type(learned)


def scale_backward(dout, factor):
    return dout * factor
