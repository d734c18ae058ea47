"""Where the norms stand: beside the stream or on it."""

from ..svg import BLUE, ORANGE, dot, line, rect, svg, text

BOTTOM, STEP = 440, 44
W, H = 96, 28
GREEN = "#00694d"  # dark enough for white letters
LOOKS = {"norm": ORANGE, "attention": BLUE, "swiglu": GREEN}


def draw() -> str:
    parts = [
        *_column(110, "pre-norm", (("norm", "attention"), ("norm", "swiglu")), ()),
        *_column(450, "post-norm", (("attention",), ("swiglu",)), ("norm", "norm")),
    ]
    return svg(640, 478, "Pre-norm and post-norm blocks", parts)


def _column(
    x: int, title: str, branches: tuple[tuple[str, ...], ...], after: tuple[str, ...]
) -> list[str]:
    """The stream goes straight up at `x`; each branch leaves it to the right and comes back."""
    parts = [text(x + 60, 22, title, kind="bold"), text(x, BOTTOM + 22, "x", kind="math")]
    y, right = BOTTOM, x + 130
    for number, branch in enumerate(branches):
        leave = y - 14
        join = leave - 2 * STEP - 22
        parts += [line(x, y, x, join + 9), dot(x, leave, 3, fill="#5c6370")]
        parts += [line(x, leave, right, leave), line(right, leave, right, join)]
        parts.append(line(right, join, x + 11, join, arrow=True))
        for place, name in enumerate(branch):
            shift = STEP / 2 if len(branch) == 1 else 0
            parts += _box(right, leave - 28 - place * STEP - shift, name)
        parts += _sum(x, join)
        y = join - 9
        if after:
            parts += [line(x, y, x, y - 12), *_box(x, y - 26, after[number])]
            y -= 40
    up = 192 if after else 148
    parts.append(text(x - 10, BOTTOM - up, "middle", kind="small muted", anchor="end"))
    return [*parts, line(x, y, x, 52, arrow=True), text(x, 46, "out", kind="math")]


def _box(x: float, y: float, name: str) -> list[str]:
    return [
        rect(x - W / 2, y - H / 2, W, H, fill=LOOKS[name]),
        text(x, y + 5, name, kind="small on bold"),
    ]


def _sum(x: float, y: float) -> list[str]:
    return [
        f'<circle class="box" cx="{x:g}" cy="{y:g}" r="9"/>',
        text(x, y + 5, "+", kind="bold"),
    ]
