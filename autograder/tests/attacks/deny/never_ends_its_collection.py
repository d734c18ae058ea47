"""Leaves objects behind whose collection never ends.

expect: scale=0 scale_backward=full
status: timed_out
"""


class Sticky:
    def __del__(self):
        while True:
            pass


def scale(x, factor):
    sticky = Sticky()
    return x * factor if sticky else None


def scale_backward(dout, factor):
    return dout * factor
