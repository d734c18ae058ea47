"""Calls its parameters as it likes: they are passed by position.

expect: scale=full scale_backward=full
"""


def scale(tensor, by, /, *rest, note="", **others):
    return tensor * by


def scale_backward(*args):
    dout, factor = args
    return dout * factor
