"""The columns of one head with d_head = 6: neighbours as pairs, then split into halves."""

from ..svg import BLUE, GREEN, ORANGE, line, rect, svg, text

COLOURS = (BLUE, ORANGE, GREEN)
HALVES = (0, 2, 4, 1, 3, 5)
TOP, BOTTOM = 45.0, 145.0


def draw() -> str:
    parts = [
        text(110, TOP + 25, "interleaved", kind="bold", anchor="end"),
        text(110, BOTTOM + 25, "half-split", kind="bold", anchor="end"),
        text(600, TOP + 25, "pairs (0, 1), (2, 3), (4, 5)", kind="small muted"),
        text(600, BOTTOM + 25, "the same pairs, 3 apart", kind="small muted"),
    ]
    for new, old in enumerate(HALVES):
        parts += _column(old, TOP, old)
        parts += _column(new, BOTTOM, old)
        parts.append(line(_middle(old), TOP + 44, _middle(new), BOTTOM - 4, arrow=True))
    middle = (_middle(2) + _middle(3)) / 2
    parts.append(text(middle, 28, "columns of one head", kind="small muted"))
    parts.append(line(middle, BOTTOM - 8, middle, BOTTOM + 50))
    return svg(700, 215, "The columns of a head in two orders", parts)


def _middle(place: int) -> float:
    return 165.0 + 62 * place


def _column(place: int, y: float, number: int) -> list[str]:
    colour = COLOURS[number // 2]
    x = _middle(place)
    return [rect(x - 22, y, 44, 40, fill=colour), text(x, y + 25, str(number), kind="bold on")]
