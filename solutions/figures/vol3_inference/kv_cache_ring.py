"""A ring of four places after seven tokens, and the order in which it is read."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

WINDOW, SEEN = 4, 7
LEFT, STEP = 130.0, 90.0


def draw() -> str:
    held = {p % WINDOW: p for p in range(SEEN - WINDOW, SEEN)}
    parts = [
        text(LEFT - 14, 30, "place", kind="small muted", anchor="end"),
        text(LEFT - 14, 65, "in the ring", kind="bold", anchor="end"),
        text(LEFT - 14, 185, "returned", kind="bold", anchor="end"),
    ]
    for place, position in held.items():
        x, order = LEFT + STEP * place, position - (SEEN - WINDOW)
        to = LEFT + STEP * order
        colour = ORANGE if position == SEEN - 1 else BLUE
        parts += [
            text(x + 40, 30, str(place), kind="small muted"),
            rect(x, 40, 80, 40, fill=colour),
            text(x + 40, 65, f"token {position}", kind="bold on"),
            line(x + 40, 84, to + 40, 156, arrow=True),
            rect(to, 160, 80, 40, fill=colour),
            text(to + 40, 185, f"token {position}", kind="bold on"),
        ]
    return svg(510, 215, "The ring is read from the oldest token to the newest", parts)
