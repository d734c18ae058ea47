"""Bits per character on Tiny Shakespeare: counting, known marks, the recipe of the course."""

from ..svg import BLUE, GREEN, ORANGE, line, rect, svg, text

# Counts: python -m solutions.runs.ngrams. nanoGPT: its README, 1.88 and 1.4697 nats. The recipe:
# docs/shakespeare.md.
COUNTS = (
    ("all alike", 6.022),
    ("1", 4.829),
    ("2", 3.586),
    ("3", 2.956),
    ("4", 2.559),
    ("5", 2.408),
)
KNOWN = (("nanoGPT, 3 minutes, CPU", 2.712), ("nanoGPT, GPU", 2.120))
OURS = (("this course, CPU", 2.426),)
LEFT, ACROSS, HIGH, TOP = 210.0, 70.0, 24.0, 40.0


def draw() -> str:
    bars = [
        *((f"counting {n}" if len(n) == 1 else n, bits, BLUE) for n, bits in COUNTS),
        *((name, bits, ORANGE) for name, bits in KNOWN),
        *((name, bits, GREEN) for name, bits in OURS),
    ]
    bars.sort(key=lambda bar: -bar[1])
    bottom = TOP + HIGH * len(bars)
    parts = [
        text(LEFT, 22, "bits per character, validation", kind="muted", anchor="start"),
        line(LEFT, TOP - 6, LEFT, bottom),
    ]
    for i, (name, bits, colour) in enumerate(bars):
        y = TOP + HIGH * i
        parts += [
            text(LEFT - 10, y + 15, name, anchor="end"),
            rect(LEFT, y + 2, ACROSS * bits, HIGH - 7, fill=colour, opacity=0.85),
            text(LEFT + ACROSS * bits + 8, y + 15, f"{bits:.2f}", kind="math", anchor="start"),
        ]
    return svg(700, int(bottom) + 12, "Marks on Tiny Shakespeare", parts)
