"""Right, with prints, logging, progress and warnings on the standard error stream.

expect: scale=full scale_backward=full
"""

import logging
import sys
import warnings

import numpy as np

log = logging.getLogger(__name__)
logging.basicConfig(level=logging.DEBUG)


def scale(x, factor):
    print("scale", x.shape, x.dtype, factor)
    print("\rprogress 50 %", end="", file=sys.stderr, flush=True)
    warnings.warn("x may be large", RuntimeWarning, stacklevel=2)
    log.error("an ordinary message")
    return x * factor


def scale_backward(dout, factor):
    with np.errstate(all="warn"):
        np.array([1.0]) / np.array([0.0])
    sys.stdout.write("\N{GREEK SMALL LETTER DELTA} \N{SNOWMAN}\n")
    return dout * factor
