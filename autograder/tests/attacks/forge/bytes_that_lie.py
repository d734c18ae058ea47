"""Returns bytes, and subclasses of bytes with other lengths, contents and opinions than they have.

expect: scale=0 scale_backward=full
"""


class Raw(bytes):
    def __len__(self):
        return 1 << 40

    def __bytes__(self):
        return b"passed" * 10**6

    def __getitem__(self, key):
        return "passed"

    def __buffer__(self, flags):
        raise SystemExit(0)

    def __eq__(self, other):
        return True

    __hash__ = bytes.__hash__


calls = []


def scale(x, factor):
    calls.append(1)
    raw = (x * factor).tobytes()
    return (raw, Raw(raw), {0: Raw(raw)}, bytearray(raw), memoryview(raw))[len(calls) % 5]


def scale_backward(dout, factor):
    return dout * factor
