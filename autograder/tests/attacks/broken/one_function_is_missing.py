"""Defines one function of two.

expect: scale=full scale_backward=0
status: not_attempted
"""

def scale(x, factor):
    return x * factor
