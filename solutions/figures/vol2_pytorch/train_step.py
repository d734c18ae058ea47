"""The six lines of a training step, in the only order in which they do what they should."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

STEPS = (
    ("zero_grad", "old gradients go", False),
    ("loss_fn", "a graph", False),
    ("backward", "adds to .grad", False),
    ("clip", "one factor", True),
    ("optimizer", "reads .grad, lr", False),
    ("scheduler", "sets the next lr", True),
)
WIDE, GAP, TOP, HIGH = 100.0, 16.0, 46.0, 46.0


def draw() -> str:
    parts = [text(20 + 3 * (WIDE + GAP) - GAP / 2, 22, "one update", kind="bold")]
    for i, (name, says, here) in enumerate(STEPS):
        x = 20 + i * (WIDE + GAP)
        parts += [
            rect(x, TOP, WIDE, HIGH, fill=ORANGE if here else BLUE, opacity=0.45 if here else 0.25),
            text(x + WIDE / 2, TOP + 28, name, kind="math"),
            text(x + WIDE / 2, TOP + HIGH + 18, says, kind="small muted"),
        ]
        if i:
            parts.append(line(x - GAP, TOP + HIGH / 2, x - 3, TOP + HIGH / 2, arrow=True))
    first, last = 20 + WIDE / 2, 20 + 5 * (WIDE + GAP) + WIDE / 2
    down = TOP + HIGH + 40
    parts += [
        line(last, down - 12, last, down),
        line(last, down, first, down),
        line(first, down, first, down - 14, arrow=True),
        text((first + last) / 2, down + 18, "the next batch", kind="small muted"),
    ]
    return svg(736, 158, "One update: clear, loss, backward, clip, optimizer, scheduler", parts)
