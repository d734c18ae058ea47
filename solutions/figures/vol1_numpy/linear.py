"""Which outputs an entry of x, of w and of b reaches, and with what factor."""

from ..svg import BLUE, ORANGE, rect, svg, text

TOKENS, FEATURES, WIDE, TALL, TOP = 4, 3, 56, 34, 76
TOKEN, FEATURE = 1, 2  # the row and the column that are reached


def draw() -> str:
    by_x = {(TOKEN, j): f"w[i,{j}]" for j in range(FEATURES)}
    by_w = {(t, FEATURE): f"x[{t},i]" for t in range(TOKENS)}
    by_b = {(t, FEATURE): "1" for t in range(TOKENS)}
    parts = [
        *_panel(66, "x[1,i] reaches one row", by_x, ORANGE),
        *_panel(318, "w[i,2] reaches one column", by_w, BLUE),
        *_panel(570, "b[2] reaches one column", by_b, BLUE),
    ]
    return svg(760, 246, "Which outputs a number reaches, and with what factor", parts)


def _panel(left: int, title: str, factors: dict[tuple[int, int], str], colour: str) -> list[str]:
    """The grid of outputs; those that are reached are filled and show the factor."""
    middle = left + FEATURES * WIDE / 2
    parts = [
        text(middle, 20, title, kind="bold"),
        text(middle, TOP - 30, "feature j", kind="small muted"),
        text(left - 8, TOP - 8, "token t", kind="small muted", anchor="end"),
        text(middle, TOP + TOKENS * TALL + 24, "out[t,j]", kind="math"),
    ]
    for j in range(FEATURES):
        parts.append(text(left + (j + 0.5) * WIDE, TOP - 8, f"{j}", kind="small math"))
    for t in range(TOKENS):
        y = TOP + t * TALL
        parts.append(text(left - 8, y + 22, f"{t}", kind="small math", anchor="end"))
        for j in range(FEATURES):
            x, factor = left + j * WIDE, factors.get((t, j), "")
            parts.append(rect(x + 1, y + 1, WIDE - 2, TALL - 2, fill=colour if factor else ""))
            if factor:
                parts.append(text(x + WIDE / 2, y + 22, factor, kind="small math on"))
    return parts
