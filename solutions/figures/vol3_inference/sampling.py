"""What top-k and top-p leave of a distribution, step by step."""

import numpy as np
from numpy.typing import NDArray

from ..svg import BLUE, ORANGE, curve, line, rect, svg, text

PROBS = np.array([0.30, 0.24, 0.16, 0.12, 0.08, 0.06, 0.04])
K, P = 5, 0.8
BOTTOM, UNIT = 190.0, 300.0


def draw() -> str:
    top_k = np.where(np.arange(len(PROBS)) < K, PROBS, 0.0)
    top_k /= top_k.sum()
    before = np.cumsum(top_k) - top_k
    top_p = np.where(before < P, top_k, 0.0)
    top_p /= top_p.sum()
    parts = [
        *_panel(10, "after the temperature", PROBS, BLUE),
        *_panel(260, f"after top_k = {K}", top_k, BLUE),
        *_panel(510, f"after top_p = {P}", top_p, ORANGE),
        line(215, 110, 250, 110, arrow=True),
        line(465, 110, 500, 110, arrow=True),
        *_sums(260, top_k),
    ]
    return svg(720, 250, "Top-k drops the tail, top-p keeps what is needed to reach p", parts)


def _panel(x: float, title: str, probs: NDArray[np.float64], colour: str) -> list[str]:
    parts = [text(x + 100, 18, title, kind="bold"), line(x, BOTTOM, x + 200, BOTTOM)]
    for i, p in enumerate(probs):
        left, tall = x + 4 + 28 * i, float(p) * UNIT
        if p > 0:
            parts.append(rect(left, BOTTOM - tall, 22, tall, fill=colour))
        label = f"{p:.2f}".removeprefix("0") if p > 0 else "0"
        parts.append(text(left + 11, BOTTOM - tall - 5, label, kind="small"))
    return parts


def _sums(x: float, probs: NDArray[np.float64]) -> list[str]:
    """What lies before each token, below the bars of the middle panel."""
    before = np.cumsum(probs) - probs
    parts = [text(x - 8, BOTTOM + 22, "before it", kind="small muted", anchor="end")]
    for i, s in enumerate(before[:K]):
        kind = "small" if s < P else "small muted"
        parts.append(text(x + 15 + 28 * i, BOTTOM + 22, f"{s:.2f}".removeprefix("0"), kind=kind))
    needed = int((before < P)[:K].sum())
    end = x + 1 + 28 * needed
    parts.append(curve([(end, 40.0), (end, BOTTOM + 30)], colour=ORANGE, dashed=True))
    parts.append(text(x + 100, BOTTOM + 48, f"as long as it is below {P}", kind="small muted"))
    return parts
