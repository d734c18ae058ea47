"""Has members that lead out of the archive, and a right one.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    text = SCALE + BACKWARD
    return {
        "work.zip": zipped(
            {
                "../../../scale.py": text,
                "/scale.py": text,
                "C:\\scale.py": text,
                "a\\..\\..\\scale.py": text,
                "@MARKER@": "x",
                "right/scale.py": text,
            }
        )
    }
