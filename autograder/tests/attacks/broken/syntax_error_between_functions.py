"""Does not parse between two functions of a plain module: both are read all the same.

expect: scale=full scale_backward=full
"""

def scale(x, factor):
    return x * factor

print "hello"
factor = = 3


def scale_backward(dout, factor):
    return dout * factor
