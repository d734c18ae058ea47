"""Is an archive of archives, five deep.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    data = zipped({"scale.py": SCALE + BACKWARD})
    for _ in range(5):
        data = zipped({"scale.zip": data})
    return {"scale.zip": data}
