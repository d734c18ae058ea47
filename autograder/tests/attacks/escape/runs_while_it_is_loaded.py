"""Does its worst while the module is loaded, from decorators, defaults, classes and annotations.

expect: scale=full scale_backward=full
review: yes
"""

import os


def worst(what=None):
    for way in (
        lambda: open("@MARKER@", "w"),
        lambda: os.system("touch @MARKER@"),
        lambda: os.kill(int("@PID@"), 9),
        lambda: os.fork() == 0 and os._exit(0),
    ):
        try:
            way()
        except OSError:
            pass
    return what


class Meta(type):
    def __init__(cls, *args):
        worst()


class Helper(metaclass=Meta):
    inside = worst()

    def __init_subclass__(cls):
        worst()

    def __set_name__(self, owner, name):
        worst()


class Child(Helper):
    helper = Helper()


@worst
def scale(x: worst(), factor=worst(1.0), used=Child) -> worst():
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
