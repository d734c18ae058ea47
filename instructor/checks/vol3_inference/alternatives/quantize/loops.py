"""Plain loops over Python numbers."""

import numpy as np


def nearest(value):
    """Python's own round: halves to the even number."""
    return round(float(value))


def scaled(row, top):
    largest = max(abs(number) for number in row)
    return largest / row.dtype.type(top) if largest > 0 else row.dtype.type(1)


def quantize_int8(w):
    q, scale = np.zeros(w.shape, np.int8), np.ones((w.shape[0], 1), w.dtype)
    back = np.zeros(w.shape, w.dtype)
    for i, row in enumerate(w):
        scale[i, 0] = scaled(row, 127)
        for j, number in enumerate(row):
            q[i, j] = nearest(number / scale[i, 0])
            back[i, j] = q[i, j] * scale[i, 0]
    return q, scale, back


def pack_int4(q):
    rows, columns = q.shape
    if columns % 2 == 1:
        raise ValueError("an odd number of columns")
    packed = np.zeros((rows, columns // 2), np.uint8)
    for i in range(rows):
        for j in range(columns // 2):
            packed[i, j] = int(q[i, 2 * j]) % 16 + 16 * (int(q[i, 2 * j + 1]) % 16)
    return packed


def unpack_int4(packed):
    q = np.zeros((packed.shape[0], 2 * packed.shape[1]), np.int8)
    for (i, j), byte in np.ndenumerate(packed):
        high, low = divmod(int(byte), 16)
        q[i, 2 * j] = low - 16 if low > 7 else low
        q[i, 2 * j + 1] = high - 16 if high > 7 else high
    return q


def dequantize_int4(packed, scale, group_size):
    q = unpack_int4(packed)
    out = np.zeros(q.shape, scale.dtype)
    for (i, j), code in np.ndenumerate(q):
        out[i, j] = code * scale[i, j // group_size]
    return out


def quantize_int4(w, group_size):
    q = np.zeros(w.shape, np.int8)
    scale = np.ones((w.shape[0], w.shape[1] // group_size), w.dtype)
    for i, g in np.ndindex(scale.shape):
        columns = range(g * group_size, (g + 1) * group_size)
        scale[i, g] = scaled(w[i, list(columns)], 7)
        for j in columns:
            q[i, j] = nearest(w[i, j] / scale[i, g])
    packed = pack_int4(q)
    return packed, scale, dequantize_int4(packed, scale, group_size)


def linear_w8a8(x, q, scale):
    rows = x.reshape(-1, x.shape[-1])
    out = np.zeros((len(rows), len(q)), x.dtype)
    weights = [[int(number) for number in row] for row in q]
    for n, row in enumerate(rows):
        step = scaled(row, 127)
        codes = [nearest(number / step) for number in row]
        for o, row_of_w in enumerate(weights):
            total = sum(a * b for a, b in zip(codes, row_of_w, strict=True))
            out[n, o] = total * float(step) * float(scale[o, 0])
    return out.reshape(*x.shape[:-1], len(q))
