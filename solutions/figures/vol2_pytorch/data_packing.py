"""Three documents packed into two rows, and who may attend to whom in the first row."""

from ..svg import BLUE, GREEN, ORANGE, rect, svg, text

COLOURS = (BLUE, ORANGE, GREEN)
TOKENS = ("5", "6", "7", "eos", "8", "eos", "1", "2", "3", "4")
DOC = (0, 0, 0, 0, 1, 1, 2, 2, 2, 2)
T, SIDE, LEFT = 5, 48.0, 66.0
CELL, ACROSS, DOWN = 36.0, 470.0, 66.0


def draw() -> str:
    return svg(700, 286, "Packed documents and their attention mask", [*_rows(), *_mask()])


def _rows() -> list[str]:
    parts = [text(LEFT + SIDE * T / 2, 22, "two rows of five", kind="bold")]
    for row in range(2):
        top = 44.0 + 112 * row
        parts += [
            text(LEFT - 10, top + 26, "ids", kind="math", anchor="end"),
            text(LEFT - 10, top + 62, "doc", kind="math", anchor="end"),
        ]
        for i in range(T):
            k = row * T + i
            x = LEFT + SIDE * i
            fill = COLOURS[DOC[k]]
            middle = x + SIDE / 2
            parts += [
                rect(x + 2, top, SIDE - 4, 40, fill=fill, opacity=0.35),
                text(middle, top + 26, TOKENS[k], kind="math"),
                text(middle, top + 62, str(DOC[k]), kind="math"),
            ]
    parts.append(text(LEFT + SIDE * T / 2, 274, "eos has its document's index", kind="small muted"))
    return parts


def _mask() -> list[str]:
    middle = ACROSS + CELL * T / 2
    parts = [
        text(middle, 22, "mask of the first row", kind="bold"),
        text(middle, 44, "token s is read", kind="small muted"),
        text(ACROSS - 44, DOWN + CELL * T / 2, "by token t", kind="small muted", anchor="end"),
    ]
    for t in range(T):
        parts += [
            text(ACROSS + CELL * (t + 0.5), DOWN - 5, TOKENS[t], kind="small math"),
            text(ACROSS - 8, DOWN + CELL * t + 23, TOKENS[t], kind="small math", anchor="end"),
        ]
        for s in range(T):
            seen = s <= t and DOC[s] == DOC[t]
            x, y = ACROSS + CELL * s, DOWN + CELL * t
            fill = COLOURS[DOC[t]] if seen else ""
            box = rect(x + 1, y + 1, CELL - 2, CELL - 2, fill=fill, opacity=0.55 if seen else 1.0)
            parts.append(box)
    parts.append(text(middle, 274, "filled: may attend", kind="small muted"))
    return parts
