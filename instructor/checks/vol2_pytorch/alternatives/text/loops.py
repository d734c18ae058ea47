"""Character by character, with plain loops."""

import unicodedata


def clean(text):
    kept = ""
    before = ""
    for character in text:
        if character == "\r":
            kept += "\n"
        elif character == "\n" and before == "\r":
            pass
        elif character in "\n\t" or unicodedata.category(character) != "Cc":
            kept += character
        before = character
    lines = []
    for line in unicodedata.normalize("NFC", kept).split("\n"):
        while line and line[-1] in " \t":
            line = line[:-1]
        lines.append(line)
    return "\n".join(lines)


class CharTokenizer:
    def __init__(self, text):
        self.known = {}
        self.shown = {0: "<unk>"}
        for character in sorted(text):
            if character not in self.known:
                number = len(self.known) + 1
                self.known[character] = number
                self.shown[number] = character
        self.vocab_size = len(self.shown)

    def encode(self, text):
        ids = []
        for character in text:
            if character in self.known:
                ids.append(self.known[character])
            else:
                ids.append(0)
        return ids

    def decode(self, ids):
        text = ""
        for number in ids:
            text += self.shown[number]
        return text


class WhitespaceTokenizer:
    def __init__(self, text):
        words = []
        for word in text.split():
            if word not in words:
                words.append(word)
        words.sort()
        self.words = ["<unk>", *words]
        self.vocab_size = len(words) + 1

    def encode(self, text):
        ids = []
        for word in text.split():
            try:
                ids.append(self.words.index(word, 1))
            except ValueError:
                ids.append(0)
        return ids

    def decode(self, ids):
        text = ""
        for place, number in enumerate(ids):
            if place > 0:
                text += " "
            text += self.words[number]
        return text
