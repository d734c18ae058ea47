"""The learning rates of two groups over a run, with one floor for both."""

import math

from ..svg import BLUE, ORANGE, curve, dot, line, svg, text

WARMUP, TOTAL, END = 20, 100, 118
RATES, MIN_LR = ((1.0, BLUE, "group 0"), (0.6, ORANGE, "group 1")), 0.12
LEFT, BOTTOM, ACROSS, UP = 90.0, 200.0, 4.6, 160.0


def draw() -> str:
    parts = [
        line(LEFT, BOTTOM, LEFT + ACROSS * END + 24, BOTTOM, arrow=True),
        line(LEFT, BOTTOM, LEFT, 22, arrow=True),
        *(curve([_at(s, 1.08), _at(s, 0.0)], dashed=True) for s in (WARMUP, TOTAL)),
        curve([_at(0, MIN_LR), _at(END, MIN_LR)], dashed=True),
        *(text(*_below(s), name, kind="small math") for s, name in _marks()),
        text(LEFT - 8, BOTTOM + 4, "0", kind="small math", anchor="end"),
        text(LEFT - 8, _at(0, MIN_LR)[1] + 4, "min_lr", kind="small math", anchor="end"),
        text(LEFT + ACROSS * END + 24, BOTTOM + 18, "step", kind="small math"),
    ]
    for number, (lr, colour, name) in enumerate(RATES):
        parts += [
            curve([_at(s, _rate(s, lr)) for s in range(END + 1)], colour=colour),
            *(dot(*_at(s, _rate(s, lr)), 3.5, fill=colour) for s in (0, 1, 2)),
            text(LEFT - 8, _at(0, lr)[1] + 4, "its own lr", kind="small math", anchor="end"),
            text(
                LEFT + ACROSS * (49, 33)[number],
                (58.0, 92.0)[number],
                name,
                kind="small",
                anchor="start",
            ),
        ]
    return svg(700, 228, "Two groups: each rises to its own rate, both fall to one floor", parts)


def _rate(step: int, lr: float) -> float:
    if step < WARMUP:
        return lr * step / WARMUP
    done = min(1.0, (step - WARMUP) / (TOTAL - WARMUP))
    return MIN_LR + (lr - MIN_LR) * math.cos(math.pi * done / 2) ** 2


def _at(step: float, lr: float) -> tuple[float, float]:
    return LEFT + ACROSS * step, BOTTOM - UP * lr


def _below(step: int) -> tuple[float, float]:
    return LEFT + ACROSS * step, BOTTOM + 18


def _marks() -> list[tuple[int, str]]:
    return [(0, "0"), (WARMUP, "warmup"), (TOTAL, "total")]
