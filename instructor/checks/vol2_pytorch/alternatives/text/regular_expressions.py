"""Regular expressions for cleaning; tokenizers that look symbols up in a sorted list."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable

LINE_END = re.compile("\r\n?")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
BLANKS = re.compile("[ \t]+$", re.MULTILINE)


def clean(text: str) -> str:
    without = CONTROL.sub("", LINE_END.sub("\n", text))
    return BLANKS.sub("", unicodedata.normalize("NFC", without))


class _Sorted:
    def __init__(self, symbols: set[str]) -> None:
        self._symbols = sorted(symbols)

    @property
    def vocab_size(self) -> int:
        return 1 + len(self._symbols)

    def _number(self, symbol: str) -> int:
        at = bisect_left(self._symbols, symbol)
        found = at < len(self._symbols) and self._symbols[at] == symbol
        return at + 1 if found else 0

    def _symbol(self, number: int) -> str:
        return self._symbols[number - 1] if number else "<unk>"


class CharTokenizer(_Sorted):
    def __init__(self, text: str) -> None:
        super().__init__(set(text))

    def encode(self, text: str) -> list[int]:
        return list(map(self._number, text))

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(map(self._symbol, ids))


class WhitespaceTokenizer(_Sorted):
    def __init__(self, text: str) -> None:
        super().__init__(set(re.findall(r"\S+", text)))

    def encode(self, text: str) -> list[int]:
        return list(map(self._number, re.findall(r"\S+", text)))

    def decode(self, ids: Iterable[int]) -> str:
        return " ".join(map(self._symbol, ids))
