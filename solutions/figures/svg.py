"""A few SVG elements that read well on light and dark pages and without colour vision.

Colours are from the Okabe-Ito palette; text and lines take the page's colour scheme.
"""

from collections.abc import Iterable
from html import escape

BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"

STYLE = """<style>
text { font: 14px system-ui, sans-serif; fill: #1c1e21 }
.small { font-size: 12px } .muted { fill: #5c6370 } .bold { font-weight: 600 }
.math { font-family: ui-monospace, monospace } .on { fill: #ffffff }
.line { stroke: #5c6370; fill: none; stroke-width: 1.5 } .box { stroke: #5c6370; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e6e6 } .muted { fill: #a8b0bb } .line, .box { stroke: #a8b0bb }
}
</style>"""


def svg(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """A whole drawing; `title` is read out by screen readers."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">'
    )
    return "\n".join([head, f"<title>{escape(title)}</title>", STYLE, *parts, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "middle") -> str:
    """Words at a point; `kind` is any of small, muted, bold, math, on."""
    css = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{css}>{escape(words)}</text>'


def rect(
    x: float, y: float, width: float, height: float, *, fill: str = "", opacity: float = 1.0
) -> str:
    """A filled rectangle, or an outlined one without `fill`."""
    look = f'fill="{fill}" fill-opacity="{opacity:g}"' if fill else 'class="box"'
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="2" {look}/>'


def line(x1: float, y1: float, x2: float, y2: float, *, arrow: bool = False) -> str:
    """A straight line, with an arrow head at its end if asked for."""
    drawn = f'<path class="line" d="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'
    if not arrow:
        return drawn
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 or 1.0
    dx, dy = (x2 - x1) / length * 7, (y2 - y1) / length * 7
    head = f"M{x2 - dx - dy / 2:g} {y2 - dy + dx / 2:g}L{x2:g} {y2:g}"
    return drawn + f'<path class="line" d="{head}L{x2 - dx + dy / 2:g} {y2 - dy - dx / 2:g}"/>'


def curve(points: Iterable[tuple[float, float]], *, colour: str = "", dashed: bool = False) -> str:
    """A line through points, in the page's line colour without `colour`."""
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    look = f'fill="none" stroke="{colour}" stroke-width="2"' if colour else 'class="line"'
    return f'<path {look} d="{path}"' + (' stroke-dasharray="4 4"/>' if dashed else "/>")


def dot(x: float, y: float, radius: float, *, fill: str) -> str:
    """A filled circle."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}"/>'
