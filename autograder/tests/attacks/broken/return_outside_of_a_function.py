"""Returns outside of a function, in a cell of its own.

expect: scale=full scale_backward=full
"""

# %%
def scale(x, factor):
    return x * factor

# %%
return scale


# %%
def scale_backward(dout, factor):
    return dout * factor
