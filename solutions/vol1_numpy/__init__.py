"""Volume 1: the mathematics by hand, in NumPy."""
