"""Which keys the queries of a row see that has two columns of padding."""

from ..svg import BLUE, SKY, rect, svg, text

T, REAL = 6, 4
LEFT, TOP, SIDE = 176.0, 62.0, 34.0


def draw() -> str:
    parts = [
        text(LEFT + T * SIDE / 2, 18, "keys j", kind="bold"),
        text(LEFT - 108, TOP + T * SIDE / 2 + 5, "queries i", kind="bold"),
    ]
    for t in range(T):
        name = "pad" if t < T - REAL else f"t{t - (T - REAL)}"
        kind = "small muted" if t < T - REAL else "small bold"
        parts.append(text(LEFT + (t + 0.5) * SIDE, 38, name, kind=kind))
        parts.append(text(LEFT + (t + 0.5) * SIDE, 54, str(t), kind="small muted"))
        parts.append(text(LEFT - 10, TOP + (t + 0.5) * SIDE + 5, str(t), kind="small muted"))
        parts.append(text(LEFT - 38, TOP + (t + 0.5) * SIDE + 5, name, kind=kind))
    for i in range(T):
        for j in range(T):
            x, y = LEFT + j * SIDE, TOP + i * SIDE
            parts.append(rect(x, y, SIDE - 4, SIDE - 4))
            if T - REAL <= j <= i:
                parts.append(rect(x, y, SIDE - 4, SIDE - 4, fill=BLUE))
            elif i == j:
                parts.append(rect(x, y, SIDE - 4, SIDE - 4, fill=SKY, opacity=0.6))
    x = LEFT + T * SIDE + 20
    for n, (colour, opacity, words) in enumerate(
        ((BLUE, 1.0, "a real token sees real ones"), (SKY, 0.6, "padding sees itself"))
    ):
        y = TOP + 60 + 34 * n
        parts.append(rect(x, y, 20, 20, fill=colour, opacity=opacity))
        parts.append(text(x + 30, y + 15, words, kind="small", anchor="start"))
    return svg(620, 276, "The mask of a row with two columns of padding", parts)
