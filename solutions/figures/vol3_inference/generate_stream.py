"""Tokens, their bytes, and what can be shown after each."""

from ..svg import BLUE, GREEN, line, rect, svg, text

TOKENS = [b"caf", b"\xc3", b"\xa9 ", b"\xf0\x9f", b"\x99\x82", b"!"]
SHOWN = ['"caf"', "", '"\u00e9 "', "", '"\U0001f642"', '"!"']
LEFT, BYTE, GAP = 96.0, 38.0, 14.0


def draw() -> str:
    parts = [
        text(LEFT - 14, 28, "token", kind="small muted", anchor="end"),
        text(LEFT - 14, 68, "bytes", kind="small muted", anchor="end"),
        text(LEFT - 14, 140, "text", kind="small muted", anchor="end"),
    ]
    x = LEFT
    for number, (raw, shown) in enumerate(zip(TOKENS, SHOWN, strict=True)):
        wide = BYTE * len(raw)
        middle = x + wide / 2 - 2
        parts.append(text(middle, 28, str(number), kind="small"))
        for i, byte in enumerate(raw):
            left, colour = x + i * BYTE, GREEN if byte >= 0x80 else BLUE
            parts.append(rect(left, 46, BYTE - 4, 32, fill=colour))
            parts.append(text(left + BYTE / 2 - 2, 67, f"{byte:02X}", kind="small math on"))
        parts.append(line(middle, 84, middle, 118, arrow=bool(shown)))
        if not shown:
            parts.append(line(middle - 7, 118, middle + 7, 118))
        said = shown or "held"
        parts.append(text(middle, 140, said, kind="bold" if shown else "small muted"))
        x += wide + GAP
    return svg(620, 160, "A character that is cut comes with its last byte", parts)
