"""Probabilities laid end to end: a uniform number falls into the piece of one token."""

from ..svg import BLUE, GREEN, ORANGE, line, rect, svg, text

PROBS = (0.125, 0.5, 0.25, 0.125)
U = 0.7
LEFT, WIDTH = 30.0, 600.0


def draw() -> str:
    parts: list[str] = []
    start = 0.0
    for i, p in enumerate(PROBS):
        x = LEFT + start * WIDTH
        chosen = start <= U < start + p
        colour = ORANGE if chosen else (BLUE, GREEN)[i % 2]
        parts.append(rect(x, 70, p * WIDTH - 2, 40, fill=colour, opacity=1.0))
        parts.append(text(x + p * WIDTH / 2, 95, f"id {i}", kind="bold on"))
        parts.append(text(x + p * WIDTH / 2, 62, f"{p:g}", kind="small muted"))
        start += p
        parts.append(text(LEFT + start * WIDTH, 132, f"{start:g}", kind="small"))
    at = LEFT + U * WIDTH
    parts += [
        text(LEFT, 132, "0", kind="small"),
        line(at, 22, at, 68, arrow=True),
        text(at, 16, f"u = {U:g}", kind="bold"),
        text(LEFT + WIDTH / 2, 156, "cumulative sums", kind="small muted"),
    ]
    return svg(660, 168, "A uniform number falls into the piece of one token", parts)
