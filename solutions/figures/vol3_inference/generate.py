"""Rows of a batch that end at different times, and the window of the last tokens."""

from ..svg import BLUE, ORANGE, SKY, curve, line, rect, svg, text

PROMPT = ["The cat sat", "One day a", "She says no", "It was very"]
NEW = ["<eos>", "dog ran <eos>", "more <eos>", "cold and dark <eos>"]
LEFT, TOP, WIDE, TALL = 70.0, 50.0, 74.0, 32.0


def draw() -> str:
    parts = [
        text(LEFT + 1.5 * WIDE, 18, "prompt, P = 3", kind="bold"),
        text(LEFT + 5 * WIDE, 18, "new tokens, n = 4", kind="bold"),
        line(LEFT + 3 * WIDE - 3, 8, LEFT + 3 * WIDE - 3, TOP + 4 * (TALL + 6) + 4),
    ]
    for b, (given, new) in enumerate(zip(PROMPT, NEW, strict=True)):
        y = TOP + b * (TALL + 6)
        parts.append(text(LEFT - 14, y + 21, f"row {b}", kind="small muted", anchor="end"))
        words = given.split() + new.split()
        for t in range(7):
            word = words[t] if t < len(words) else "<eos>"
            colour = SKY if t < 3 else BLUE
            parts += _cell(LEFT + t * WIDE, y, word, colour, filled=t >= len(words), old=t < 3)
    bottom = TOP + 4 * (TALL + 6) + 14
    start, end = LEFT + 2 * WIDE + 2, LEFT + 6 * WIDE - 4
    parts.append(
        curve([(start, bottom - 6), (start, bottom), (end, bottom), (end, bottom - 6)], colour=BLUE)
    )
    said = "what the model sees for the last column if max_T = 4"
    parts.append(text((start + end) / 2, bottom + 20, said, kind="small"))
    parts.append(text(LEFT + 7 * WIDE + 12, TOP + 58, "all have finished:", anchor="start"))
    parts.append(text(LEFT + 7 * WIDE + 12, TOP + 78, "no fifth column", anchor="start"))
    return svg(740, 250, "Every row has its own end", parts)


def _cell(x: float, y: float, word: str, colour: str, *, filled: bool, old: bool) -> list[str]:
    """A token: of the prompt, generated, or only filled in."""
    if filled:
        return [
            rect(x, y, WIDE - 6, TALL),
            text(x + WIDE / 2 - 3, y + 21, word, kind="small math muted"),
        ]
    opacity = 0.35 if old else 1.0
    kind = "small" if old else "small math on" if word == "<eos>" else "small on"
    fill = ORANGE if word == "<eos>" else colour
    return [
        rect(x, y, WIDE - 6, TALL, fill=fill, opacity=opacity),
        text(x + WIDE / 2 - 3, y + 21, word, kind=kind),
    ]
