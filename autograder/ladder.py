"""The exercises of a volume as a picture: what builds on what, how hard, how long, for how much."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT, ACROSS, DOWN, EDGE = 186, 50, 16, 46, 10
# How many exercises that stand alone fit beside each other.
BESIDE = 6
# A line that passes a level of boxes needs little room.
GAP = 12
# A box by its slug, or a line from one box to another where it passes level number so many.
Item = str | tuple[str, str, int]
Place = tuple[int, int]

STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1c1e21 }
.name { font-weight: 600 } .small { font-size: 11px; fill: #5c6370 } .number { text-anchor: end }
.box { fill: #eaf3fa; stroke: #0072b2 }
.edge { fill: none; stroke: #5c6370; stroke-width: 1.2; stroke-opacity: 0.6 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e6e6 } .small { fill: #a8b0bb } .edge { stroke: #a8b0bb }
  .box { stroke: #56b4e9; fill: #14283a }
}
</style>"""


def ladder(entries: Sequence[Mapping[str, Any]], title: str) -> str:
    """An SVG of exercises, each below all that it builds on; those that stand alone come last.

    Args:
        entries: Records of the course index, of one volume, in course order.
        title: What the picture is called.
    """
    by_name = {str(one["exercise"]): one for one in entries}
    steps = {name: _direct(name, by_name) for name in by_name}
    linked = {name for name, before in steps.items() if before}
    linked |= {e for before in steps.values() for e in before}
    lines = [(e, name) for name, before in steps.items() for e in before]
    places = _places(_rows([n for n in by_name if n in linked], steps))
    below = max((y + HEIGHT + DOWN for _, y in places.values()), default=EDGE)
    for i, name in enumerate(n for n in by_name if n not in linked):
        x, y = i % BESIDE * (WIDTH + ACROSS), i // BESIDE * (HEIGHT + ACROSS)
        places[name] = EDGE + x, below + y
    boxes = [(number, one, places[name]) for number, (name, one) in enumerate(by_name.items(), 1)]
    width = max((x + _room(item) for item, (x, _) in places.items()), default=0) + EDGE
    height = max((y for _, y in places.values()), default=0) + HEIGHT + EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        STYLE,
        *(_line(start, end, places) for start, end in lines),
        *(_box(number, one, *place) for number, one, place in boxes),
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def effort(entry: Mapping[str, Any]) -> str:
    """Difficulty as five circles."""
    return "●" * int(entry["difficulty"]) + "○" * (5 - int(entry["difficulty"]))


def _direct(name: str, entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What an exercise builds on, without what it builds on through another one."""

    def named(start: str) -> list[str]:
        return [e for e in entries[start]["earlier"] if e in entries]

    def all_below(start: str) -> set[str]:
        return {start}.union(*map(all_below, named(start)))

    own = named(name)
    return [e for e in own if not any(e in all_below(other) for other in own if other != e)]


def _levels(names: Sequence[str], steps: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How far down each exercise stands: as close as can be to what first builds on it."""
    level: dict[str, int] = {}
    for name in names:  # in course order, so what it builds on has its level already
        level[name] = max((level[e] for e in steps[name] if e in level), default=-1) + 1
    for name in reversed(names):
        users = [level[n] for n in names if name in steps[n]]
        level[name] = min(users, default=level[name] + 1) - 1
    return level


def _rows(names: Sequence[str], steps: Mapping[str, Sequence[str]]) -> list[list[Item]]:
    """Boxes and passing lines by level, ordered so that lines cross less."""
    level = _levels(names, steps)
    rows: list[list[Item]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    near: dict[Item, list[Item]] = {}
    for name in names:
        rows[level[name]].append(name)
    for name in names:
        for earlier in steps[name]:
            way = _way(earlier, name, level)
            for number in range(level[earlier] + 1, level[name]):
                rows[number].append((earlier, name, number))
            for above, under in pairwise(way):
                near.setdefault(above, []).append(under)
                near.setdefault(under, []).append(above)
    for turn in range(8):
        for i in range(len(rows)) if turn % 2 == 0 else reversed(range(len(rows))):
            other = rows[i - 1] if turn % 2 == 0 and i else rows[min(i + 1, len(rows) - 1)]
            where = {item: (n + 0.5) / len(other) for n, item in enumerate(other)}
            here = {item: (n + 0.5) / len(rows[i]) for n, item in enumerate(rows[i])}
            rows[i].sort(key=lambda item: _mean(near[item], where, here[item]))
    return rows


def _way(start: str, end: str, level: Mapping[str, int]) -> list[Item]:
    """The places that a line runs through, from box to box."""
    return [start, *((start, end, n) for n in range(level[start] + 1, level[end])), end]


def _mean(items: Sequence[Item], where: Mapping[Item, float], otherwise: float) -> float:
    found = [where[item] for item in items if item in where]
    return sum(found) / len(found) if found else otherwise


def _room(item: Item) -> int:
    return WIDTH if isinstance(item, str) else GAP


def _places(rows: Sequence[Sequence[Item]]) -> dict[Item, Place]:
    """The upper left corner of each box, and of where a line passes."""
    wide = [sum(_room(item) + ACROSS for item in row) - ACROSS for row in rows]
    places: dict[Item, Place] = {}
    for number, row in enumerate(rows):
        x = EDGE + (max(wide) - wide[number]) // 2
        for item in row:
            places[item] = x, EDGE + number * (HEIGHT + DOWN)
            x += _room(item) + ACROSS
    return places


def _line(start: str, end: str, places: Mapping[Item, Place]) -> str:
    """A curve from one box down to another, straight where it passes other boxes."""
    x, y = places[start][0] + WIDTH // 2, places[start][1] + HEIGHT
    path = f"M{x} {y}"
    passed = sorted((p for p in places if p[:2] == (start, end)), key=lambda p: places[p][1])
    for item in [*passed, end]:
        to = places[item][0] + (WIDTH // 2 if item == end else GAP // 2), places[item][1]
        bend = (to[1] - y) // 2
        path += f"C{x} {y + bend} {to[0]} {to[1] - bend} {to[0]} {to[1]}"
        if item != end:
            path += f"V{to[1] + HEIGHT}"
        x, y = to[0], to[1] + HEIGHT
    return f'<path class="edge" d="{path}"/>'


def _box(number: int, entry: Mapping[str, Any], x: int, y: int) -> str:
    name = str(entry["exercise"]).rpartition("/")[2]
    worth = f"{entry['points']:g} points, {entry['minutes']} min"
    return "\n".join(
        [
            f'<rect class="box" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
            f'<text class="name" x="{x + 10}" y="{y + 20}">{escape(name)}</text>',
            f'<text class="small number" x="{x + WIDTH - 10}" y="{y + 20}">{number}</text>',
            f'<text class="small" x="{x + 10}" y="{y + 39}">{effort(entry)} {worth}</text>',
        ]
    )
