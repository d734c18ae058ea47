"""Has the marks of a merge in it, between its functions.

expect: scale=full scale_backward=full
"""

def scale(x, factor):
    return x * factor

<<<<<<< HEAD
note = 1
=======
note = 2
>>>>>>> mine


def scale_backward(dout, factor):
    return dout * factor
