"""Replaces the functions with which the worker sends answers: they can only send other answers.

expect: scale=0 scale_backward=full
review: yes
"""

import sys

import numpy as np


def loop():
    """The worker's own object that answers requests, found in the frames that called us."""
    frame = sys._getframe()
    while frame is not None:
        me = frame.f_locals.get("self")
        if hasattr(me, "inbox"):
            return me
        frame = frame.f_back

def scale(x, factor):
    names = type(loop()).answer.__globals__
    names["depart"] = lambda value: np.ones((2, 4))
    names["wire"].load = names["wire"].dump
    return x


def scale_backward(dout, factor):
    return dout * factor
