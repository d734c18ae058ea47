"""The loss of a training run: from ln V to the floor."""

import math

from ..svg import BLUE, ORANGE, curve, dot, line, svg, text

# Means over 10 steps up to step 100 and over 30 after it, of the run that the handout shows: they
# are written down, since the last digits of a training run differ from machine to machine.
LOSSES = (
    *((1.0, 3.477), (5.5, 3.292), (15.5, 2.439), (25.5, 1.437), (35.5, 1.063), (45.5, 0.957)),
    *((55.5, 0.923), (65.5, 0.909), (75.5, 0.879), (85.5, 0.845), (95.5, 0.828), (115.5, 0.805)),
    *((145.5, 0.772), (175.5, 0.743), (205.5, 0.737), (235.5, 0.726), (265.5, 0.712)),
    *((295.5, 0.712), (325.5, 0.701), (355.5, 0.692), (385.5, 0.669), (415.5, 0.640)),
    *((445.5, 0.625), (475.5, 0.621), (505.5, 0.616), (535.5, 0.606), (565.5, 0.606)),
)
FLOOR, WORDS, STEPS, TOP = 0.581, 3.07, 600, 3.8
LEFT, BOTTOM, ACROSS, UP = 70.0, 250.0, 520.0, 220.0


def draw() -> str:
    def at(step: float, loss: float) -> tuple[float, float]:
        return LEFT + ACROSS * step / STEPS, BOTTOM - UP * loss / TOP

    def level(loss: float, words: str) -> list[str]:
        (_, y), right = at(0, loss), LEFT + ACROSS
        return [
            curve([(LEFT, y), (right, y)], dashed=True),
            text(right, y - 6, words, kind="small muted", anchor="end"),
        ]

    (_, low), (end, high) = at(0, FLOOR), at(*LOSSES[-1])
    parts = [
        line(LEFT, BOTTOM, LEFT + ACROSS + 24, BOTTOM, arrow=True),
        line(LEFT, BOTTOM, LEFT, 16, arrow=True),
        *(text(at(s, 0)[0], BOTTOM + 18, str(s), kind="small") for s in (0, 200, 400, 600)),
        *(text(LEFT - 8, at(0, v)[1] + 4, str(v), kind="small", anchor="end") for v in range(4)),
        text(LEFT + ACROSS + 24, BOTTOM + 34, "step", kind="small", anchor="end"),
        text(LEFT + 8, 16, "loss in nats per token", kind="small", anchor="start"),
        *level(math.log(32), "ln V: a new model, or guessing"),
        *level(WORDS, "knows how often each word occurs"),
        curve([(LEFT, low), (LEFT + ACROSS, low)], colour=ORANGE),
        text(
            LEFT + ACROSS, low + 18, "the floor: nobody can know more", kind="small", anchor="end"
        ),
        curve((at(s, v) for s, v in LOSSES), colour=BLUE),
        *(dot(x, y, 4.0, fill=BLUE) for x, y in [at(*LOSSES[0]), (end, high)]),
        text(
            at(60, 0)[0], at(0, 1.35)[1], "which word follows which", kind="muted", anchor="start"
        ),
        text(at(300, 0)[0], at(0, 0.95)[1], "names, things, sums", kind="muted", anchor="start"),
    ]
    return svg(640, 300, "From ln V to the floor", parts)
