"""The exercises of a volume as a picture: what builds on what, how hard, how long, for how much."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, ACROSS, DOWN, EDGE = 172, 50, 54, 16, 10

STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1c1e21 }
.name { font-weight: 600 } .small { font-size: 11px; fill: #5c6370 }
.box { fill: #eaf3fa; stroke: #0072b2 }
.edge { fill: none; stroke: #5c6370; stroke-width: 1.2; stroke-opacity: 0.55 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e6e6 } .small { fill: #a8b0bb } .edge { stroke: #a8b0bb }
  .box { stroke: #56b4e9; fill: #14283a }
}
</style>"""


def ladder(entries: Sequence[Mapping[str, Any]], title: str) -> str:
    """An SVG of exercises in columns, each to the right of all that it builds on.

    Args:
        entries: Records of the course index, of one volume, in course order.
        title: What the picture is called.
    """
    places = _places(entries)
    width = max((x for x, _ in places.values()), default=0) + WIDTH + EDGE
    height = max((y for _, y in places.values()), default=0) + HEIGHT + EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        STYLE,
    ]
    for one in entries:
        for earlier in _direct(one, entries):
            parts.append(_edge(places[earlier], places[one["exercise"]]))
    parts += [_box(one, *places[one["exercise"]]) for one in entries]
    return "\n".join([*parts, "</svg>"]) + "\n"


def effort(entry: Mapping[str, Any]) -> str:
    """Difficulty as five circles."""
    return "●" * int(entry["difficulty"]) + "○" * (5 - int(entry["difficulty"]))


def _places(entries: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """The upper left corner of each box."""
    known = {one["exercise"] for one in entries}
    column: dict[str, int] = {}
    rows: dict[int, list[str]] = {}
    for one in entries:  # in course order, so what it builds on has its place already
        before = [column[e] for e in one["earlier"] if e in known and e in column]
        column[one["exercise"]] = max(before, default=-1) + 1
        rows.setdefault(column[one["exercise"]], []).append(one["exercise"])
    by_name = {one["exercise"]: one for one in entries}
    height = max((len(row) for row in rows.values()), default=0)
    places: dict[str, tuple[int, int]] = {}
    for number in sorted(rows):
        names = sorted(rows[number], key=lambda n: _middle(by_name[n], places))
        top = (height - len(names)) * (HEIGHT + DOWN) // 2
        for i, name in enumerate(names):
            places[name] = (EDGE + number * (WIDTH + ACROSS), EDGE + top + i * (HEIGHT + DOWN))
    return places


def _middle(entry: Mapping[str, Any], places: Mapping[str, tuple[int, int]]) -> float:
    """How far down, on average, what an exercise builds on lies; crossings get fewer."""
    rows = [places[e][1] for e in entry["earlier"] if e in places]
    return sum(rows) / len(rows) if rows else 0.0


def _direct(entry: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What an exercise builds on, without what it builds on through another one."""
    by_name = {one["exercise"]: one for one in entries}
    named = [e for e in entry["earlier"] if e in by_name]

    def reaches(start: str, goal: str) -> bool:
        steps = [e for e in by_name[start]["earlier"] if e in by_name]
        return goal in steps or any(reaches(step, goal) for step in steps)

    return [e for e in named if not any(reaches(other, e) for other in named if other != e)]


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1, x2, y2 = start[0] + WIDTH, start[1] + HEIGHT // 2, end[0], end[1] + HEIGHT // 2
    bend = ACROSS * 2 // 3
    return f'<path class="edge" d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'


def _box(entry: Mapping[str, Any], x: int, y: int) -> str:
    name = str(entry["exercise"]).rpartition("/")[2]
    worth = f"{entry['points']:g} points, {entry['minutes']} min"
    return "\n".join(
        [
            f'<rect class="box" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
            f'<text class="name" x="{x + 10}" y="{y + 20}">{escape(name)}</text>',
            f'<text class="small" x="{x + 10}" y="{y + 39}">{effort(entry)} {worth}</text>',
        ]
    )
