"""Three documents packed into rows, and which token of the first row sees which."""

from ..svg import BLUE, GREEN, ORANGE, rect, svg, text

LENGTHS, T, CELL = (3, 2, 4), 8, 30
COLOURS = (BLUE, ORANGE, GREEN)
LEFT, GRID = 20, 380


def draw() -> str:
    stream = []
    for number, length in enumerate(LENGTHS):
        stream += [(f"{number}", number)] * length
        stream += [("eos", number)] if number + 1 < len(LENGTHS) else []
    parts = [
        text(LEFT, 24, "rows of 8, the number is the document", kind="bold", anchor="start"),
        text(GRID, 24, "who sees whom in row 0", kind="bold", anchor="start"),
    ]
    for i, (label, number) in enumerate(stream):
        left, y = LEFT + 20 + i % T * (CELL + 4), 60 + i // T * 60
        parts.append(rect(left, y, CELL, CELL, fill=COLOURS[number]))
        parts.append(text(left + CELL / 2, y + 20, label, kind="small on"))
    beside = LEFT + 20 + 3 * (CELL + 4)
    parts.append(text(beside, 140, "not full: dropped", kind="small", anchor="start"))
    for t in range(T):
        for s in range(T):
            sees = s <= t and stream[s][1] == stream[t][1]
            fill = COLOURS[stream[t][1]] if sees else ""
            parts.append(rect(GRID + s * 24, 44 + t * 24, 22, 22, fill=fill))
    parts.append(text(GRID - 8, 44 + 4 * 24, "t", kind="math", anchor="end"))
    parts.append(text(GRID + 4 * 24, 44 + T * 24 + 16, "s", kind="math"))
    return svg(600, 262, "Packed documents, and a mask that keeps them apart", parts)
