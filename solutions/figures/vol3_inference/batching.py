"""Six requests in three slots: in batches that run to their end, and joining at any step."""

from collections.abc import Iterator

from ..svg import BLUE, GREEN, ORANGE, PURPLE, rect, svg, text

LENGTHS, SLOTS = (2, 7, 3, 5, 2, 4), 3
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#806000", "#5c6370")
LEFT, WIDE, TALL, STEPS = 74.0, 46.0, 28.0, 12
Bar = tuple[int, int, int]  # request, slot, first step


def static() -> Iterator[Bar]:
    """Three requests at a time, and the next three when the longest has finished."""
    start = 0
    for first in range(0, len(LENGTHS), SLOTS):
        batch = range(first, min(first + SLOTS, len(LENGTHS)))
        yield from ((request, slot, start) for slot, request in enumerate(batch))
        start += max(LENGTHS[request] for request in batch)


def continuous() -> Iterator[Bar]:
    """Each request in the slot that is free first."""
    free = [0] * SLOTS
    for request, length in enumerate(LENGTHS):
        slot = free.index(min(free))
        yield request, slot, free[slot]
        free[slot] += length


def draw() -> str:
    parts: list[str] = []
    for top, title, bars in ((46.0, "static", static()), (206.0, "continuous", continuous())):
        placed = list(bars)
        end = max(start + LENGTHS[request] for request, _, start in placed)
        parts.append(text(12, top - 22, title, kind="bold", anchor="start"))
        words = f"{sum(LENGTHS)} tokens in {end} steps"
        parts.append(text(LEFT + end * WIDE - 4, top - 22, words, kind="small", anchor="end"))
        for slot in range(SLOTS):
            y = top + slot * (TALL + 6)
            parts.append(text(LEFT - 12, y + 19, f"slot {slot}", kind="small muted", anchor="end"))
            used = {
                t for r, s, start in placed if s == slot for t in range(start, start + LENGTHS[r])
            }
            idle = set(range(end)) - used
            parts += [rect(LEFT + t * WIDE, y, WIDE - 4, TALL) for t in sorted(idle)]
        parts.append(
            text(LEFT - 12, top + SLOTS * (TALL + 6) + 12, "step", kind="small muted", anchor="end")
        )
        for t in range(end):
            y = top + SLOTS * (TALL + 6) + 12
            parts.append(text(LEFT + (t + 0.5) * WIDE - 2, y, str(t), kind="small muted"))
        for request, slot, start in placed:
            x, y = LEFT + start * WIDE, top + slot * (TALL + 6)
            width = LENGTHS[request] * WIDE - 4
            parts.append(rect(x, y, width, TALL, fill=COLOURS[request]))
            parts.append(text(x + width / 2, y + 19, str(request), kind="bold on"))
    return svg(650, 330, "The same requests in static and in continuous batches", parts)
