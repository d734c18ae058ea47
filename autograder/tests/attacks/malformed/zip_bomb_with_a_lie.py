"""Is an archive whose table of contents says that it is small.

expect: scale=0 scale_backward=0
status: unreadable
"""

import struct

from autograder.tests.attacks.tools import zipped


def files():
    size = 200_000_000
    data = zipped({"scale.py": b"#" * size})
    return {"scale.zip": data.replace(struct.pack("<I", size), struct.pack("<I", 1000))}
