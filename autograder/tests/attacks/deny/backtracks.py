"""Matches a regular expression that takes exponential time.

expect: scale=0 scale_backward=full
status: timed_out
"""

import re


def scale(x, factor):
    return re.match(r"(a|aa|a?)+$", "a" * 60 + "b")


def scale_backward(dout, factor):
    return dout * factor
