"""Says that its members begin beyond the end of all files.

expect: scale=0 scale_backward=0
"""

import struct

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    data = bytearray(zipped({"scale.py": SCALE + BACKWARD}))
    at = data.index(b"PK\x01\x02")
    data[at + 42 : at + 46] = struct.pack("<I", 0xFFFFFFFF)
    extra = struct.pack("<HHQ", 1, 8, 1 << 63)
    data[at + 30 : at + 32] = struct.pack("<H", len(extra))
    name = at + 46 + len("scale.py")
    data[name:name] = extra
    end = data.index(b"PK\x05\x06")
    size = int.from_bytes(data[end + 12 : end + 16], "little") + len(extra)
    data[end + 12 : end + 16] = struct.pack("<I", size)
    return {"scale.zip": bytes(data)}
