"""Step by step, from uniform numbers of either sign."""

import numpy as np

from .gradcheck import check_gradient

LIMIT = 1e-5


def find_the_bug(module):
    generator = np.random.default_rng(seed=20)
    names, point = [], []
    for name, array in module["inputs"].items():
        if np.issubdtype(array.dtype, np.integer):
            point.append(array)
            continue
        names.append(name)
        point.append(generator.uniform(-2.0, 2.0, size=array.shape))
    out = module["forward"](*point)
    dout = generator.uniform(-1.0, 1.0, size=out.shape)
    errors = check_gradient(module["forward"], module["backward"], tuple(point), dout)
    for name, error in zip(names, errors, strict=True):
        if error > LIMIT:
            return name
    return None
