"""Plots with a forbidden function, in a cell that no graded function reaches.

expect: scale=full scale_backward=full
"""

import numpy as np

try:
    from scipy import stats
except ImportError:
    stats = None


def check_by_hand(x):
    return np.gradient(x)


def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    return dout * factor

if __name__ == "__main__":
    print(check_by_hand(np.arange(3.0)))
