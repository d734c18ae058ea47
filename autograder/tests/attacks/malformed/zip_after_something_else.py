"""Is an archive with a program before it and a comment behind.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    return {"scale.zip": b"#!/bin/sh\nexit 1\n" * 100 + zipped({"scale.py": SCALE + BACKWARD})}
