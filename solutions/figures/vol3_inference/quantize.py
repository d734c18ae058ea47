"""Two rows of weights on their grids: one step for both, and a step for each."""

import numpy as np
from numpy.typing import NDArray

from ..svg import BLUE, ORANGE, dot, line, svg, text

LARGE = np.array([-0.93, -0.55, -0.2, 0.31, 0.72, 1.0])
SMALL = np.array([-0.2, -0.13, -0.06, 0.05, 0.11, 0.17])
CODES = 4  # a grid of -4..4 in place of -127..127, so that it can be seen
CENTRE, HALF = 370.0, 240.0


def draw() -> str:
    one, own = float(np.abs(LARGE).max()), float(np.abs(SMALL).max())
    parts = [
        text(CENTRE, 18, "one step for both rows", kind="bold"),
        *_row(60, "row 0", LARGE, one, BLUE),
        *_row(120, "row 1", SMALL, one, ORANGE),
        text(CENTRE, 172, "a step for each row", kind="bold"),
        *_row(214, "row 0", LARGE, one, BLUE),
        *_row(274, "row 1", SMALL, own, ORANGE),
        text(CENTRE, 322, "ticks: multiples of the step", kind="small muted"),
    ]
    return svg(720, 334, "A row of small weights needs a step of its own", parts)


def _row(y: float, name: str, w: NDArray[np.float64], largest: float, colour: str) -> list[str]:
    """Weights above a line, arrows to the ticks that they are rounded to."""
    step = largest / CODES
    codes = np.rint(w / step)
    parts = [
        text(CENTRE - HALF - 24, y + 5, name, kind="bold", anchor="end"),
        line(CENTRE - HALF, y, CENTRE + HALF, y),
        text(CENTRE + HALF + 12, y + 5, f"{len(set(codes))} codes", kind="small", anchor="start"),
    ]
    for code in range(-CODES, CODES + 1):
        at = CENTRE + code * step * HALF
        parts.append(line(at, y - 5, at, y + 5))
    for weight, code in zip(w, codes, strict=True):
        start, end = (CENTRE + float(a) * HALF for a in (weight, code * step))
        parts.append(line(start, y - 18, end, y - 2))
        parts.append(dot(start, y - 18, 4, fill=colour))
    return parts
