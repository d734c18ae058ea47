"""SwiGLU: two branches part at x and meet in their product; gradients meet in dx."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

TOP, MIDDLE, BOTTOM = 70.0, 130.0, 190.0


def draw() -> str:
    parts = [
        *_node(20, MIDDLE, "x", "dx"),
        *_node(230, TOP, "g", "dg"),
        *_node(390, TOP, "a", "da"),
        *_node(390, BOTTOM, "u", "du"),
        *_node(540, MIDDLE, "h", "dh"),
        *_node(700, MIDDLE, "out", "dout"),
        *_there_and_back(80, MIDDLE - 12, 230, TOP),
        *_there_and_back(80, MIDDLE + 12, 390, BOTTOM),
        *_there_and_back(290, TOP, 390, TOP),
        *_there_and_back(450, TOP, 540, MIDDLE - 12),
        *_there_and_back(450, BOTTOM, 540, MIDDLE + 12),
        *_there_and_back(600, MIDDLE, 700, MIDDLE),
        text(140, TOP - 2, "w_gate", kind="small math"),
        text(340, TOP - 14, "silu", kind="small math"),
        text(220, BOTTOM + 6, "w_up", kind="small math"),
        text(650, MIDDLE - 14, "w_down", kind="small math"),
        text(570, MIDDLE - 32, "a times u", kind="small muted"),
        text(50, MIDDLE + 52, "two paths add", kind="small muted"),
        *_key(590, 215),
    ]
    return svg(780, 265, "SwiGLU, forward and backward", parts)


def _node(left: float, y: float, name: str, gradient: str) -> list[str]:
    """A box with a value on top of the gradient that arrives there."""
    return [
        rect(left, y - 24, 60, 48),
        text(left + 30, y - 5, name, kind="math bold"),
        text(left + 30, y + 16, gradient, kind="small math"),
    ]


def _there_and_back(x1: float, y1: float, x2: float, y2: float) -> list[str]:
    """The way forward, and a dashed arrow back below it."""
    return [
        *_arrow(x1 + 4, y1 - 5, x2 - 4, y2 - 5, BLUE, dashed=False),
        *_arrow(x2 - 4, y2 + 6, x1 + 4, y1 + 6, ORANGE, dashed=True),
    ]


def _arrow(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool) -> list[str]:
    """A coloured shaft, and a head in the line colour of the page."""
    near_x, near_y = x2 - (x2 - x1) / 16, y2 - (y2 - y1) / 16
    return [_shaft(x1, y1, x2, y2, colour, dashed=dashed), line(near_x, near_y, x2, y2, arrow=True)]


def _shaft(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool) -> str:
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    path = f"M{x1:g} {y1:g}L{x2:g} {y2:g}"
    return f'<path d="{path}" stroke="{colour}" stroke-width="2.5" fill="none"{dash}/>'


def _key(left: float, y: float) -> list[str]:
    return [
        _shaft(left, y, left + 34, y, BLUE, dashed=False),
        text(left + 42, y + 4, "forward", kind="small", anchor="start"),
        _shaft(left, y + 22, left + 34, y + 22, ORANGE, dashed=True),
        text(left + 42, y + 26, "backward", kind="small", anchor="start"),
    ]
