"""Two tokenizers that share everything but how they cut and join; text cleaned by a table."""

import sys
import unicodedata

GONE = {c: None for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Cc"}
del GONE[ord("\n")], GONE[ord("\t")]


def clean(text):
    text = "\n".join("\n".join(part.split("\r")) for part in text.split("\r\n"))
    text = unicodedata.normalize("NFC", text.translate(GONE))
    while " \n" in text or "\t\n" in text:
        text = text.replace(" \n", "\n").replace("\t\n", "\n")
    return text.rstrip(" \t")


class Tokenizer:
    def __init__(self, text):
        self._table = {"<unk>": 0} | {
            symbol: number for number, symbol in enumerate(sorted(set(self.cut(text))), start=1)
        }
        self._back = list(self._table)
        self.vocab_size = len(self._table)

    def encode(self, text):
        return [self._table.get(symbol, self._table["<unk>"]) for symbol in self.cut(text)]

    def decode(self, ids):
        return self.between.join(map(self._back.__getitem__, ids))


class CharTokenizer(Tokenizer):
    between = ""

    def cut(self, text):
        return list(text)


class WhitespaceTokenizer(Tokenizer):
    between = " "

    def cut(self, text):
        return text.split()
