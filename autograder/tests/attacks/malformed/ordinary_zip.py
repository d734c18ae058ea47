"""Is packed with folders and what a Mac leaves in them.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, zipped


def files():
    return {
        "work.zip": zipped(
            {
                "hw/scale.py": SCALE + BACKWARD,
                "__MACOSX/hw/._scale.py": "\0",
                "hw/.ipynb_checkpoints/scale.py": "def scale(x, factor): return 0",
                "hw/.DS_Store": "x",
            }
        )
    }
