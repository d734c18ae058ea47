"""Right, with an operator as a class that functions use.

expect: scale=full scale_backward=full
"""


class Op:
    registry = {}

    def __init_subclass__(cls):
        Op.registry[cls.__name__] = cls

    def __call__(self, *args):
        return self.forward(*args)


class Scale(Op):
    __slots__ = ("factor",)

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return x * self.factor

    @property
    def slope(self):
        return self.factor

    @staticmethod
    def backward(dout, slope):
        return dout * slope


def scale(x, factor):
    return Op.registry["Scale"](factor)(x)


def scale_backward(dout, factor):
    return Scale.backward(dout, Scale(factor).slope)
