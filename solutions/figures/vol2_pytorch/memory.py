"""What waits for backward: all activations of every block, or one input for each."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

BLOCKS, INSIDE = 4, 5


def draw() -> str:
    parts = [
        *_row(40, "without checkpointing", kept=range(BLOCKS), again=-1),
        *_row(190, "with checkpointing, while backward is in block 3", kept=(), again=2),
        rect(20, 308, 14, 14, fill=BLUE, opacity=0.6),
        text(42, 320, "kept since forward", kind="small", anchor="start"),
        rect(190, 308, 14, 14, fill=ORANGE, opacity=0.8),
        text(212, 320, "computed again from the input", kind="small", anchor="start"),
        rect(430, 308, 14, 14),
        text(452, 320, "not in memory", kind="small", anchor="start"),
    ]
    return svg(740, 334, "Activations in memory without and with checkpointing", parts)


def _row(y: float, title: str, *, kept: "range | tuple[int, ...]", again: int) -> list[str]:
    parts = [text(20, y - 12, title, kind="bold", anchor="start")]
    for number in range(BLOCKS):
        x = 20 + 180 * number
        parts.append(text(x + 88, y + 92, f"block {number + 1}", kind="small muted"))
        # Once backward has left a block, not even its input is needed.
        needed = again < 0 or number <= again
        parts.append(rect(x, y, 22, 70, fill=BLUE if needed else "", opacity=0.6))
        for place in range(INSIDE):
            left = x + 34 + 23 * place
            if number in kept:
                parts.append(rect(left, y + 10, 16, 50, fill=BLUE, opacity=0.6))
            elif number == again:
                parts.append(rect(left, y + 10, 16, 50, fill=ORANGE, opacity=0.8))
            else:
                parts.append(rect(left, y + 10, 16, 50))
        if number < BLOCKS - 1:
            parts.append(line(x + 152, y + 35, x + 174, y + 35, arrow=True))
    return parts
