"""Returns texts that are just as long as is taken, and four times as long in memory; and bytes.

expect: scale=0 scale_backward=0
"""

TEXT = "x" * ((1 << 20) - 4) + "\U0001f642"


def scale(x, factor):
    return [TEXT] * 15


lengths = iter([1 << n for n in range(16, 24)] * 20)


def scale_backward(dout, factor):
    return {0: bytes(next(lengths)), 1: TEXT}
