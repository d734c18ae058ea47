"""Three prompts as a rectangle, padded on the right and padded on the left."""

from ..svg import BLUE, ORANGE, rect, svg, text

PROMPTS = ["The cat sat on the", "Once more", "She said no"]
T, TOP, WIDE, TALL = 5, 52.0, 62.0, 34.0


def draw() -> str:
    parts: list[str] = []
    for left, title, on_left in (
        (14.0, "padded on the right", False),
        (364.0, "on the left", True),
    ):
        parts.append(text(left + T * WIDE / 2 - 3, 20, title, kind="bold"))
        for b, prompt in enumerate(PROMPTS):
            words = prompt.split()
            pad = [""] * (T - len(words))
            last = T - 1 if on_left else len(words) - 1
            for t, word in enumerate(pad + words if on_left else words + pad):
                x, y = left + t * WIDE, TOP + b * (TALL + 6)
                parts.append(rect(x, y, WIDE - 6, TALL))
                if word:
                    parts.append(rect(x, y, WIDE - 6, TALL, fill=ORANGE if t == last else BLUE))
                kind = "small on" if word else "small muted"
                parts.append(text(x + WIDE / 2 - 3, y + 22, word or "pad", kind=kind))
        x = left + (T - 1) * WIDE + WIDE / 2 - 3
        parts.append(text(x, 44, "[:, -1]", kind="small math"))
    said = "orange: the last token of each prompt, whose logits say what comes next"
    parts.append(text(345, TOP + 3 * (TALL + 6) + 22, said, kind="small"))
    return svg(690, 206, "Where each prompt ends, with padding on either side", parts)
