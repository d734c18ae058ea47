"""The whole model from ids to logits, and the table that a tied one reads twice."""

from ..svg import BLUE, ORANGE, curve, line, rect, svg, text

X, W, H = 300, 170, 32
GREEN = "#00694d"  # dark enough for white letters
# From the bottom: name, colour, what comes out of it.
STAGES = [
    ("embedding", ORANGE, "(B, T, d_model)"),
    ("block 0", BLUE, "(B, T, d_model)"),
    ("block 1", BLUE, ""),
    ("block L - 1", BLUE, "(B, T, d_model)"),
    ("final norm", GREEN, "(B, T, d_model)"),
    ("head", ORANGE, "logits (B, T, vocab_size)"),
]
BOTTOM, STEP = 372, 58


def draw() -> str:
    parts = [
        text(X, BOTTOM + 52, "ids (B, T)", kind="small math"),
        line(X, BOTTOM + 38, X, BOTTOM + H / 2 + 3, arrow=True),
    ]
    for number, (name, colour, out) in enumerate(STAGES):
        y = BOTTOM - number * STEP
        parts.append(rect(X - W / 2, y - H / 2, W, H, fill=colour))
        parts.append(text(X, y + 5, name, kind="bold on"))
        top = y - H / 2 - 2
        if name == "block 1":
            parts += [text(X, top - 8, ". . .", kind="bold")]
        else:
            parts.append(line(X, top, X, top - 22, arrow=True))
        parts.append(text(X + 14, top - 8, out, kind="small math muted", anchor="start"))
    low, high, left = BOTTOM, BOTTOM - 5 * STEP, X - W / 2
    parts.append(
        curve([(left, low), (left - 70, low), (left - 70, high), (left, high)], dashed=True)
    )
    parts.append(
        text(left - 80, (low + high) / 2 - 4, "tied: one table,", kind="small", anchor="end")
    )
    parts.append(text(left - 80, (low + high) / 2 + 14, "read twice", kind="small", anchor="end"))
    return svg(560, 436, "The whole model from ids to logits", parts)
