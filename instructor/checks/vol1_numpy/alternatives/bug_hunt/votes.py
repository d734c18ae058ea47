"""Several points near the given one; the worst error that each tensor ever has decides."""

import numpy as np

from .gradcheck import check_gradient


class Hunt:
    def __init__(self, module):
        self.forward, self.backward = module["forward"], module["backward"]
        self.inputs = list(module["inputs"].items())
        self.rng = np.random.default_rng(7)

    def is_float(self, array):
        return array.dtype.kind == "f"

    def moved(self, array):
        if self.is_float(array):
            return array + self.rng.normal(size=array.shape)
        return array.copy()

    def errors(self):
        point = [self.moved(array) for _, array in self.inputs]
        dout = self.rng.normal(size=np.shape(self.forward(*point)))
        # Functions of our own, so that calls can be counted and wrapped.
        return check_gradient(
            lambda *arguments: self.forward(*arguments),
            lambda dout, *arguments: self.backward(dout, *arguments),
            tuple(point),
            dout,
        )


def find_the_bug(module):
    hunt = Hunt(module)
    worst = np.max([hunt.errors() for _ in range(2)], axis=0)
    names = [name for name, array in hunt.inputs if hunt.is_float(array)]
    if not (worst > 1e-7).any():
        return None
    return names[int(worst.argmax())]
