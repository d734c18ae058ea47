"""The attainable rate against operations per byte."""

from ..svg import BLUE, GREEN, ORANGE, curve, dot, line, svg, text

# Powers of ten: operations per second, bytes per second, operations per byte at both ends.
PEAK, BANDWIDTH, LOW, HIGH = 14.0, 12.0, -0.5, 4.0
LEFT, RIGHT, TOP, BOTTOM = 90.0, 560.0, 50.0, 220.0
DECODE, PROMPT = 0.0, 3.0


def x_of(intensity: float) -> float:
    return LEFT + (intensity - LOW) / (HIGH - LOW) * (RIGHT - LEFT)


def y_of(rate: float) -> float:
    return BOTTOM - (rate - 11.0) / 3.4 * (BOTTOM - TOP)


def draw() -> str:
    corner = PEAK - BANDWIDTH
    roof = [(LOW, BANDWIDTH + LOW), (corner, PEAK), (HIGH, PEAK)]
    parts = [
        line(LEFT, BOTTOM, RIGHT + 12, BOTTOM, arrow=True),
        line(LEFT, BOTTOM, LEFT, TOP - 24, arrow=True),
        text((LEFT + RIGHT) / 2, BOTTOM + 38, "operations per byte", kind="small muted"),
        text(LEFT + 8, TOP - 22, "operations per second", kind="small muted", anchor="start"),
        curve([(x_of(i), y_of(r)) for i, r in roof], colour=BLUE),
        curve([(x_of(corner), BOTTOM), (x_of(corner), y_of(PEAK))], dashed=True),
    ]
    for power, mark in ((0.0, "1"), (1.0, "10"), (2.0, "100"), (3.0, "1,000")):
        parts.append(text(x_of(power), BOTTOM + 18, mark, kind="small"))
    for power, mark in ((12.0, "1e12"), (13.0, "1e13"), (14.0, "1e14")):
        parts.append(text(LEFT - 8, y_of(power) + 4, mark, kind="small math", anchor="end"))
    decode, prompt = (x_of(DECODE), y_of(BANDWIDTH + DECODE)), (x_of(PROMPT), y_of(PEAK))
    parts += [
        dot(*decode, 6, fill=ORANGE),
        dot(*prompt, 6, fill=GREEN),
        text(decode[0] + 14, decode[1] + 16, "decoding one token", anchor="start"),
        text(prompt[0], prompt[1] - 14, "a prompt of 1,000 tokens"),
        text(x_of(0.55), y_of(13.05), "memory decides", kind="small muted", anchor="end"),
        text(
            x_of(2.1), y_of(PEAK) + 22, "the processor decides", kind="small muted", anchor="start"
        ),
    ]
    return svg(620, 272, "A roof with a slope and a flat part", parts)
