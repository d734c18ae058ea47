"""Windows over a text: what each shows, and which tokens it is the first to score."""

from ..svg import ORANGE, SKY, rect, svg, text

N, MAX_T, STRIDE = 12, 4, 2
LEFT, WIDE, TALL = 96.0, 42.0, 22.0


def draw() -> str:
    parts = [text(LEFT - 14, 24, "token", kind="small muted", anchor="end")]
    parts += [text(LEFT + t * WIDE + WIDE / 2 - 2, 24, str(t), kind="small") for t in range(N)]
    scored = 0
    for number, begin in enumerate(range(0, N - 1, STRIDE)):
        end, y = min(begin + MAX_T, N - 1), 40 + number * (2 * TALL + 16)
        parts.append(text(LEFT - 14, y + 16, f"window {number}", kind="small", anchor="end"))
        parts.append(text(LEFT - 14, y + TALL + 18, "predicts", kind="small muted", anchor="end"))
        for t in range(begin, end):
            parts.append(rect(LEFT + t * WIDE, y, WIDE - 4, TALL, fill=SKY, opacity=0.45))
        for t in range(begin + 1, end + 1):
            new = t > scored
            x, fill = LEFT + t * WIDE, ORANGE if new else ""
            parts.append(rect(x, y + TALL + 4, WIDE - 4, TALL - 4, fill=fill))
            kind = "small on" if new else "small muted"
            parts.append(text(x + WIDE / 2 - 2, y + TALL + 17, str(t), kind=kind))
        scored = end
        if end == N - 1:
            break
    key = LEFT + N * WIDE + 16
    for y, fill, opacity, words in (
        (60.0, SKY, 0.45, "shown"),
        (90.0, ORANGE, 1.0, "scored now"),
        (120.0, "", 1.0, "scored before"),
    ):
        parts.append(rect(key, y, 18, 16, fill=fill, opacity=opacity))
        parts.append(text(key + 26, y + 13, words, kind="small", anchor="start"))
    return svg(740, 340, "max_T = 4, stride = 2, N = 12: every token but the first once", parts)
