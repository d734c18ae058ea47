"""One line of text, cut by characters and by words."""

from ..svg import BLUE, ORANGE, rect, svg, text

LINE = "the cat sat"
SEEN = "the hat sat"
LEFT, CELL, HEIGHT = 130, 44, 34


def draw() -> str:
    characters = [(c, 1 + sorted(set(LINE)).index(c)) for c in LINE]
    words, known = [], sorted(set(SEEN.split()))
    for word in LINE.split():
        words.append((word, 1 + known.index(word) if word in known else 0))
    parts = [
        text(10, 52, "characters", kind="bold", anchor="start"),
        *_row(characters, 30, [CELL] * len(characters)),
        text(10, 132, "words", kind="bold", anchor="start"),
        *_row(words, 110, [3 * CELL] * len(words), gap=CELL),
        text(LEFT + 1.5 * CELL + 4 * CELL, 188, "never seen: <unk>", kind="small muted"),
    ]
    return svg(640, 200, "The line 'the cat sat' as eleven characters and as three words", parts)


def _row(cut: list[tuple[str, int]], top: int, widths: list[int], *, gap: int = 0) -> list[str]:
    """Boxes with symbols, and the id of each below."""
    parts, left = [], LEFT
    for (symbol, number), width in zip(cut, widths, strict=True):
        fill = ORANGE if number == 0 else BLUE if symbol == "t" else ""
        kind = "math on" if fill else "math"
        parts.append(rect(left + 2, top, width - 4, HEIGHT, fill=fill))
        shown = "\u2423" if symbol == " " else symbol
        parts.append(text(left + width / 2, top + 22, shown, kind=kind))
        parts.append(text(left + width / 2, top + HEIGHT + 18, f"{number}", kind="small math"))
        left += width + gap
    return parts
