"""One short text as words, as characters and as bytes: the same width, ever more boxes."""

from ..svg import ORANGE, SKY, rect, svg, text

WORDS = "naïve cats €5"
LEFT, BOX, STEP = 110, 34, 40


def draw() -> str:
    """Three rows; every box of a row stands above the boxes it is made of."""
    parts = [
        *_row(40, "words", _widths(WORDS.split(" "))),
        *_row(112, "characters", [(_shown(c), len(c.encode())) for c in WORDS]),
        *_row(184, "bytes", [(f"{b:02x}", 1) for b in WORDS.encode()]),
        text(
            LEFT, 240, "3, 13 and 16 numbers for the same text", kind="small muted", anchor="start"
        ),
    ]
    return svg(LEFT + 16 * STEP + 10, 256, "A text as words, as characters and as bytes", parts)


def _widths(words: list[str]) -> list[tuple[str, int]]:
    """Words and, between them, the space that they leave out."""
    boxes: list[tuple[str, int]] = []
    for number, word in enumerate(words):
        if number:
            boxes.append(("", 1))
        boxes.append((word, len(word.encode())))
    return boxes


def _row(y: float, name: str, boxes: list[tuple[str, int]]) -> list[str]:
    parts = [text(LEFT - 14, y + 22, name, kind="bold", anchor="end")]
    at = LEFT
    for label, width in boxes:
        if label:
            fill = ORANGE if width > 1 and name == "characters" else SKY
            parts.append(rect(at, y, width * STEP - (STEP - BOX), BOX, fill=fill, opacity=0.4))
            middle = at + (width * STEP - (STEP - BOX)) / 2
            parts.append(text(middle, y + 22, label, kind="math"))
        at += width * STEP
    return parts


def _shown(character: str) -> str:
    return "␣" if character == " " else character
