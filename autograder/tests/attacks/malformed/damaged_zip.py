"""Has a member whose bytes are damaged, and one that is whole.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    data = bytearray(zipped({"a/scale.py": "x = 1\n" * 1000, "b/scale.py": SCALE + BACKWARD}))
    at = data.index(b"a/scale.py") + len("a/scale.py")
    data[at : at + 10] = b"\xff" * 10
    return {"work.zip": bytes(data)}
