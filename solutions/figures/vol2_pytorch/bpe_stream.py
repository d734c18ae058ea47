"""A stream of text: what is out, what is held back, what has not been pulled."""

from ..svg import GREEN, ORANGE, SKY, line, rect, svg, text

Y, HEIGHT, UNIT = 52, 40, 11.5


def draw() -> str:
    """Three parts of one text, each with a word on what becomes of it."""
    settled, held, ahead = "The wind was", " lovel<|e", "nd|> It was a "
    parts, at = [], 20.0
    for words, fill, above, below in (
        (settled, GREEN, "settled", "its ids are out"),
        (held, ORANGE, "the tail", "held back"),
        (ahead, SKY, "not pulled yet", "in the iterator"),
    ):
        width = len(words) * UNIT + 14
        middle = at + width / 2
        parts.append(rect(at, Y, width, HEIGHT, fill=fill, opacity=0.35))
        parts.append(text(middle, Y + 25, words.replace(" ", "␣"), kind="math"))
        parts.append(text(middle, Y - 12, above, kind="bold"))
        parts.append(text(middle, Y + HEIGHT + 22, below, kind="small muted"))
        at += width + 6
    parts.append(line(at + 2, Y + HEIGHT / 2, at + 40, Y + HEIGHT / 2))
    parts.append(text(at + 56, Y + 25, "...", kind="bold"))
    return svg(int(at) + 76, 128, "A stream of text: settled, held back, not pulled yet", parts)
