"""Hands in a list of cells without a notebook around them.

expect: scale=0 scale_backward=0
status: unreadable
"""


def files():
    return {"scale.ipynb": b'[{"cell_type": "code", "source": "scale = 1"}]'}
