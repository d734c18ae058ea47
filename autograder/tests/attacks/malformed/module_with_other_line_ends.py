"""Hands in a module from another system: byte order mark, CR and CR LF.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    return {"scale.py": b"\xef\xbb\xbf" + (SCALE.replace("\n", "\r\n") + "\r\r" + BACKWARD.replace("\n", "\r")).encode()}
