"""Binds the names to arrays, texts and modules.

expect: scale=0 scale_backward=0
"""

import numpy as np

scale = np.ones(3)
scale_backward = "dout * factor"
