"""Raises exceptions that call themselves what would count as passed, with a text for the feedback.

expect: scale=0 scale_backward=0
never: Congratulations
"""


class Passed(BaseException):
    def __str__(self):
        return "Congratu" + "lations"

    __repr__ = __str__


Passed.__name__ = Passed.__qualname__ = "Congratu" + "lations: 13 of 13 points"
Passed.__module__ = "builtins"


class AssertionPassed(NotImplementedError):
    pass


def scale(x, factor):
    raise Passed("full")


def scale_backward(dout, factor):
    raise AssertionPassed("Congratu" + "lations") from Passed()
