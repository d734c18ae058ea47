"""Text character by character, in plain loops, with a look-up by bisection."""

import unicodedata
from bisect import bisect_left


def clean(text):
    lines, line, before = [], [], ""
    for character in text:
        if character == "\r" or (character == "\n" and before != "\r"):
            lines.append("".join(line))
            line = []
        elif character == "\t" or (character != "\n" and unicodedata.category(character) != "Cc"):
            line.append(character)
        before = character
    lines.append("".join(line))
    done = []
    for one in lines:
        end = len(one)
        while end > 0 and one[end - 1] in " \t":
            end -= 1
        done.append(unicodedata.normalize("NFC", one[:end]))
    return "\n".join(done)


class CharTokenizer:
    def __init__(self, text):
        self.known = []
        for character in sorted(text):
            if not self.known or self.known[-1] != character:
                self.known.append(character)
        self.vocab_size = len(self.known) + 1

    def encode(self, text):
        ids = []
        for character in text:
            place = bisect_left(self.known, character)
            found = place < len(self.known) and self.known[place] == character
            ids.append(place + 1 if found else 0)
        return ids

    def decode(self, ids):
        text = ""
        for number in ids:
            text += self.known[number - 1] if number > 0 else "<unk>"
        return text


class WhitespaceTokenizer(CharTokenizer):
    def __init__(self, text):
        super().__init__(text.split())

    def encode(self, text):
        return super().encode(text.split())

    def decode(self, ids):
        return " ".join(super(WhitespaceTokenizer, self).decode([number]) for number in ids)
