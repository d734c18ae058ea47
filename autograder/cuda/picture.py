"""A picture of a schedule: which thread ran when, and where it waited. For small launches."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment

from .launch import Report

MOST_ROWS, MOST_STEPS = 160, 6_000
COLOURS = {"run": "#0072b2", "barrier": "#e69f00", "warp": "#d98fb5"}
MEANS = {"run": "runs", "barrier": "waits at a barrier", "warp": "waits for its warp"}
SIGNS = {"run": "#", "barrier": "|", "warp": ":"}


@dataclass(frozen=True)
class Segment:
    """A thread was in one state from one step to another.

    Attributes:
        state: "run", "barrier" or "warp".
        line: Where it waits, in the student's file; 0 while it runs.
    """

    block: tuple[int, int, int]
    thread: int
    start: int
    end: int
    state: str
    line: int


def segments(report: Report) -> tuple[Segment, ...]:
    """The recorded schedule (`Launch(trace=True)`) as segments.

    Raises:
        ValueError: Nothing was recorded.
    """
    if not report.trace:
        raise ValueError("nothing was recorded: launch with trace=True")
    last = report.trace[-1][0] + 1
    open_: dict[tuple[tuple[int, int, int], int], tuple[int, str, int]] = {}
    found = []
    for step, block, thread, what, line in report.trace:
        key = (block, thread)
        if key in open_:
            start, state, waited = open_.pop(key)
            found.append(Segment(block, thread, start, step, state, waited))
        if what != "done":
            open_[key] = (step, what, 0 if what == "run" else line)
    for (block, thread), (start, state, waited) in open_.items():  # those that never went on
        found.append(Segment(block, thread, start, last, state, waited))
    return tuple(sorted(found, key=lambda s: (s.start, s.thread)))


class Picture:
    """A schedule as text (`str`) and as SVG (`svg()`, and in a notebook by itself)."""

    def __init__(self, report: Report) -> None:
        self.segments = segments(report)
        seen = dict.fromkeys((s.block, s.thread) for s in self.segments)
        blocks = list(dict.fromkeys(block for block, _ in seen))
        self.rows = sorted(seen, key=lambda row: (blocks.index(row[0]), row[1]))
        self.steps = max(s.end for s in self.segments)
        if len(self.rows) > MOST_ROWS or self.steps > MOST_STEPS:
            raise ValueError(
                f"{len(self.rows)} threads in {self.steps} steps are too many for a picture: "
                "launch fewer blocks, or smaller ones"
            )

    def __str__(self) -> str:
        lines = []
        for row in self.rows:
            signs = [" "] * self.steps
            for s in self._of(row):
                signs[s.start : s.end] = SIGNS[s.state] * (s.end - s.start)
            (x, y, z), thread = row
            name = f"block {x}" if y == z == 0 else f"block {(x, y, z)}"
            lines.append(f"{name} thread {thread:3d} {''.join(signs)}")
        legend = ", ".join(f"{SIGNS[state]} {means}" for state, means in MEANS.items())
        return "\n".join([*lines, legend])

    def _of(self, row: tuple[tuple[int, int, int], int]) -> Sequence[Segment]:
        return [s for s in self.segments if (s.block, s.thread) == row]

    def svg(self) -> str:
        """The picture with a light ground of its own, so that it is read on dark pages, too."""
        width, height, left, top = 860, 14, 120, 8
        scale = (width - left - 10) / self.steps
        place = {row: top + i * height for i, row in enumerate(self.rows)}
        bars = [
            {
                "x": left + s.start * scale,
                "y": place[s.block, s.thread] + (1 if s.state == "run" else 4),
                "width": max((s.end - s.start) * scale, 0.5),
                "height": height - (2 if s.state == "run" else 8),
                "colour": COLOURS[s.state],
                "title": f"thread {s.thread}, block {s.block[0]}: {MEANS[s.state]}"
                + (f" in line {s.line}" if s.line else ""),
            }
            for s in self.segments
        ]
        names = [
            {"y": y + height - 4, "text": f"block {row[0][0]} thread {row[1]}"}
            for row, y in place.items()
        ]
        bottom = top + len(self.rows) * height + 10
        keys = [
            {"x": left + i * 190, "colour": COLOURS[state], "text": means}
            for i, (state, means) in enumerate(MEANS.items())
        ]
        return _TEMPLATE.render(
            width=width, height=bottom + 24, bars=bars, names=names, keys=keys, bottom=bottom
        )

    def _repr_svg_(self) -> str:
        return self.svg()


_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" role="img"
 font-family="sans-serif" font-size="10">
<title>Which thread ran when, and where it waited: time goes right, one row per thread</title>
<rect width="100%" height="100%" fill="#fcfcfc"/>
{% for name in names %}
<text x="6" y="{{ name.y }}" fill="#222">{{ name.text }}</text>
{% endfor %}
{% for bar in bars %}
<rect x="{{ '%.2f' % bar.x }}" y="{{ bar.y }}" width="{{ '%.2f' % bar.width }}" \
height="{{ bar.height }}" fill="{{ bar.colour }}"><title>{{ bar.title }}</title></rect>
{% endfor %}
{% for key in keys %}
<rect x="{{ key.x }}" y="{{ bottom }}" width="12" height="10" fill="{{ key.colour }}"/>
<text x="{{ key.x + 18 }}" y="{{ bottom + 9 }}" fill="#222">{{ key.text }}</text>
{% endfor %}
</svg>
"""
)
