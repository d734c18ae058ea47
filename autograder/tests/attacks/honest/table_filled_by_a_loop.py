"""Right, with tables at the top that loops and calls fill.

expect: scale=full scale_backward=full
"""

import numpy as np

POWERS = {}
for n in range(5):
    POWERS[n] = 2.0**n

ones = []
ones.append(1.0)
ones.extend(ones)
signs = np.zeros(2)
signs[:] = -1
signs[1] = 1
total = 0
while total < 3:
    total += 1
offsets, (unit, *rest) = {}, (1.0, 2.0, 3.0)


def register(function):
    offsets[function.__name__] = 0.0
    return function


@register
def helper(x):
    return x * POWERS[0]


def scale(x, factor):
    return helper(x) * factor * ones[-1] * -float(signs.prod()) + offsets["helper"]


def scale_backward(dout, factor):
    return dout * factor * unit * (total - 2)
