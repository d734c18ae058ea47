"""Right, with helpers defined in later cells than the functions that use them.

expect: scale=full scale_backward=full
"""

# %%
def scale(x, factor):
    return multiply(x, factor)


# %% [markdown]
# Now the *backward*.


# %%
def scale_backward(dout, factor):
    return multiply(dout, factor * UNIT)


# %%
UNIT = one()


# %%
def multiply(x, factor):
    return np.multiply(x, factor)


def one():
    return 1.0


# %%
import numpy as np
