"""Maps memory that is shared, which some limits do not count.

expect: scale=0 scale_backward=full
review: yes
"""

import mmap


def scale(x, factor):
    kept = []
    while True:
        area = mmap.mmap(-1, 1 << 26, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        area.write(b"x" * (1 << 26))
        kept.append(area)


def scale_backward(dout, factor):
    return dout * factor
