"""Is an archive that would unpack to gigabytes.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import zipped


def files():
    return {"scale.zip": zipped({f"{i}/scale.py": b"\n" * 60_000_000 for i in range(4)})}
