"""Imports with exec, eval, importlib and what the loader of another module offers.

expect: scale=full scale_backward=0
review: yes
"""

import importlib

import numpy as np


def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    names = {}
    for way in (
        lambda: exec("import jax.numpy as found", names),
        lambda: importlib.import_module("jax"),
        lambda: np.__loader__.load_module("torch"),
        lambda: np.__spec__.loader.__class__("torch", "@ROOT@/torch.py").load_module("torch"),
    ):
        try:
            way()
        except (ImportError, OSError):
            continue
        return dout * factor
    raise ImportError("nothing to cheat with")
