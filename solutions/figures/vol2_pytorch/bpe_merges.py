"""The word banana, merge by merge, with the pairs that are counted before each merge."""

from ..svg import GREEN, ORANGE, SKY, rect, svg, text

ROWS = (
    (["b", "a", "n", "a", "n", "a"], "", "an 2, na 2, ba 1: a tie"),
    (["b", "an", "an", "a"], "merge 0: a + n", "b+an 1, an+an 1, an+a 1: a tie"),
    (["ban", "an", "a"], "merge 1: b + an", "ban+an 1, an+a 1: a tie"),
    (["ban", "ana"], "merge 2: an + a", "ban+ana 1"),
)
IDS = {"b": 98, "a": 97, "n": 110, "an": 256, "ban": 257, "ana": 258}
FILLS = {1: SKY, 2: GREEN, 3: ORANGE}
LEFT, STEP, HEIGHT, GAP = 130, 46, 40, 64


def draw() -> str:
    """One row per state of the word."""
    parts = [text(LEFT + 6 * STEP + 30, 18, "pairs of neighbours", kind="bold", anchor="start")]
    for number, (tokens, merge, pairs) in enumerate(ROWS):
        parts += _row(30 + number * GAP, tokens, merge, pairs)
    return svg(720, 30 + 4 * GAP, "Three merges in the word banana", parts)


def _row(y: float, tokens: list[str], merge: str, pairs: str) -> list[str]:
    parts = [text(LEFT - 14, y + 25, merge, kind="small", anchor="end")] if merge else []
    at = LEFT
    for token in tokens:
        width = len(token) * STEP - 6
        parts.append(rect(at, y, width, HEIGHT, fill=FILLS[len(token)], opacity=0.4))
        parts.append(text(at + width / 2, y + 18, token, kind="math"))
        parts.append(text(at + width / 2, y + 33, str(IDS[token]), kind="small"))
        at += width + 6
    parts.append(text(LEFT + 6 * STEP + 30, y + 25, pairs, kind="math small", anchor="start"))
    return parts
