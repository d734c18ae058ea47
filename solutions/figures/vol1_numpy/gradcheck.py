"""The error of finite differences against the step: too large a step, and too small a one."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..svg import BLUE, GREEN, ORANGE, curve, line, svg, text

POINTS = (0.31, 0.47, 0.59, 0.73, 0.83, 0.97, 1.13)  # the largest error of these is drawn
LEFT, RIGHT, TOP, BOTTOM = 80.0, 500.0, 40.0, 300.0
STEPS, ERRORS = (0, -12), (0, -13)  # powers of ten at the ends of the axes
Quotient = Callable[[Any, Any], Any]


def draw() -> str:
    one_sided: Quotient = lambda x, h: (_f(x + h) - _f(x)) / h  # noqa: E731
    central: Quotient = lambda x, h: (_f(x + h) - _f(x - h)) / (h + h)  # noqa: E731
    parts = [
        *_axes(),
        curve(_points(one_sided, np.float64, -12), colour=ORANGE),
        curve(_points(central, np.float64, -12), colour=BLUE),
        curve(_points(central, np.float32, -6), colour=GREEN, dashed=True),
        *_label(540, 60, "central, float32", GREEN, dashed=True),
        *_label(540, 90, "one-sided, float64", ORANGE),
        *_label(540, 120, "central, float64", BLUE),
        text(540, 240, "left: the step is too large,", kind="small muted", anchor="start"),
        text(540, 257, "the curve bends within it", kind="small muted", anchor="start"),
        text(540, 281, "right: it is too small,", kind="small muted", anchor="start"),
        text(540, 298, "digits are lost", kind="small muted", anchor="start"),
    ]
    return svg(720, 350, "The error of finite differences against the step", parts)


def _f(x: Any) -> Any:
    """Only sums, products and a quotient, so that rounding is the same on every machine."""
    return x * x * x / (x * x + type(x)(1))


def _points(
    quotient: Quotient, kind: type[np.floating[Any]], last: int
) -> Iterable[tuple[float, float]]:
    """Error against step, each step half the one before, down to 10**last."""
    h = 0.7
    while h > 10.0**last:
        error = max(abs(float(quotient(kind(x), kind(h))) - _slope(float(kind(x)))) for x in POINTS)
        yield _x(math.log10(h)), _y(math.log10(error))
        h /= 2


def _slope(x: float) -> float:
    square = x * x
    return (square * square + 3 * square) / ((square + 1) * (square + 1))


def _x(power: float) -> float:
    return LEFT + (power - STEPS[0]) / (STEPS[1] - STEPS[0]) * (RIGHT - LEFT)


def _y(power: float) -> float:
    return TOP + (power - ERRORS[0]) / (ERRORS[1] - ERRORS[0]) * (BOTTOM - TOP)


def _axes() -> list[str]:
    parts = [line(LEFT, BOTTOM, RIGHT, BOTTOM), line(LEFT, TOP, LEFT, BOTTOM)]
    for power in range(0, -13, -2):
        parts.append(line(_x(power), BOTTOM, _x(power), BOTTOM + 5))
        parts.append(text(_x(power), BOTTOM + 20, _power(power), kind="small"))
        parts.append(line(LEFT - 5, _y(power), LEFT, _y(power)))
        parts.append(text(LEFT - 10, _y(power) + 4, _power(power), kind="small", anchor="end"))
    parts.append(text((LEFT + RIGHT) / 2, BOTTOM + 42, "step h", kind="bold"))
    parts.append(text(LEFT, TOP - 18, "error", kind="bold"))
    return parts


def _power(power: int) -> str:
    return "1" if power == 0 else f"1e{power}"


def _label(x: float, y: float, words: str, colour: str, *, dashed: bool = False) -> list[str]:
    return [
        curve([(x, y - 5), (x + 28, y - 5)], colour=colour, dashed=dashed),
        text(x + 38, y, words, anchor="start"),
    ]
