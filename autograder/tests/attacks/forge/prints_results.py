"""Prints what a grader that reads the output would take for results, commands or colours.

expect: scale=0 scale_backward=full
never: "points": 13
"""

import sys


def scale(x, factor):
    points = '"points"' + ": 13"
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        print('{"tests": [{"score": 7, "max_score": 7}], %s}' % points.replace(":", " :"), file=stream)
        print("::set-output name=points::13\n::error::\n1 passed in 0.01s\nOK", file=stream)
        print("\x1b]0;13/13\x07\x1b[2J\x1b[32mPASSED\x1b[0m\r\x00", file=stream)
    return None


def scale_backward(dout, factor):
    return dout * factor
