"""Three ways to put a new state in the place of an old one, and what each shows when killed."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

OLD, NEW = BLUE, ORANGE


def draw() -> str:
    parts = [
        *_column(20, "written over in place", ["whole", "torn", "whole"], 1, "nothing is left"),
        *_column(275, "beside it, then one rename", ["whole", "beside", "whole"], 0, ""),
        *_column(530, "two files, two renames", ["pair", "mixed", "pair"], 1, "never existed"),
        rect(20, 292, 14, 14, fill=OLD, opacity=0.55),
        text(42, 304, "the state of step 100", kind="small", anchor="start"),
        rect(200, 292, 14, 14, fill=NEW, opacity=0.75),
        text(222, 304, "the state of step 200", kind="small", anchor="start"),
    ]
    title = "A state written in place, written beside and renamed, and written to two files"
    return svg(770, 316, title, parts)


def _column(x: float, title: str, stages: list[str], bad: int, words: str) -> list[str]:
    parts = [text(x + 110, 20, title, kind="bold")]
    for number, stage in enumerate(stages):
        y = 40 + 82 * number
        fill = OLD if number == 0 else NEW
        parts += _stage(x, y, stage, fill)
        if number < len(stages) - 1:
            parts.append(line(x + 110, y + 58, x + 110, y + 76, arrow=True))
        if bad and number == bad:
            parts.append(text(x + 110, y + 52, f"killed here: {words}", kind="small bold"))
    if not bad:
        parts.append(text(x + 110, 40 + 82 + 52, "killed here: the old state", kind="small bold"))
    return parts


def _stage(x: float, y: float, stage: str, fill: str) -> list[str]:
    if stage == "torn":
        return [
            rect(x + 30, y, 160, 34),
            rect(x + 30, y, 52, 34, fill=NEW, opacity=0.75),
            text(x + 140, y + 22, "cut short", kind="small muted"),
        ]
    if stage == "beside":
        return [
            rect(x + 2, y, 104, 34, fill=OLD, opacity=0.55),
            text(x + 54, y + 22, "checkpoint", kind="small on"),
            rect(x + 114, y, 104, 34),
            rect(x + 114, y, 60, 34, fill=NEW, opacity=0.75),
            text(x + 166, y + 22, "new", kind="small"),
        ]
    if stage in ("pair", "mixed"):
        second = OLD if stage == "mixed" else fill
        return [
            rect(x + 2, y, 104, 34, fill=fill, opacity=0.55 if fill == OLD else 0.75),
            text(x + 54, y + 22, "tensors", kind="small on"),
            rect(x + 114, y, 104, 34, fill=second, opacity=0.55 if second == OLD else 0.75),
            text(x + 166, y + 22, "the rest", kind="small on"),
        ]
    return [
        rect(x + 30, y, 160, 34, fill=fill, opacity=0.55 if fill == OLD else 0.75),
        text(x + 110, y + 22, "checkpoint", kind="small on"),
    ]
