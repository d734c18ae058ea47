"""Three optimizers in one long narrow valley, from the same start."""

from collections.abc import Callable

import numpy as np

from ...vol1_numpy.optimizers import AdamW, Floats, momentum_step, sgd_step
from ..svg import BLUE, GREEN, ORANGE, curve, dot, svg, text

CURVATURE = np.array([1.0, 20.0])  # the loss is half the sum of CURVATURE * p**2
START = np.array([-4.0, 1.2])
STEPS = 15
UNIT = (24.0, 50.0)  # pixels per unit, across and down


def draw() -> str:
    p, q, r, velocity = _start(), _start(), _start(), _start(0.0)
    sgd = _path(p, lambda g: sgd_step(p, g, 0.093))
    momentum = _path(q, lambda g: momentum_step(q, g, velocity, 0.035, 0.8))
    adam = _path(r, AdamW(r, 0.3, (0.8, 0.95), 1e-8, 0.0).step)
    parts = [
        *_panel(130, "SGD", sgd, ORANGE),
        *_panel(370, "momentum", momentum, BLUE),
        *_panel(610, "AdamW", adam, GREEN),
        text(370, 212, f"{STEPS} steps each; the minimum is in the middle", kind="small muted"),
    ]
    return svg(740, 222, "SGD, momentum and AdamW in a narrow valley", parts)


def _start(scale: float = 1.0) -> list[Floats]:
    return [scale * START]


def _path(params: list[Floats], step: Callable[[list[Floats]], None]) -> list[Floats]:
    points = [params[0].copy()]
    for _ in range(STEPS):
        step([CURVATURE * params[0]])
        points.append(params[0].copy())
    return points


def _panel(centre: float, title: str, points: list[Floats], colour: str) -> list[str]:
    def at(p: Floats) -> tuple[float, float]:
        return centre + UNIT[0] * float(p[0]), 120.0 - UNIT[1] * float(p[1])

    angles = np.linspace(0.0, 2 * np.pi, 73)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    levels = [np.sqrt(2 * loss / CURVATURE) * circle for loss in (0.5, 2.0, 4.5, 8.0)]
    return [
        text(centre, 22, title, kind="bold"),
        *(curve(map(at, level), dashed=True) for level in levels),
        curve(map(at, points), colour=colour),
        *(dot(*at(p), 2.5, fill=colour) for p in points),
        dot(*at(points[0]), 5.0, fill=colour),
    ]
