"""Has folders where files should be.

expect: scale=0 scale_backward=0
"""


def files():
    return {"scale.py": None, "scale.ipynb": None, "scale.zip": None}
