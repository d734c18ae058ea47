"""Which features RoPE turns together: neighbours here, halves in a Hugging Face checkpoint."""

from ..svg import BLUE, GREEN, ORANGE, PURPLE, line, rect, svg, text

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
D_HEAD, LEFT, STEP, WIDE, HIGH = 8, 130.0, 64.0, 56, 36
ABOVE, BELOW = 44.0, 172.0


def draw() -> str:
    parts = [
        text(LEFT - 16, ABOVE + 23, "here", kind="bold", anchor="end"),
        text(LEFT - 16, BELOW + 23, "in the file", kind="bold", anchor="end"),
    ]
    for column in range(D_HEAD):
        pair, which = divmod(column, 2)
        place = pair + which * D_HEAD // 2
        here, there = LEFT + STEP * column, LEFT + STEP * place
        for x, y, number in ((here, ABOVE, column), (there, BELOW, place)):
            parts.append(rect(x, y, WIDE, HIGH, fill=COLOURS[pair]))
            parts.append(text(x + WIDE / 2, y + 23, f"{'ab'[which]}{pair}", kind="bold math on"))
            edge = y - 8 if y == ABOVE else y + HIGH + 16
            parts.append(text(x + WIDE / 2, edge, str(number), kind="small muted"))
        start, end = here + WIDE / 2, there + WIDE / 2
        parts.append(line(start, ABOVE + HIGH + 2, end, BELOW - 4, arrow=True))
    parts.append(
        text(LEFT + STEP * D_HEAD / 2, 256, "RoPE turns each a together with its b", kind="small")
    )
    return svg(680, 272, "The same features of a head in two orders", parts)
