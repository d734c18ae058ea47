"""Values that agree exactly or not at all: texts, bytes, lists of tokens; and where they part."""

from collections.abc import Iterable, Sequence
from typing import Any

# Characters of a value that a message shows.
SHOWN = 40
SYMBOLS = (int, str, bytes)


def are_symbols(value: Any) -> bool:
    """Whether `value` is a list of integers, texts, bytes, or of tuples and lists of these."""
    return type(value) is list and all(map(_is_symbol, value))


def _is_symbol(value: Any) -> bool:
    if type(value) in (tuple, list):
        return all(map(_is_symbol, value))
    return type(value) in SYMBOLS


def alike(got: Any, want: Any) -> bool:
    """Whether `got` is the symbol `want`; an integer of NumPy's counts as one of Python's."""
    if isinstance(want, (tuple, list)):
        fits = isinstance(got, (tuple, list)) and len(got) == len(want)
        return fits and all(map(alike, got, want))
    if isinstance(want, (str, bytes)) or isinstance(got, (str, bytes)):
        return type(got) is type(want) and bool(got == want)
    number = getattr(got, "ndim", 0) == 0 and isinstance(got, (int, float)) | hasattr(got, "dtype")
    return bool(number) and bool(got == want)


def where_lists_part(got: Sequence[Any], want: Sequence[Any], name: str) -> str:
    """What is different in two lists of symbols, "" if nothing is: the first place, and how many.

    Args:
        got: Any values.
        want: Symbols.
        name: What to call the list.
    """
    if len(got) == len(want) and all(map(alike, got, want)):
        return ""
    shared = range(min(len(got), len(want)))
    first = next((i for i in shared if not alike(got[i], want[i])), len(shared))
    yours = shown(got[first]) if first < len(got) else "nothing"
    expected = shown(want[first]) if first < len(want) else "nothing"
    place = f"{name}[{first}]: yours {yours}, expected {expected}"
    if len(got) != len(want):
        return (
            f"{name} has {_entries(len(got))}, expected {len(want)}; the first difference: {place}"
        )
    count = sum(not alike(g, w) for g, w in zip(got, want, strict=True))
    return place if count == 1 else f"{place}; {count} of {len(want)} entries differ"


def where_keys_part(got: dict[Any, Any], want: dict[Any, Any], name: str) -> str:
    """Which keys two dictionaries do not share, "" if they have the same ones in any order."""
    missing = [key for key in want if key not in got]
    if missing:
        return f"{name} has no entry {shown(missing[0])}{_and_more(missing)}"
    spare = [key for key in got if key not in want]
    if spare:
        return f"{name} has an entry {shown(spare[0])}, which is not expected{_and_more(spare)}"
    return ""


def where_texts_part(got: str | bytes, want: str | bytes, name: str) -> str:
    """What is different in two texts or two pieces of bytes; short ones are shown whole."""
    if max(len(got), len(want)) <= SHOWN:
        return f"{name}: yours {got!r}, expected {want!r}"
    pairs = zip(got, want, strict=False)
    first = next((i for i, (g, w) in enumerate(pairs) if g != w), min(len(got), len(want)))
    unit = "character" if isinstance(want, str) else "byte"
    yours, expected = (_around(value, first) for value in (got, want))
    return (
        f"{name} has {len(got)} {unit}s, expected {len(want)}; the first difference is at {unit} "
        f"{first}: yours {yours}, expected {expected}"
    )


def shown(value: Any) -> str:
    """A value as a message shows it, on one line and not too long."""
    if isinstance(value, (str, bytes)):
        return repr(value[:SHOWN]) + ("..." if len(value) > SHOWN else "")
    if isinstance(value, (tuple, list)):
        inside = ", ".join(map(shown, value[:4])) + (", ..." if len(value) > 4 else "")
        return f"({inside})"
    if isinstance(value, (int, float, type(None))):
        return repr(value)
    if getattr(value, "shape", None) == ():
        return str(value)
    return f"one {type(value).__name__}"


def _around(value: str | bytes, at: int) -> str:
    """The value a little before and after a place."""
    start = max(at - 12, 0)
    part = repr(value[start : at + 20])
    return f"{'...' if start else ''}{part}{'...' if at + 20 < len(value) else ''}"


def _entries(count: int) -> str:
    return f"{count} entr{'y' if count == 1 else 'ies'}"


def _and_more(keys: Iterable[Any]) -> str:
    count = sum(1 for _ in keys) - 1
    return f", and {count} more like it" if count else ""
