"""One head as a graph: three branches leave x, and three gradients come back to it."""

from ..svg import BLUE, ORANGE, curve, dot, line, svg, text

W, H = 74, 30
# Name, centre, and the gradient that belongs to it.
NODES = {
    "x": (70, 140, "dx"),
    "q": (230, 50, "dq"),
    "k": (230, 140, "dk"),
    "v": (230, 230, "dv"),
    "scores": (390, 95, "dscores"),
    "probs": (530, 95, "dprobs"),
    "out": (670, 162, "dout"),
}
# From, to, what happens on the way, and where that is written: right of and below the middle.
EDGES = [
    ("x", "q", "w_q", -28, -8),
    ("x", "k", "w_k", 14, -12),
    ("x", "v", "w_v", -28, 18),
    ("q", "scores", "", 0, 0),
    ("k", "scores", "", 0, 0),
    ("scores", "probs", "softmax", 0, -12),
    ("probs", "out", "", 0, 0),
    ("v", "out", "", 0, 0),
]
GAP = 5.0  # half the distance between an edge and its way back


def draw() -> str:
    parts = [part for edge in EDGES for part in _edge(*edge)]
    parts += [part for name in NODES for part in _node(name)]
    parts += [text(390, 133, "scale, mask", kind="small muted")]
    parts += [line(420, 268, 470, 268, arrow=True), text(478, 272, "forward", anchor="start")]
    parts += [*_back(615, 268, 565, 268), text(623, 272, "gradient", anchor="start")]
    return svg(740, 290, "The graph of one attention head, forward and backward", parts)


def _node(name: str) -> list[str]:
    x, y, gradient = NODES[name]
    return [
        f'<rect x="{x - W / 2:g}" y="{y - H / 2:g}" width="{W}" height="{H}" rx="4" '
        f'fill="{BLUE}"/>',
        text(x, y + 5, name, kind="bold on"),
        text(x, y - 22, gradient, kind="small math"),
    ]


def _edge(start: str, end: str, label: str, right: float, below: float) -> list[str]:
    """An arrow from the right side of one node to the left side of another, and one back."""
    x1, y1, x2, y2 = *NODES[start][:2], *NODES[end][:2]
    x1, x2 = x1 + W // 2 + 4, x2 - W // 2 - 4
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    across, up = GAP * (y2 - y1) / length, GAP * (x2 - x1) / length
    parts = [line(x1 + across, y1 - up, x2 + across, y2 - up, arrow=True)]
    parts += _back(x2 - across, y2 + up, x1 - across, y1 + up)
    if label:
        middle = (x1 + x2) / 2, (y1 + y2) / 2
        parts.append(text(middle[0] + right, middle[1] + below, label, kind="small math"))
    return parts


def _back(x1: float, y1: float, x2: float, y2: float) -> list[str]:
    """A dashed way from one point to another, which it marks with a dot."""
    return [curve([(x1, y1), (x2, y2)], colour=ORANGE, dashed=True), dot(x2, y2, 4, fill=ORANGE)]
