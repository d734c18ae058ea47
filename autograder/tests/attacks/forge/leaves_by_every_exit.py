"""Raises one exception after the other that a careless loop lets through.

expect: scale=0 scale_backward=full
"""

exits = [SystemExit(0), KeyboardInterrupt(), GeneratorExit(), StopIteration(), EOFError()] * 20


def scale(x, factor):
    raise exits.pop()


def scale_backward(dout, factor):
    return dout * factor
