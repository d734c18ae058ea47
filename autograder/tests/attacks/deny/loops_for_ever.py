"""Never returns.

expect: scale=0 scale_backward=full
status: timed_out
"""


def scale(x, factor):
    while True:
        pass


def scale_backward(dout, factor):
    return dout * factor
