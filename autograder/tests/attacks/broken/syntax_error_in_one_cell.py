"""Does not parse in one cell: that costs the function in it.

expect: scale=0 scale_backward=full
"""

# %%
def scale(x, factor:
    return x * factor


# %%
def scale_backward(dout, factor):
    return dout * factor
