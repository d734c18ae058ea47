"""Returns structures without an end, and objects that never stop having items.

expect: scale=0 scale_backward=0
"""


def scale(x, factor):
    out = [1.0]
    out.append(out)
    return out


class Endless:
    def __getitem__(self, key):
        return Endless()

    def __len__(self):
        return 1 << 62

    def __iter__(self):
        return self

    def __next__(self):
        return Endless()

    def __getattr__(self, name):
        return Endless()

    def __call__(self, *args):
        return Endless()


def scale_backward(dout, factor):
    return Endless()
