"""A row of tokens, three windows of inputs and, one token later, their targets."""

from ..svg import BLUE, GREEN, ORANGE, rect, svg, text

COUNT, T, CELL, LEFT = 10, 3, 48, 110
COLOURS = (BLUE, ORANGE, GREEN)


def draw() -> str:
    parts = [
        text(10, 112, "tokens", kind="bold", anchor="start"),
        text(10, 52, "inputs x", kind="bold", anchor="start"),
        text(10, 172, "targets y", kind="bold", anchor="start"),
    ]
    for i in range(COUNT):
        left = LEFT + i * CELL
        parts.append(rect(left + 2, 90, CELL - 4, 34))
        parts.append(text(left + CELL / 2, 112, f"{i}", kind="math"))
    for number, colour in enumerate(COLOURS):
        for shift, y in ((0, 30), (1, 150)):
            left = LEFT + (number * T + shift) * CELL
            parts.append(rect(left + 3, y, T * CELL - 6, 34, fill=colour))
            parts.append(text(left + T * CELL / 2, y + 22, f"window {number}", kind="on"))
    return svg(610, 205, "Windows of three inputs, and their targets one token later", parts)
