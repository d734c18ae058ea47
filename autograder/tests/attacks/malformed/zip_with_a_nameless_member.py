"""Has a member without a name: it is nobody's.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    data = zipped({"x": "", "scale.py": SCALE + BACKWARD})
    local = data.index(b"PK\x03\x04")
    central = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    out = bytearray(data)
    del out[central + 46]
    out[central + 28] = 0
    size = int.from_bytes(out[end - 1 + 12 : end - 1 + 16], "little") - 1
    out[end - 1 + 12 : end - 1 + 16] = size.to_bytes(4, "little")
    return {"work.zip": bytes(out)}
