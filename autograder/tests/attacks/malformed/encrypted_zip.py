"""Has an encrypted member beside one that can be read.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    data = bytearray(zipped({"b/scale.py": SCALE + BACKWARD, "a/scale.py": "x = 1"}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    return {"work.zip": bytes(data)}
