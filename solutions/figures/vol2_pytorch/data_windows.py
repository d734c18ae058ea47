"""A row of tokens and two windows of it, inputs above targets, one token apart."""

from ..svg import BLUE, ORANGE, rect, svg, text

SIDE, LEFT = 46.0, 130.0
TOKENS, T = 10, 4


def draw() -> str:
    parts = [
        text(LEFT - 14, 57, "ids", kind="math", anchor="end"),
        *(text(_x(i), 24, str(i), kind="small muted") for i in range(TOKENS)),
        *(cell for i in range(TOKENS) for cell in _token(i, 32)),
        text(LEFT - 14, 24, "index", kind="small muted", anchor="end"),
        text(_x(9), 96, "left over", kind="small muted"),
    ]
    for window, top in enumerate((112.0, 232.0)):
        parts += _window(window, top)
    return svg(640, 340, "Two windows of four tokens, and their targets one token later", parts)


def _x(i: int) -> float:
    return LEFT + SIDE * (i + 0.5)


def _token(i: int, top: float, fill: str = "") -> list[str]:
    box = rect(LEFT + SIDE * i + 2, top, SIDE - 4, 38, fill=fill, opacity=0.35 if fill else 1.0)
    return [box, text(_x(i), top + 25, "abcdefghij"[i], kind="math")]


def _window(window: int, top: float) -> list[str]:
    parts = []
    for name, shift, fill, y in (("x", 0, BLUE, top), ("y", 1, ORANGE, top + 44)):
        start = window * T + shift
        parts.append(text(LEFT - 14, y + 25, f"{name}[{window}]", kind="math", anchor="end"))
        parts += [cell for i in range(start, start + T) for cell in _token(i, y, fill)]
    return parts
