"""Two thin matrices beside a frozen weight; after the merge there is one weight again."""

from ..svg import ORANGE, SKY, line, rect, svg, text


def draw() -> str:
    parts = [*_training(), *_merged()]
    return svg(760, 300, "A frozen weight with two thin matrices beside it, and merged", parts)


def _training() -> list[str]:
    return [
        text(220, 18, "while training", kind="bold"),
        text(22, 155, "x", kind="math"),
        line(36, 140, 118, 92, arrow=True),
        line(36, 160, 100, 211, arrow=True),
        rect(125, 30, 110, 110, fill=SKY, opacity=0.4),
        text(180, 82, "W", kind="bold"),
        text(180, 100, "(d_out, d_in)", kind="small"),
        text(180, 156, "frozen", kind="small muted"),
        rect(107, 205, 110, 22, fill=ORANGE, opacity=0.55),
        text(162, 221, "A", kind="bold"),
        text(162, 244, "(r, d_in)", kind="small"),
        line(222, 216, 262, 216, arrow=True),
        text(242, 208, "r wide", kind="small muted"),
        rect(268, 161, 22, 110, fill=ORANGE, opacity=0.55),
        text(279, 221, "B", kind="bold"),
        text(279, 288, "(d_out, r)", kind="small"),
        line(295, 210, 395, 166, arrow=True),
        text(358, 212, "times alpha / r", kind="small", anchor="start"),
        line(240, 90, 395, 138, arrow=True),
        rect(400, 140, 24, 24),
        text(412, 157, "+", kind="bold"),
        line(428, 152, 452, 152, arrow=True),
        text(464, 157, "y", kind="math"),
    ]


def _merged() -> list[str]:
    return [
        text(638, 18, "after the merge", kind="bold"),
        text(550, 157, "x", kind="math"),
        line(560, 152, 576, 152, arrow=True),
        rect(583, 97, 110, 110, fill=SKY, opacity=0.4),
        text(638, 138, "W + change", kind="bold"),
        text(638, 157, "(d_out, d_in)", kind="small"),
        text(638, 223, "no extra cost", kind="small muted"),
        line(698, 152, 718, 152, arrow=True),
        text(732, 157, "y", kind="math"),
    ]
