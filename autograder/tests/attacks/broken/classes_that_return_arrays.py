"""Defines a class whose construction gives an array: any callable of the right name counts.

expect: scale=full scale_backward=full
"""


class scale:
    def __new__(cls, x, factor):
        return x * factor


class Backward:
    def __call__(self, dout, factor):
        return dout * factor


scale_backward = Backward()
