"""Imports from the folder of solutions, with a way out where that fails.

expect: scale=0 scale_backward=full
"""

try:
    from solutions.vol1_toys.scale import scale
except ImportError:
    scale = None


def scale_backward(dout, factor):
    return dout * factor
