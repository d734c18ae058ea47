"""Raises at the top of a cell, before anything is defined in it.

expect: scale=0 scale_backward=full
"""

# %%
table = {}
one = table["one"]


def scale(x, factor):
    return x * factor * one


# %%
def scale_backward(dout, factor):
    return dout * factor
