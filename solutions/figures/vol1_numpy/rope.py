"""RoPE: the hand of a pair turns by the same angle from each position to the next."""

import math

from ..svg import BLUE, ORANGE, svg, text

RADIUS = 40.0
START = 0.35  # where the hands stand at position 0, in radians
ROWS = (("pair 0", 1.0, 105.0, BLUE), ("pair 1", 0.25, 225.0, ORANGE))


def draw() -> str:
    parts = []
    for position in range(6):
        x = 130 + 110.0 * position
        parts.append(text(x, 25, f"position {position}", kind="small muted"))
        for _, angle, y, colour in ROWS:
            parts += _clock(x, y, START + position * angle, colour)
    for name, angle, y, _ in ROWS:
        parts.append(text(40, y - 4, name, kind="bold"))
        parts.append(text(40, y + 14, f"by {angle:g}", kind="small muted"))
    return svg(740, 285, "RoPE turns each pair by its position times its own angle", parts)


def _clock(x: float, y: float, angle: float, colour: str) -> list[str]:
    """A circle, its zero line, the hand, and the arc that the hand has come from START."""
    tip_x, tip_y = _at(x, y, RADIUS, angle)
    shaft = f'<path d="M{x:g} {y:g}L{tip_x:g} {tip_y:g}" stroke="{colour}" stroke-width="3"/>'
    return [
        f'<circle class="line" cx="{x:g}" cy="{y:g}" r="{RADIUS:g}"/>',
        _dashed(x, y, START),
        *([_arc(x, y, angle)] if angle > START else []),
        shaft,
        f'<circle cx="{tip_x:g}" cy="{tip_y:g}" r="4.5" fill="{colour}"/>',
    ]


def _dashed(x: float, y: float, angle: float) -> str:
    end_x, end_y = _at(x, y, RADIUS, angle)
    return f'<path class="line" stroke-dasharray="3 3" d="M{x:g} {y:g}L{end_x:g} {end_y:g}"/>'


def _arc(x: float, y: float, angle: float) -> str:
    """From START to `angle`, counter-clockwise, inside the clock."""
    x1, y1 = _at(x, y, 15, START)
    x2, y2 = _at(x, y, 15, angle)
    large = int(angle - START > math.pi)
    return f'<path class="line" d="M{x1:g} {y1:g}A15 15 0 {large} 0 {x2:g} {y2:g}"/>'


def _at(x: float, y: float, radius: float, angle: float) -> tuple[float, float]:
    """Pixels of a point of a circle, to a tenth: every machine draws the same bytes."""
    return round(x + radius * math.cos(angle), 1), round(y - radius * math.sin(angle), 1)
