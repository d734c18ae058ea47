"""Returns subclasses of list, dict and str with other lengths, items and texts than they have.

expect: scale=0 scale_backward=full
"""


class List(list):
    def __len__(self):
        return 10**9

    def __iter__(self):
        while True:
            yield 0.0

    def __eq__(self, other):
        return True


class Dict(dict):
    def items(self):
        return [(self, self)] * 10**6

    def __iter__(self):
        return iter([{}, []])

    def __eq__(self, other):
        return True


class Text(str):
    def encode(self, *args):
        return b"\xff" * 10**6

    def __len__(self):
        return 3

    def __eq__(self, other):
        return True


calls = []


def scale(x, factor):
    calls.append(1)
    return (List([1.0]), Dict(a=1), Text("passed"))[len(calls) % 3]


def scale_backward(dout, factor):
    return dout * factor
