"""Text with regular expressions, and look-up tables made by zip."""

import re
import unicodedata


def clean(text):
    text = re.sub(r"\r\n?", "\n", text)
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return unicodedata.normalize("NFC", text)


class CharTokenizer:
    def __init__(self, text):
        known = sorted({*text})
        self.to_id = dict(zip(known, range(1, len(known) + 1), strict=True))
        self.to_text = {number: character for character, number in self.to_id.items()}

    @property
    def vocab_size(self):
        return 1 + len(self.to_id)

    def encode(self, text):
        return [self.to_id.get(c, 0) for c in text]

    def decode(self, ids):
        return "".join(self.to_text.get(i, "<unk>") for i in ids)


class WhitespaceTokenizer:
    def __init__(self, text):
        known = sorted({*re.findall(r"\S+", text)})
        self.to_id = dict(zip(known, range(1, len(known) + 1), strict=True))
        self.to_text = {number: word for word, number in self.to_id.items()}

    @property
    def vocab_size(self):
        return 1 + len(self.to_id)

    def encode(self, text):
        return [self.to_id.get(word, 0) for word in re.findall(r"\S+", text)]

    def decode(self, ids):
        return " ".join(self.to_text.get(i, "<unk>") for i in ids)
