"""Scores become probabilities; a shift of all scores changes nothing."""

import numpy as np
from numpy.typing import NDArray

from ..svg import BLUE, ORANGE, line, rect, svg, text

SCORES = np.array([2.0, 1.0, 0.0, -1.0])
SHIFT = 2.0


def draw() -> str:
    exps = np.exp(SCORES - SCORES.max())
    probs = exps / exps.sum()
    parts = [
        *_panel(10, "scores x", [f"{v:g}" for v in SCORES], SCORES, ORANGE, 30),
        *_panel(250, "x + 2", [f"{v:g}" for v in SCORES + SHIFT], SCORES + SHIFT, ORANGE, 30),
        *_panel(500, "softmax of either", [f"{p:.2f}" for p in probs], probs, BLUE, 180),
        line(185, 110, 235, 110, arrow=True),
        text(210, 100, "+ 2", kind="small muted"),
        line(430, 110, 485, 110, arrow=True),
        text(457, 100, "softmax", kind="small muted"),
    ]
    return svg(680, 225, "Scores become probabilities; a shift changes nothing", parts)


def _panel(
    x: int, title: str, labels: list[str], heights: NDArray[np.float64], colour: str, unit: float
) -> list[str]:
    """Bars from a zero line at y = 170, one label above or below each."""
    parts = [text(x + 80, 20, title, kind="bold"), line(x, 170, x + 160, 170)]
    for i, (label, height) in enumerate(zip(labels, heights, strict=True)):
        tall, left = float(height) * unit, x + 8 + 38 * i
        parts.append(rect(left, 170 - max(tall, 0.0), 30, abs(tall), fill=colour))
        parts.append(text(left + 15, 218, label, kind="small"))
    return parts
