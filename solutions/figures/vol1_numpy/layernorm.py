"""LayerNorm: one entry of a token reaches the normalised entries on three paths."""

from ..svg import BLUE, GREEN, ORANGE, line, svg, text

Point = tuple[float, float]

X: tuple[Point, ...] = tuple((60.0, 75.0 + 60 * i) for i in range(4))
HATS: tuple[Point, ...] = tuple((560.0, 75.0 + 60 * i) for i in range(4))
MEAN, ROOT = (300.0, 25.0), (300.0, 305.0)
J = 1  # the entry whose paths are drawn


def draw() -> str:
    parts = [*_path(X[J], HATS[J], BLUE, 3.0), *_path(X[J], MEAN, ORANGE, 2.0)]
    parts += _path(X[J], ROOT, GREEN, 2.0, dashed=True)
    for hat in HATS:
        parts += _path(MEAN, hat, ORANGE, 2.0)
        parts += _path(ROOT, hat, GREEN, 2.0, dashed=True)
    parts += [
        line(MEAN[0], MEAN[1] + 22, ROOT[0], ROOT[1] - 22, arrow=True),
        line(293, 208, 307, 222),
        line(293, 222, 307, 208),
        text(288, 220, "carries nothing", kind="small muted", anchor="end"),
    ]
    for i in range(4):
        name = "j" if i == J else str(i + 1)
        parts += _node(X[i], f"x_{name}", bold=i == J)
        parts += _node(HATS[i], f"x-hat_{name}", bold=i == J)
    parts += _node(MEAN, "mean", bold=True)
    parts += _node(ROOT, "root", bold=True)
    parts.append(text(190, 128, "direct", kind="small"))
    parts.append(text(155, 52, "through the mean", kind="small"))
    parts.append(text(165, 275, "through the root", kind="small"))
    return svg(640, 335, "The three paths of LayerNorm", parts)


def _node(at: Point, name: str, *, bold: bool) -> list[str]:
    x, y = at
    outline = f'<ellipse class="line" cx="{x:g}" cy="{y:g}" rx="38" ry="19"/>'
    return [outline, text(x, y + 5, name, kind="math bold" if bold else "math muted")]


def _path(
    start: Point, end: Point, colour: str, width: float, *, dashed: bool = False
) -> list[str]:
    """An arrow from node to node, between their outlines."""
    (x1, y1), (x2, y2) = start, end
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    # Where the line leaves an ellipse of half axes 38 and 19, and a little beyond.
    reach = 1.1 / ((dx / 38) ** 2 + (dy / 19) ** 2) ** 0.5
    x1, y1, x2, y2 = x1 + reach * dx, y1 + reach * dy, x2 - reach * dx, y2 - reach * dy
    head = line(
        round(x2 - 6 * dx, 1), round(y2 - 6 * dy, 1), round(x2, 1), round(y2, 1), arrow=True
    )
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    shaft = f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"
    return [f'<path d="{shaft}" stroke="{colour}" stroke-width="{width:g}"{dash}/>', head]
