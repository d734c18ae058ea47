"""The table of sines and cosines, and its first pairs as hands of clocks."""

import numpy as np

from ..svg import BLUE, ORANGE, curve, dot, line, rect, svg, text

PLACES, FEATURES, WIDE, TALL = 16, 12, 22, 14
LEFT, TOP, RADIUS, SHOWN = 64, 66, 50, 5


def draw() -> str:
    speeds = 10000.0 ** (-np.arange(0, FEATURES, 2) / FEATURES)
    parts = [
        text(LEFT + FEATURES * WIDE / 2, 20, "the table", kind="bold"),
        text(LEFT + FEATURES * WIDE / 2, TOP - 24, "feature", kind="small muted"),
        text(LEFT - 8, TOP - 8, "place t", kind="small muted", anchor="end"),
        *_table(speeds),
        rect(LEFT, TOP + PLACES * TALL + 14, 14, 14, fill=BLUE),
        text(LEFT + 20, TOP + PLACES * TALL + 26, "positive", kind="small", anchor="start"),
        rect(LEFT + 96, TOP + PLACES * TALL + 14, 14, 14, fill=ORANGE),
        text(LEFT + 116, TOP + PLACES * TALL + 26, "negative", kind="small", anchor="start"),
        text(550, 20, "pairs as hands of clocks, places 0 to 4", kind="bold"),
    ]
    for i in range(3):
        parts += _clock(404 + 146 * i, 160, i, float(speeds[i]))
    return svg(770, 320, "Sines and cosines of each place at many speeds", parts)


def _table(speeds: np.ndarray) -> list[str]:
    """One rectangle per entry; the larger the number, the fuller the colour."""
    parts = []
    for c in range(FEATURES):
        parts.append(text(LEFT + (c + 0.5) * WIDE, TOP - 8, f"{c}", kind="small math"))
    for t in range(PLACES):
        y = TOP + t * TALL
        if t % 5 == 0:
            parts.append(text(LEFT - 8, y + 12, f"{t}", kind="small math", anchor="end"))
        for c in range(FEATURES):
            angle = t * speeds[c // 2]
            value = float(np.cos(angle) if c % 2 else np.sin(angle))
            fill = BLUE if value >= 0 else ORANGE
            shade = round(abs(value), 2)
            parts.append(rect(LEFT + c * WIDE, y, WIDE - 1, TALL - 1, fill=fill, opacity=shade))
    return parts


def _clock(x: int, y: int, pair: int, speed: float) -> list[str]:
    """A circle with the hand's ends at the first places; cosine to the right, sine upwards."""
    around = np.linspace(0.0, 2 * np.pi, 49)
    parts = [
        curve((x + RADIUS * float(np.cos(a)), y - RADIUS * float(np.sin(a))) for a in around),
        text(x, y + RADIUS + 36, f"pair {pair}: features {2 * pair}, {2 * pair + 1}", kind="small"),
        text(x, y + RADIUS + 56, f"{speed:.2g} radian per place", kind="small muted"),
    ]
    for t in range(SHOWN):
        along, up = float(np.cos(speed * t)), float(np.sin(speed * t))
        tip = round(x + RADIUS * along, 1), round(y - RADIUS * up, 1)
        if t in (0, SHOWN - 1):
            parts.append(line(x, y, *tip))
            name = (x + (RADIUS + 14) * along, y - (RADIUS + 14) * up + 4)
            parts.append(text(round(name[0], 1), round(name[1], 1), f"{t}", kind="small math"))
        parts.append(dot(*tip, 4, fill=BLUE))
    return parts
