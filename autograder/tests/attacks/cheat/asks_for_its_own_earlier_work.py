"""Asks the engine for its own earlier answer to this very exercise.

expect: scale=0 scale_backward=full
"""

from autograder.selfcheck import mine

scale = mine("vol1_toys/scale").scale


def scale_backward(dout, factor):
    return dout * factor
