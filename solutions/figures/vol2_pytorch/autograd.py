"""What PyTorch records of RMSNorm, and what is left of it when the backward is one's own."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

X, STEP, W, H = 150, 52, 120, 28
GREEN = "#00694d"  # dark enough for white letters
KEPT = "Kept for the way back. Blue: arrays as large as x; orange: one number per token."
# Node, what it keeps, and whether that is as large as x.
CHAIN = (
    ("square", "x", True),
    ("mean", "", False),
    ("+ eps", "", False),
    ("rsqrt", "r", False),
    ("x * r", "x, r", True),
    ("* gain", "x-hat, gain", True),
)


def draw() -> str:
    parts = [
        text(X, 24, "recorded by PyTorch", kind="bold"),
        text(X + 300, 24, "a Function", kind="bold"),
        text(X, 58, "x", kind="math"),
        *_chain(),
        *_single(),
    ]
    return svg(660, 455, "The nodes of RMSNorm, recorded and by hand", parts)


def _chain() -> list[str]:
    parts = []
    for place, (name, keeps, large) in enumerate(CHAIN):
        y = 90 + place * STEP
        above = 64 if place == 0 else y - STEP + H / 2
        parts += [line(X, above, X, y - H / 2, arrow=True), *_node(X, y, name)]
        if keeps:
            parts += _kept(X, y, keeps, large)
    last = 90 + (len(CHAIN) - 1) * STEP
    parts.append(line(X, last + H / 2, X, last + 42, arrow=True))
    parts.append(text(X, last + 58, "out", kind="math"))
    # The product takes x once more.
    left, product = X - 90, 90 + 4 * STEP
    parts += [line(X - 8, 54, left, 54), line(left, 54, left, product)]
    parts.append(line(left, product, X - W / 2, product, arrow=True))
    return parts


def _single() -> list[str]:
    x, y = X + 300, 90 + 2.5 * STEP
    last = 90 + (len(CHAIN) - 1) * STEP
    return [
        text(x, 58, "x", kind="math"),
        line(x, 64, x, y - H / 2, arrow=True),
        rect(x - 80, y - H / 2, 160, H, fill=GREEN),
        text(x, y + 5, "RMSNormFunction", kind="small on bold"),
        rect(x + 88, y - 11, 108, 22, fill=BLUE),
        text(x + 142, y + 4, "x, gain, r", kind="small on"),
        line(x, y + H / 2, x, last + 42, arrow=True),
        text(x, last + 58, "out", kind="math"),
        text(X - 128, 442, KEPT, kind="small muted", anchor="start"),
    ]


def _node(x: float, y: float, name: str) -> list[str]:
    return [
        rect(x - W / 2, y - H / 2, W, H, fill=GREEN),
        text(x, y + 5, name, kind="small on bold"),
    ]


def _kept(x: float, y: float, keeps: str, large: bool) -> list[str]:
    left = x + W / 2 + 8
    return [
        rect(left, y - 11, 86, 22, fill=BLUE if large else ORANGE),
        text(left + 43, y + 4, keeps, kind="small on"),
    ]
