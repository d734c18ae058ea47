"""Which query head reads which key and value head: multi-head, grouped-query, multi-query."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

N_HEADS, WIDTH, STEP = 6, 26, 31
# One colour per kv head, all dark enough for white numbers, which say the same without colour.
COLOURS = (BLUE, ORANGE, "#00694d", "#8a3f6d", "#6b5200", "#5c6370")


def draw() -> str:
    parts = [
        text(78, 81, "query heads", kind="small", anchor="end"),
        text(78, 181, "kv heads", kind="small", anchor="end"),
        *_panel(92, "multi-head", 6),
        *_panel(302, "grouped-query", 2),
        *_panel(512, "multi-query", 1),
    ]
    return svg(710, 240, "Which query head reads which key and value head", parts)


def _panel(left: int, title: str, n_kv_heads: int) -> list[str]:
    group = N_HEADS // n_kv_heads
    middle = left + (STEP * (N_HEADS - 1) + WIDTH) / 2
    parts = [text(middle, 22, title, kind="bold")]
    for head in range(N_HEADS):
        kv, x = head // group, left + STEP * head
        below = _kv_left(left, kv, group)
        parts.append(line(x + WIDTH / 2, 92, below + WIDTH / 2, 156, arrow=True))
        parts += _box(x, 62, head, COLOURS[kv])
    for kv in range(n_kv_heads):
        parts += _box(_kv_left(left, kv, group), 162, kv, COLOURS[kv])
    about = f"n_kv_heads {n_kv_heads}, group of {group}"
    return [*parts, text(middle, 222, about, kind="small muted")]


def _kv_left(left: int, kv: int, group: int) -> float:
    """A kv head stands below the middle of its group."""
    return left + STEP * (kv * group + (group - 1) / 2)


def _box(x: float, y: float, number: int, colour: str) -> list[str]:
    return [
        rect(x, y, WIDTH, 30, fill=colour),
        text(x + WIDTH / 2, y + 20, f"{number}", kind="small bold on"),
    ]
