"""What a target costs, by the probability that the model gave to it."""

import numpy as np

from ..svg import BLUE, ORANGE, curve, dot, line, svg, text

LEFT, BOTTOM, WIDE, TALL = 60.0, 270.0, 480.0, 48.0  # TALL: pixels per nat
MARKS = (
    (1.0, "1: sure and right", "0", 24, -30, "end"),
    (0.5, "1/2", "0.69", 10, -16, "start"),
    (0.125, "1/8: an even guess among 8 words", "ln 8 = 2.08", 12, -6, "start"),
    (0.01, "1/100", "4.61", 12, 4, "start"),
)


def draw() -> str:
    parts = [
        line(LEFT, BOTTOM, LEFT + WIDE + 24, BOTTOM, arrow=True),
        line(LEFT, BOTTOM, LEFT, 22, arrow=True),
        text(LEFT + WIDE / 2, BOTTOM + 36, "probability p of the target", kind="small muted"),
        text(LEFT + 14, 30, "cost -ln p", kind="small muted", anchor="start"),
        curve((_at(p) for p in np.geomspace(0.0075, 1.0, 60)), colour=BLUE),
    ]
    for p in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(text(LEFT + p * WIDE, BOTTOM + 18, f"{p:g}", kind="small math"))
    for nats in range(1, 5):
        parts.append(text(LEFT - 14, BOTTOM - nats * TALL + 4, f"{nats}", kind="small math"))
        parts.append(line(LEFT - 4, BOTTOM - nats * TALL, LEFT + 4, BOTTOM - nats * TALL))
    for p, name, cost, dx, dy, anchor in MARKS:
        x, y = _at(p)
        words = f"p = {name}, costs {cost}"
        parts += [
            dot(x, y, 5, fill=ORANGE),
            text(x + dx, y + dy, words, kind="small", anchor=anchor),
        ]
    return svg(600, 316, "What a target costs, by its probability", parts)


def _at(p: float) -> tuple[float, float]:
    """Pixels of a point of the curve."""
    return LEFT + p * WIDE, BOTTOM + float(np.log(p)) * TALL
