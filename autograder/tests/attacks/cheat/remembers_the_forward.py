"""Keeps what one function was given for the other one, as an autograd of its own would.

expect: scale=full scale_backward=0
"""

tape = []


def scale(x, factor):
    out = x * factor
    tape.append((x, out))
    return out


def scale_backward(dout, factor):
    x, out = tape.pop()
    return dout * (out / x)
