"""The learning rate over a run: a line, half a cosine, a constant."""

from ...vol1_numpy.optimizers import lr_schedule
from ..svg import BLUE, curve, dot, line, svg, text

WARMUP, TOTAL, END = 20, 100, 120
MAX_LR, MIN_LR = 1.0, 0.15
LEFT, BOTTOM, ACROSS, UP = 80.0, 190.0, 4.6, 150.0


def draw() -> str:
    def at(step: int, lr: float) -> tuple[float, float]:
        return LEFT + ACROSS * step, BOTTOM - UP * lr

    rates = [at(s, lr_schedule(s, MAX_LR, MIN_LR, WARMUP, TOTAL)) for s in range(END + 1)]
    corners = [at(WARMUP, MAX_LR), at(TOTAL, MIN_LR)]
    parts = [
        line(LEFT, BOTTOM, LEFT + ACROSS * END + 20, BOTTOM, arrow=True),
        line(LEFT, BOTTOM, LEFT, 22, arrow=True),
        *(curve([(LEFT, y), (x, y), (x, BOTTOM)], dashed=True) for x, y in corners),
        curve(rates, colour=BLUE),
        *(dot(x, y, 4.0, fill=BLUE) for x, y in [rates[0], *corners]),
        *(
            text(LEFT - 8, y + 4, name, kind="small math", anchor="end")
            for (_, y), name in zip(corners, ("max_lr", "min_lr"), strict=True)
        ),
        text(LEFT - 8, BOTTOM + 4, "0", kind="small math", anchor="end"),
        *(
            text(x, BOTTOM + 18, name, kind="small math")
            for (x, _), name in zip(corners, ("warmup", "total"), strict=True)
        ),
        text(LEFT, BOTTOM + 18, "0", kind="small math"),
        text(LEFT + ACROSS * END + 20, BOTTOM + 18, "step", kind="small math"),
        text(LEFT + ACROSS * WARMUP / 2 + 10, 128, "line", kind="muted", anchor="start"),
        text(LEFT + ACROSS * 62 + 12, 92, "half a cosine", kind="muted", anchor="start"),
        text(LEFT + ACROSS * 111, 152, "constant", kind="muted"),
    ]
    return svg(700, 220, "Warm-up, half a cosine, a floor", parts)
