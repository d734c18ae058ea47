"""Is a module of percent cells, some of prose, one of them broken.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    parts = ["# %% [markdown]\n# def scale(x): nothing\n", "# %%\n" + SCALE, "#%% odd title\n)(\n", "# %%\n" + BACKWARD]
    return {"scale.py": "\n".join(parts).encode()}
