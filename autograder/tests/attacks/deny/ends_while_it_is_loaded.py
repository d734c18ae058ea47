"""Ends the process while the module is loaded, cell after cell.

expect: scale=0 scale_backward=0
review: yes
"""

# %%
import os

first = os._exit(0)

# %%
second = os._exit(first)

# %%
third = os._exit(second)

# %%
fourth = os._exit(third)


# %%
def scale(x, factor):
    return x * factor + first + second + third + fourth


# %%
def scale_backward(dout, factor):
    return dout * factor + first + second + third + fourth
