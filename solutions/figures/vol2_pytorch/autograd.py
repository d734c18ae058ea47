"""What autograd records for RMSNorm, and one node of one's own; what each keeps."""

from ..svg import BLUE, GREEN, ORANGE, line, rect, svg, text

# From the top, as backward meets them: the operation, what its node keeps, whether that is as
# large as x.
NODES = [
    ("* gain", "x r and gain", True),
    ("x * r", "x and r", True),
    ("rsqrt", "r, one per token", False),
    ("+ eps", "nothing", False),
    ("mean", "nothing", False),
    ("x * x", "x", True),
]
TOP, STEP, W, H = 84, 52, 120, 30


def draw() -> str:
    parts = [
        text(150, 26, "recorded by autograd", kind="bold"),
        text(460, 26, "one Function", kind="bold"),
        text(90, 58, "dout", kind="small math"),
        text(400, 58, "dout", kind="small math"),
    ]
    for number, (name, kept, large) in enumerate(NODES):
        y = TOP + number * STEP
        parts.append(line(90, y - 20, 90, y - 2, arrow=True))
        parts.append(rect(90 - W / 2, y, W, H, fill=BLUE))
        parts.append(text(90, y + 20, name, kind="bold on"))
        if large:
            parts.append(rect(164, y + 8, 14, 14, fill=ORANGE))
        parts.append(text(186, y + 20, f"keeps {kept}", kind="small", anchor="start"))
    bottom = TOP + len(NODES) * STEP
    parts.append(line(90, bottom - 20, 90, bottom - 2, arrow=True))
    parts.append(text(90, bottom + 16, "dx, dgain", kind="small math"))
    middle = (TOP + bottom - STEP) / 2
    parts += [
        line(400, 64, 400, middle - 2, arrow=True),
        rect(400 - W / 2, middle, W, H, fill="#00694d"),
        text(400, middle + 20, "backward", kind="bold on"),
        line(400, middle + H + 2, 400, bottom - 2, arrow=True),
        text(400, bottom + 16, "dx, dgain", kind="small math"),
        rect(474, middle - 10, 14, 14, fill=ORANGE),
        text(496, middle + 2, "keeps x and gain,", kind="small", anchor="start"),
        rect(474, middle + 16, 14, 14, fill=GREEN, opacity=0.35),
        text(496, middle + 28, "and r, one per token", kind="small", anchor="start"),
        rect(40, bottom + 34, 14, 14, fill=ORANGE),
        text(62, bottom + 46, "as large as x", kind="small", anchor="start"),
    ]
    return svg(
        640, bottom + 62, "What autograd keeps for RMSNorm, and what a Function keeps", parts
    )
