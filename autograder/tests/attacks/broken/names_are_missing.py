"""Uses names that are defined nowhere.

expect: scale=0 scale_backward=full
"""


def scale(x, factor):
    return np.multiply(x, the_factor)


def scale_backward(dout, factor):
    return dout * factor
