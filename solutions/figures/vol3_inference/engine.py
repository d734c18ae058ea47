"""Which tokens each call of forward reads, and what lies in the cache meanwhile."""

from ..svg import BLUE, ORANGE, SKY, line, rect, svg, text

PROMPT, NEW = 5, 4
LEFT, STEP, WIDE, HIGH, ROW = 150.0, 56.0, 50, 34, 62


def draw() -> str:
    parts: list[str] = []
    for call in range(NEW):
        y = 52.0 + ROW * call
        before, after = (0, PROMPT) if call == 0 else (PROMPT + call - 1, PROMPT + call)
        name = "prefill" if call == 0 else f"step {call}"
        parts.append(text(LEFT - 16, y + 22, name, kind="bold", anchor="end"))
        for t in range(after):
            x = LEFT + STEP * t
            fill = ORANGE if t >= before else SKY
            parts.append(rect(x, y, WIDE, HIGH, fill=fill))
            kind = "small on" if t >= before else "small"
            parts.append(text(x + WIDE / 2, y + 22, f"x{t}", kind=f"{kind} math"))
        x = LEFT + STEP * after
        middle = x - STEP + WIDE / 2
        parts += [
            line(middle, y, middle, y - 12),
            line(middle, y - 12, x + WIDE / 2, y - 12),
            line(x + WIDE / 2, y - 12, x + WIDE / 2, y - 1, arrow=True),
            rect(x, y, WIDE, HIGH),
            text(x + WIDE / 2, y + 22, f"x{after}", kind="small bold math"),
        ]
    y = 52.0 + ROW * NEW + 8
    for n, (fill, words) in enumerate(
        ((ORANGE, "read now"), (SKY, "in the cache"), ("", "chosen from the last logits"))
    ):
        x = LEFT + 130.0 * n
        parts.append(rect(x, y, 16, 16, fill=fill))
        parts.append(text(x + 24, y + 13, words, kind="small", anchor="start"))
    wide = LEFT + STEP * PROMPT - STEP + WIDE
    parts.append(text((LEFT + wide) / 2, 18, "prompt", kind="small muted"))
    parts.append(rect(LEFT, 26, wide - LEFT, 2, fill=BLUE))
    return svg(680, int(y) + 34, "Each token goes through the model once", parts)
