"""A prompt read in three pieces, and two tokens decoded behind it."""

from ..svg import BLUE, ORANGE, SKY, line, rect, svg, text

STEPS = (
    ("prefill, piece 1", 4),
    ("piece 2", 4),
    ("piece 3", 2),
    ("decode", 1),
    ("decode", 1),
)
PROMPT, ROOM = 10, 12
LEFT, WIDE, TALL, DOWN = 140.0, 38.0, 26.0, 40.0


def draw() -> str:
    parts = [text(LEFT - 14, 24, "token", kind="small muted", anchor="end")]
    parts += [text(LEFT + (t + 0.5) * WIDE - 2, 24, str(t), kind="small") for t in range(ROOM)]
    start = 0
    for number, (name, count) in enumerate(STEPS):
        y = 40 + DOWN * number
        parts.append(text(LEFT - 14, y + 18, name, kind="small", anchor="end"))
        for t in range(ROOM):
            x = LEFT + WIDE * t
            if t < start:
                parts.append(rect(x, y, WIDE - 4, TALL, fill=SKY, opacity=0.45))
            elif t < start + count:
                fill = BLUE if t < PROMPT else ORANGE
                parts.append(rect(x, y, WIDE - 4, TALL, fill=fill))
            else:
                parts.append(rect(x, y, WIDE - 4, TALL))
        start += count
        if start >= PROMPT:
            end = LEFT + WIDE * ROOM
            parts.append(line(end, y + TALL / 2, end + 28, y + TALL / 2, arrow=True))
            parts.append(text(end + 36, y + 18, "logits", kind="small bold", anchor="start"))
    for i, (fill, opacity, words) in enumerate(
        (
            (SKY, 0.45, "in the cache already"),
            (BLUE, 1.0, "new, of the prompt"),
            (ORANGE, 1.0, "new, decoded"),
        )
    ):
        x = LEFT + 160 * i
        parts.append(rect(x, 250, 18, 16, fill=fill, opacity=opacity))
        parts.append(text(x + 26, 263, words, kind="small", anchor="start"))
    return svg(720, 280, "Each step reads new tokens behind those of the cache", parts)
