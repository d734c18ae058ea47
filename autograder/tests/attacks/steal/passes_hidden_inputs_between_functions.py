"""One function keeps hidden inputs for the visible check of the other one.

expect: scale=0 scale_backward=0
never: hidden input
"""

seen = []


def scale(x, factor):
    if factor == 3.0:
        return "hidden" + f" input {seen}" if seen else x * factor
    seen.append(x.tolist())
    return x + factor


def scale_backward(dout, factor):
    if factor == 3.0:
        return "hidden" + f" input {seen}" if seen else dout + factor
    seen.append(dout.tolist())
    return dout + factor
