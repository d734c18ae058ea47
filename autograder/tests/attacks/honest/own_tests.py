"""Right, with tests of its own, some of which fail, and a main program.

expect: scale=full scale_backward=full
"""

import argparse
import unittest

import numpy as np
import pytest


def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    return dout * factor

class Tests(unittest.TestCase):
    def test_scale(self):
        np.testing.assert_allclose(scale(np.ones((2, 2)), 2.0), 3.0)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_backward(factor):
    assert scale_backward(np.ones((1, 1)), factor) == factor


assert scale(np.ones((1, 1)), 2.0)[0, 0] == 2.0
x = np.linspace(-1, 1, 5)
print(scale(x, 2.0))

if __name__ == "__main__":
    argparse.ArgumentParser().parse_args()
    unittest.main()
