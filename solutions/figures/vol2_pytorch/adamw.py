"""Two weights whose gradients differ by a factor of a hundred, with L2 and with decoupled decay."""

from ..svg import BLUE, ORANGE, curve, line, svg, text

STEPS, LR, DECAY, BETA1, BETA2 = 300, 0.01, 0.3, 0.9, 0.999
SMALL, LARGE = 0.1, 10.0
WIDE, HIGH, BOTTOM = 260.0, 170.0, 230.0


def draw() -> str:
    parts = [
        *_panel(60, "penalty in the gradient (L2)", decoupled=False),
        *_panel(400, "decoupled decay (AdamW)", decoupled=True),
    ]
    return svg(700, 270, "Two weights under L2 and under decoupled decay", parts)


def _panel(left: float, title: str, *, decoupled: bool) -> list[str]:
    def at(step: int, p: float) -> tuple[float, float]:
        return left + WIDE * step / STEPS, BOTTOM - HIGH * p

    small = [at(i, p) for i, p in enumerate(_run(SMALL, decoupled))]
    large = [at(i, p) for i, p in enumerate(_run(LARGE, decoupled))]
    words = (
        [
            text(left + 92, 150, "small gradients", kind="small", anchor="start"),
            text(left + WIDE - 4, 94, "large gradients", kind="small", anchor="end"),
        ]
        if not decoupled
        else [text(left + WIDE - 4, 128, "both", kind="small", anchor="end")]
    )
    return [
        text(left + WIDE / 2, 24, title, kind="bold"),
        line(left, BOTTOM, left + WIDE + 14, BOTTOM, arrow=True),
        line(left, BOTTOM, left, 42, arrow=True),
        curve(small, colour=BLUE),
        curve(large, colour=ORANGE, dashed=True),
        *words,
        text(left - 8, BOTTOM - HIGH + 4, "1", kind="small math", anchor="end"),
        text(left - 8, BOTTOM + 4, "0", kind="small math", anchor="end"),
        text(left - 8, BOTTOM - HIGH / 2 + 4, "weight", kind="small muted", anchor="end"),
        text(left, BOTTOM + 18, "0", kind="small math"),
        text(left + WIDE, BOTTOM + 18, str(STEPS), kind="small math"),
        text(left + WIDE / 2, BOTTOM + 18, "step", kind="small muted"),
    ]


def _run(size: float, decoupled: bool) -> list[float]:
    """The weight at each step; its gradient is `size` with changing sign, so its mean is zero."""
    p, m, v = 1.0, 0.0, 0.0
    path = [p]
    for t in range(1, STEPS + 1):
        g = size * (-1) ** t
        if decoupled:
            p *= 1 - LR * DECAY
        else:
            g += DECAY * p
        m = BETA1 * m + (1 - BETA1) * g
        v = BETA2 * v + (1 - BETA2) * g * g
        p -= LR * m / (1 - BETA1**t) / ((v / (1 - BETA2**t)) ** 0.5 + 1e-8)
        path.append(p)
    return path
