"""Scores become probabilities; a shift of all scores changes nothing."""

import numpy as np

from ..svg import BLUE, ORANGE, line, rect, svg, text

SCORES = np.array([2.0, 1.0, 0.0, -1.0])


def draw() -> str:
    exps = np.exp(SCORES - SCORES.max())
    probs = exps / exps.sum()
    parts = [
        *_panel(20, "scores x", [f"{v:g}" for v in SCORES], SCORES + 1.3, ORANGE, 36),
        *_panel(250, "x + 100", [f"{v + 100:g}" for v in SCORES], SCORES + 1.3, ORANGE, 36),
        *_panel(490, "softmax of either", [f"{p:.2f}" for p in probs], probs, BLUE, 180),
        line(195, 110, 235, 110, arrow=True),
        text(215, 100, "+ 100", kind="small muted"),
        line(425, 110, 475, 110, arrow=True),
        text(450, 100, "softmax", kind="small muted"),
    ]
    return svg(680, 200, "Scores become probabilities; a shift changes nothing", parts)


def _panel(
    x: int, title: str, labels: list[str], heights: np.ndarray, colour: str, unit: float
) -> list[str]:
    parts = [text(x + 80, 20, title, kind="bold"), line(x, 170, x + 160, 170)]
    for i, (label, height) in enumerate(zip(labels, heights, strict=True)):
        tall = float(height) * unit
        parts.append(rect(x + 8 + 38 * i, 170 - tall, 30, tall, fill=colour))
        parts.append(text(x + 23 + 38 * i, 187, label, kind="small"))
    return parts
