"""relu, gelu and silu, and their slopes."""

import numpy as np
from numpy.typing import NDArray

from ..svg import BLUE, GREEN, ORANGE, curve, line, svg, text

Array = NDArray[np.float64]
UNIT = 40.0  # pixels for a step of 1 along x
X = np.linspace(-4.0, 4.0, 161)
NAMES = (("relu", GREEN), ("gelu", ORANGE), ("silu", BLUE))


def draw() -> str:
    outs = _outs(X)
    slopes = {name: np.gradient(out, X) for name, out in outs.items()}
    parts = [
        text(180, 20, "x times its gate", kind="bold"),
        *_panel(20, 210, 40.0, outs, [(-4, "-4"), (4, "4")], [(2, "2"), (4, "4")]),
        text(560, 20, "the slope", kind="bold"),
        *_panel(400, 210, 130.0, slopes, [(-4, "-4"), (4, "4")], [(0.5, "1/2"), (1, "1")]),
    ]
    return svg(740, 275, "Three activations and their slopes", parts)


def _outs(x: Array) -> dict[str, Array]:
    u = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    gates = {"relu": x > 0, "gelu": 0.5 + 0.5 * np.tanh(u), "silu": 1 / (1 + np.exp(-x))}
    return {name: x * gate for name, gate in gates.items()}


def _panel(
    left: float,
    zero: float,
    unit: float,
    curves: dict[str, Array],
    below: list[tuple[float, str]],
    beside: list[tuple[float, str]],
) -> list[str]:
    """Three curves over one pair of axes; `zero` is the height of y = 0 in pixels."""
    middle = left + 4 * UNIT
    parts = [line(left, zero, left + 8 * UNIT, zero), line(middle, zero + 40, middle, 35)]
    parts += [text(middle + UNIT * at, zero + 17, tick, kind="small muted") for at, tick in below]
    for at, tick in beside:
        parts.append(line(middle - 4, zero - unit * at, middle + 4, zero - unit * at))
        parts.append(text(middle - 8, zero - unit * at + 4, tick, kind="small muted", anchor="end"))
    for row, (name, colour) in enumerate(NAMES):
        points = zip(middle + UNIT * X, zero - unit * curves[name], strict=True)
        dashed = name == "gelu"
        parts.append(curve(points, colour=colour, dashed=dashed))
        y = 60 + 20 * row
        parts.append(curve([(left, y), (left + 28, y)], colour=colour, dashed=dashed))
        parts.append(text(left + 36, y + 4, name, kind="small", anchor="start"))
    return parts
