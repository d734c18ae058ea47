"""Right, with global names that functions change, which do not change what is right.

expect: scale=full scale_backward=full
"""

calls, cache = 0, {}


def scale(x, factor):
    global calls
    calls += 1
    cache["x"] = x.copy()
    return x * factor


def scale_backward(dout, factor):
    global cache
    cache = dict(cache, dout=dout.copy())
    return dout * factor
