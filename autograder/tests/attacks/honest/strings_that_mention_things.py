"""Right, with texts, comments and names that look like forbidden ones.

expect: scale=full scale_backward=full
"""

# import torch; os.system("rm -rf /"); scipy.optimize; np.gradient(x)
NOTE = "import torch, scipy; os.system('x'); np.gradient; eval(exec(compile)); __import__('os')"
HELP = """
    Unlike torch.autograd we do this by hand: no np.gradient, no scipy.
"""


class Layer:
    gradient = None
    torch = "a light"

    def eval(self):
        return self

    def compile(self, gradient):
        self.gradient = gradient
        return gradient


def scale(x, factor):
    """Like torch.mul, but ours; see scipy.special."""
    layer = Layer().eval()
    gradient = {"torch": factor, "scipy": 1.0}
    return layer.compile(x * gradient["torch"]) * gradient["scipy"]


def scale_backward(dout, factor):
    gradient, os, system = dout * factor, NOTE, HELP
    return gradient if os and system else None
