"""What the queries of a later piece see, and where a square mask would lie."""

from ..svg import BLUE, SKY, rect, svg, text

CACHED, NEW = 4, 4
LEFT, TOP, SIDE = 130.0, 70.0, 40.0


def draw() -> str:
    total = CACHED + NEW
    parts = [text(LEFT + SIDE * CACHED / 2, 24, "keys of the cache", kind="bold")]
    parts.append(text(LEFT + SIDE * (CACHED + NEW / 2), 24, "keys of the piece", kind="bold"))
    for key in range(total):
        parts.append(text(LEFT + SIDE * (key + 0.5) - 2, 52, str(key), kind="small"))
    for row in range(NEW):
        y, query = TOP + SIDE * row, CACHED + row
        parts.append(text(LEFT - 14, y + 23, f"query {query}", kind="small", anchor="end"))
        for key in range(total):
            x, side = LEFT + SIDE * key, SIDE - 4
            if key <= query:
                new = key >= CACHED
                fill, opacity = (BLUE, 1.0) if new else (SKY, 0.55)
                parts.append(rect(x, y, side, side, fill=fill, opacity=opacity))
            else:
                parts.append(rect(x, y, side, side))
    right = LEFT + SIDE * total + 24
    for i, (fill, opacity, words) in enumerate(
        (
            (SKY, 0.55, "seen, from the cache"),
            (BLUE, 1.0, "seen, of the piece"),
            ("", 1.0, "hidden: it is later"),
        )
    ):
        y = TOP + 14 + 40 * i
        parts.append(rect(right, y, 18, 16, fill=fill, opacity=opacity))
        parts.append(text(right + 26, y + 13, words, kind="small", anchor="start"))
    below = TOP + SIDE * NEW + 12
    parts.append(
        f'<path class="line" stroke-dasharray="5 4" d="M{LEFT - 4:g} {below:g}'
        f'v8h{SIDE * CACHED - 2:g}v-8"/>'
    )
    words = "a square mask would cover these alone, from the wrong end"
    parts.append(text(LEFT - 4, below + 26, words, kind="small muted", anchor="start"))
    return svg(680, 276, "The mask of a later piece: a triangle at the right end", parts)
