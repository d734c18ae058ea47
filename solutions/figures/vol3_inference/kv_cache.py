"""The room of two layers while a token is being appended."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

FILLED, ROOM = (6, 5), 8
LEFT, STEP = 110.0, 62.0


def draw() -> str:
    parts: list[str] = []
    for layer, filled in enumerate(FILLED):
        y = 50.0 + 80 * layer
        parts.append(text(LEFT - 12, y + 25, f"layer {layer}", kind="bold", anchor="end"))
        for t in range(ROOM):
            x = LEFT + STEP * t
            parts.append(rect(x, y, STEP - 6, 40))
            if t < filled:
                colour = ORANGE if layer == 0 and t == filled - 1 else BLUE
                parts.append(rect(x, y, STEP - 6, 40, fill=colour))
                parts.append(text(x + STEP / 2 - 3, y + 25, f"k{t} v{t}", kind="bold on"))
            else:
                parts.append(text(x + STEP / 2 - 3, y + 25, "free", kind="small muted"))
    new = LEFT + STEP * (FILLED[0] - 1) + STEP / 2 - 3
    following = LEFT + STEP * FILLED[1] + STEP / 2 - 3
    end = LEFT + STEP * ROOM + 4
    parts += [
        line(new, 24, new, 48, arrow=True),
        text(new, 16, "append(0, k, v)", kind="small math"),
        text(end, 75, f"{FILLED[0]} tokens", kind="small", anchor="start"),
        text(end, 155, f"{FILLED[1]} tokens", kind="small", anchor="start"),
        line(following, 196, following, 172, arrow=True),
        text(following, 210, "append(1, k, v) comes next", kind="small math"),
    ]
    return svg(680, 222, "Each layer fills its own row, one call after the other", parts)
