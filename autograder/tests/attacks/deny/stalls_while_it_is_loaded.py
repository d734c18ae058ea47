"""Never gets through its own module: what stands in other cells is graded all the same.

expect: scale=0 scale_backward=full
"""

# %%
import time

table = [time.sleep(1e6)]


# %%
def scale(x, factor):
    return x * factor * len(table)


# %%
def scale_backward(dout, factor):
    return dout * factor
