"""Which keys a query sees: the causal mask, aligned at the bottom right."""

import numpy as np

from ..svg import BLUE, ORANGE, line, rect, svg, text

CELL, TOP, KEYS = 36, 84, 5


def draw() -> str:
    parts = [
        *_grid(110, KEYS, "whole sequence: Tq = 5, Tk = 5"),
        *_grid(430, 2, "with a cache: Tq = 2, Tk = 5"),
        line(300, TOP + 4 * CELL, 384, TOP + 4 * CELL, arrow=True),
        text(342, TOP + 4 * CELL - 10, "its last rows", kind="small muted"),
        rect(180, 288, 16, 16, fill=BLUE),
        text(203, 300, "visible", kind="small", anchor="start"),
        rect(270, 288, 16, 16, fill=ORANGE),
        text(278, 301, "=", kind="small on bold"),
        text(293, 300, "visible, the query's own position", kind="small", anchor="start"),
        rect(505, 288, 16, 16),
        text(528, 300, "hidden", kind="small", anchor="start"),
    ]
    return svg(660, 316, "The causal mask is aligned at the bottom right", parts)


def _grid(left: int, queries: int, title: str) -> list[str]:
    """The last `queries` rows of the mask; they stand where they stand in the whole one."""
    visible = np.tri(queries, KEYS, KEYS - queries, dtype=bool)
    skipped = KEYS - queries
    top = TOP + skipped * CELL
    parts = [
        text(left + KEYS * CELL / 2, 20, title, kind="bold"),
        text(left + KEYS * CELL / 2, top - 34, "key j", kind="small muted"),
        text(left - 10, top - 12, "query i", kind="small muted", anchor="end"),
    ]
    for j in range(KEYS):
        parts.append(text(left + (j + 0.5) * CELL, top - 12, f"{j}", kind="small math"))
    for i, row in enumerate(visible):
        y = top + i * CELL
        parts.append(text(left - 10, y + 23, f"{i}", kind="small math", anchor="end"))
        for j, seen in enumerate(row):
            x, own = left + j * CELL, j == skipped + i
            fill = (ORANGE if own else BLUE) if seen else ""
            parts.append(rect(x + 1, y + 1, CELL - 2, CELL - 2, fill=fill))
            if own:
                parts.append(text(x + CELL / 2, y + 23, "=", kind="on bold"))
    return parts
