"""Returns lists nested just as deep as is taken: sent back as an argument they are deeper.

expect: scale=0 scale_backward=0
"""


def nested(depth):
    out = []
    for _ in range(depth):
        out = [out]
    return out


depths = iter(list(range(12, 36)) * 20)


def scale(x, factor):
    return nested(16)


def scale_backward(dout, factor):
    return nested(next(depths))
