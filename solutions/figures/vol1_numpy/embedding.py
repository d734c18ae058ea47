"""A lookup takes rows of a table; its gradients go back to the rows that were taken."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

IDS, ROWS, FEATURES, CELL = (2, 0, 2), 4, 3, 26
COLOURS = {0: BLUE, 2: ORANGE}
TABLE_TOP, TOKEN_TOP, STEP = 70, 64, 44


def draw() -> str:
    parts = [
        text(190, 20, "forward: tokens take rows", kind="bold"),
        text(550, 20, "backward: gradients return to the rows", kind="bold"),
        *_table(60, "table"),
        *_tokens(240, "out"),
        *_tokens(420, "dout"),
        *_table(620, "dtable"),
    ]
    for token, row in enumerate(IDS):
        parts.append(line(60 + FEATURES * CELL + 6, _row(row), 194, _token(token), arrow=True))
        parts.append(line(420 + FEATURES * CELL + 6, _token(token), 588, _row(row), arrow=True))
    return svg(730, 216, "Tokens take rows of a table; gradients return to them", parts)


def _row(row: int) -> float:
    """The height of a row's middle in either table."""
    return TABLE_TOP + (row + 0.5) * (CELL + 4)


def _token(token: int) -> float:
    """The height of a token's middle."""
    return TOKEN_TOP + token * STEP + CELL / 2


def _table(left: int, name: str) -> list[str]:
    parts = [text(left + FEATURES * CELL / 2, TABLE_TOP - 18, name, kind="math")]
    for row in range(ROWS):
        y = _row(row)
        parts.append(text(left - 12, y + 5, f"{row}", kind="small math"))
        parts += _vector(left, y, COLOURS.get(row, ""))
    return parts


def _tokens(left: int, name: str) -> list[str]:
    parts = [text(left + FEATURES * CELL / 2, TABLE_TOP - 18, name, kind="math")]
    for token, row in enumerate(IDS):
        y = _token(token)
        parts.append(text(left - 8, y + 5, f"id {row}", kind="small math", anchor="end"))
        parts += _vector(left, y, COLOURS[row])
    return parts


def _vector(left: int, y: float, fill: str) -> list[str]:
    return [
        rect(left + i * CELL + 1, y - CELL / 2 + 1, CELL - 2, CELL - 2, fill=fill)
        for i in range(FEATURES)
    ]
