"""Defines classes with the names of functions: calling them gives objects.

expect: scale=0 scale_backward=0
"""


class scale:
    def __init__(self, x, factor):
        self.out = x * factor


class scale_backward(float):
    def __new__(cls, dout, factor):
        return super().__new__(cls, 0.0)
