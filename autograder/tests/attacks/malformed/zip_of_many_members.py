"""Is an archive of fifty thousand members.

expect: scale=0 scale_backward=0
status: unreadable
"""

from autograder.tests.attacks.tools import zipped


def files():
    return {"scale.zip": zipped({f"{i}.py": "" for i in range(50_000)})}
