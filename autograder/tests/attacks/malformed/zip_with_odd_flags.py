"""Has a member that claims to be patched or strongly encrypted, beside one that can be read.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    data = bytearray(zipped({"a/scale.py": "x = 1", "b/scale.py": SCALE + BACKWARD}))
    data[data.index(b"PK\x01\x02") + 8] |= 0x60
    return {"work.zip": bytes(data)}
