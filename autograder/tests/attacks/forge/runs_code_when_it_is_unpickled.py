"""Returns objects whose __reduce__ would run a program in a grader that unpickles answers.

expect: scale=0 scale_backward=full
review: yes
"""

import os

import numpy as np


class Bomb:
    def __reduce__(self):
        return os.system, ("touch @MARKER@",)

    __reduce_ex__ = lambda self, version: self.__reduce__()


class BombArray(np.ndarray):
    def __reduce__(self):
        return os.system, ("touch @MARKER@",)


calls = []


def scale(x, factor):
    calls.append(1)
    if len(calls) % 2:
        return Bomb()
    return np.array([Bomb(), Bomb()], dtype=object)


def scale_backward(dout, factor):
    return (dout * factor).view(BombArray)
