"""Catches whatever could stop it, and goes on.

expect: scale=0 scale_backward=full
status: timed_out
"""


def scale(x, factor):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
        finally:
            continue


def scale_backward(dout, factor):
    return dout * factor
