"""The loop as a ring of steps, and what an evaluation adds to it."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

STEPS = ("batch", "forward", "loss", "backward", "clip", "step")
BRANCH = ("evaluate", "metrics.jsonl", "last, best", "stop?")
WIDTH, GAP = 96, 24


def draw() -> str:
    parts = [text(20, 22, "one update", kind="bold", anchor="start")]
    for number, name in enumerate(STEPS):
        x = 20 + (WIDTH + GAP) * number
        parts += [rect(x, 36, WIDTH, 40, fill=BLUE, opacity=0.3), text(x + WIDTH / 2, 61, name)]
        if number:
            parts.append(line(x - GAP + 2, 56, x - 3, 56, arrow=True))
    end = 20 + (WIDTH + GAP) * len(STEPS) - GAP
    parts += [
        line(end - WIDTH / 2, 76, end - WIDTH / 2, 112),
        line(end - WIDTH / 2, 112, 68, 112),
        line(68, 112, 68, 80, arrow=True),
        text(360, 106, "next learning rate, next batch", kind="small muted"),
        line(end - WIDTH / 2, 112, end - WIDTH / 2, 168, arrow=True),
        text(end - WIDTH / 2 - 8, 146, "every eval_every updates", kind="small", anchor="end"),
    ]
    for number, name in enumerate(BRANCH):
        x = end - WIDTH - (WIDTH + GAP + 10) * number
        parts.append(rect(x - 6, 172, WIDTH + 12, 40, fill=ORANGE, opacity=0.35))
        parts.append(text(x + WIDTH / 2, 197, name))
        if number:
            parts.append(line(x + WIDTH + GAP + 2, 192, x + WIDTH + 9, 192, arrow=True))
    left = end - WIDTH - (WIDTH + GAP + 10) * 3
    parts += [
        line(left + WIDTH / 2, 172, left + WIDTH / 2, 116, arrow=True),
        text(left + WIDTH / 2 - 8, 146, "no", kind="small", anchor="end"),
        line(left - 8, 192, left - 60, 192, arrow=True),
        text(left - 34, 184, "yes", kind="small"),
        text(left - 66, 197, "end", kind="bold", anchor="end"),
        text(end, 232, "no gradient, no dropout, mode restored", kind="small muted", anchor="end"),
    ]
    return svg(760, 246, "The training loop and its evaluation", parts)
