"""Three words as bytes, and what three merges make of them."""

from ..svg import BLUE, ORANGE, rect, svg, text

WORDS = ("low", " low", " lower")
MERGES = (("l", "o"), ("lo", "w"), (" ", "low"))
LEFT, TOP, CELL, HEIGHT = (120, 270, 460), 44, 30, 28


def draw() -> str:
    rows = [[list(word) for word in WORDS]]
    for pair in MERGES:
        rows.append([_joined(word, pair) for word in rows[-1]])
    labels = ("bytes", *(f"merge {i}" for i in range(1, len(MERGES) + 1)))
    made = {"".join(pair) for pair in MERGES}
    parts = [
        text(left, 26, f"'{word}'", kind="math", anchor="start")
        for left, word in zip(LEFT, WORDS, strict=True)
    ]
    for number, (label, row) in enumerate(zip(labels, rows, strict=True)):
        y = TOP + number * (HEIGHT + 16)
        parts.append(text(10, y + 19, label, kind="bold", anchor="start"))
        newest = "".join(MERGES[number - 1]) if number else ""
        for left, word in zip(LEFT, row, strict=True):
            parts += _word(word, left, y, newest, made)
    return svg(670, 222, "Three merges: l o, then lo w, then space low", parts)


def _joined(word: list[str], pair: tuple[str, str]) -> list[str]:
    """A word with one pair joined; here it never occurs twice."""
    for i in range(len(word) - 1):
        if (word[i], word[i + 1]) == pair:
            return [*word[:i], "".join(pair), *word[i + 2 :]]
    return word


def _word(symbols: list[str], left: int, y: int, newest: str, made: set[str]) -> list[str]:
    """One box per symbol, as wide as its bytes; the newest kind stands out."""
    parts = []
    for symbol in symbols:
        width = CELL * len(symbol)
        fill = ORANGE if symbol == newest else BLUE if symbol in made else ""
        shown = symbol.replace(" ", "\u2423")
        kind = "math on" if fill else "math"
        parts.append(rect(left + 1, y, width - 3, HEIGHT, fill=fill))
        parts.append(text(left + width / 2, y + 19, shown, kind=kind))
        left += width
    return parts
