"""Splitting the columns of every token into heads: what a reshape and an exchange of axes do."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

TOKENS, HEADS, WIDTH = 4, 3, 2
CELL = 30
# Dark enough for white numbers, which say the same without colour.
COLOURS = (BLUE, ORANGE, "#00694d")


def draw() -> str:
    left, top = 70, 60
    parts = [text(left + HEADS * WIDTH * CELL / 2, top - 14, "x @ w_q of one sequence")]
    for t in range(TOKENS):
        parts.append(text(left - 10, top + t * CELL + 20, f"token {t}", kind="small", anchor="end"))
        for column in range(HEADS * WIDTH):
            parts += _cell(left + column * CELL, top + t * CELL, t, column)
    right = left + HEADS * WIDTH * CELL
    parts.append(line(right + 16, top + 60, right + 96, top + 60, arrow=True))
    parts.append(text(right + 56, top + 48, "split_heads", kind="small math"))
    for h in range(HEADS):
        start = right + 122 + h * (WIDTH * CELL + 24)
        parts.append(text(start + WIDTH * CELL / 2, top - 14, f"head {h}"))
        for t in range(TOKENS):
            for i in range(WIDTH):
                parts += _cell(start + i * CELL, top + t * CELL, t, h * WIDTH + i)
    about = "The number in a cell is its place in memory: a reshape changes none of them."
    parts.append(text(left, top + TOKENS * CELL + 34, about, kind="small muted", anchor="start"))
    return svg(640, 230, "Columns of a matrix of queries, split into three heads", parts)


def _cell(x: float, y: float, token: int, column: int) -> list[str]:
    place = token * HEADS * WIDTH + column
    return [
        rect(x + 1, y + 1, CELL - 2, CELL - 2, fill=COLOURS[column // WIDTH]),
        text(x + CELL / 2, y + 20, f"{place}", kind="small on"),
    ]
