"""RMSNorm with two features: a ray becomes a point of a circle; only tangents come back."""

import numpy as np

from ..svg import BLUE, GREEN, ORANGE, PURPLE, line, svg, text

Point = tuple[float, float]

UNIT = 110.0  # pixels for a length of 1
RADIUS = 2**0.5  # root mean square 1, two features
X = np.array([0.72, 0.42])
G = np.array([0.1, 1.1])  # the gradient that arrives at x-hat
LEFT, RIGHT = (50.0, 275.0), (405.0, 275.0)


def draw() -> str:
    x_hat = X / np.sqrt((X * X).mean())
    tangent = G - x_hat * (G * x_hat).mean()
    parts = [
        text(195, 20, "forward: only the direction stays", kind="bold"),
        *_plane(LEFT),
        _dashed(LEFT, 0 * X, 3 * X),
        *_dot(LEFT, X, "x", ORANGE),
        *_dot(LEFT, 3 * X, "3 x", ORANGE),
        *_dot(LEFT, x_hat, "x-hat of both", BLUE),
        text(550, 20, "backward: only the tangent goes on", kind="bold"),
        *_plane(RIGHT),
        _dashed(RIGHT, 0 * X, x_hat),
        _dashed(RIGHT, x_hat + tangent, x_hat + G),
        _dashed(RIGHT, x_hat + G - tangent, x_hat + G),
        *_arrow(RIGHT, x_hat, G - tangent, PURPLE),
        *_arrow(RIGHT, x_hat, G, ORANGE),
        *_arrow(RIGHT, x_hat, tangent, GREEN),
        *_dot(RIGHT, x_hat, "x-hat", BLUE),
        _label(RIGHT, x_hat + G, "g, arriving at x-hat", 8, 2),
        _label(RIGHT, x_hat + tangent, "g along the circle:", -78, -42),
        _label(RIGHT, x_hat + tangent, "goes on to x", -78, -26),
        _label(RIGHT, x_hat + G - tangent, "g along x: removed", 8, 12),
    ]
    return svg(740, 300, "RMSNorm with two features, forward and backward", parts)


def _plane(origin: Point) -> list[str]:
    """Two axes and a quarter of the circle on which every x-hat lies."""
    x, y = origin
    r = RADIUS * UNIT
    return [
        line(x - 15, y, x + 265, y),
        line(x, y + 15, x, y - 225),
        f'<path class="line" d="M{x + r:.1f} {y:g}A{r:.1f} {r:.1f} 0 0 0 {x:g} {y - r:.1f}"/>',
        text(x + r - 6, y + 17, "√d_model", kind="small muted"),
    ]


def _at(origin: Point, point: np.ndarray) -> Point:
    """Pixels of a point of the plane, to a tenth: every machine draws the same bytes."""
    x, y = origin[0] + UNIT * float(point[0]), origin[1] - UNIT * float(point[1])
    return round(x, 1), round(y, 1)


def _dashed(origin: Point, start: np.ndarray, end: np.ndarray) -> str:
    (x1, y1), (x2, y2) = _at(origin, start), _at(origin, end)
    return f'<path class="line" stroke-dasharray="4 4" d="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'


def _dot(origin: Point, point: np.ndarray, label: str, colour: str) -> list[str]:
    x, y = _at(origin, point)
    dot = f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="{colour}"/>'
    return [dot, _label(origin, point, label, 7, 17)]


def _label(origin: Point, point: np.ndarray, words: str, right: float, down: float) -> str:
    x, y = _at(origin, point)
    return text(x + right, y + down, words, kind="small", anchor="start")


def _arrow(origin: Point, start: np.ndarray, step: np.ndarray, colour: str) -> list[str]:
    """A thick arrow from `start` to `start + step`."""
    (x1, y1), (x2, y2) = _at(origin, start), _at(origin, start + step)
    dx, dy = 11 * step / np.hypot(*step) * [1, -1]
    shaft = f"M{x1:g} {y1:g}L{x2 - dx:.1f} {y2 - dy:.1f}"
    tip = f"M{x2:g} {y2:g}L{x2 - dx - dy / 2:.1f} {y2 - dy + dx / 2:.1f}"
    return [
        f'<path d="{shaft}" stroke="{colour}" stroke-width="3"/>',
        f'<path d="{tip}L{x2 - dx + dy / 2:.1f} {y2 - dy - dx / 2:.1f}Z" fill="{colour}"/>',
    ]
