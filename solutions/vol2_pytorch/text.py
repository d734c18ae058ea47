"""Text: make it clean, cut it into symbols, and number the symbols."""

# %% [markdown]
# # Text
#
# **The question.** A language model reads whole numbers and writes whole numbers. What people write
# is text, and text comes from many places, with other line ends, other codes for the same letter,
# and the remains of some printer. How does text become a list of numbers, and what does the choice
# of symbols cost?
#
# You write a function and two classes:
#
# | name | what it does |
# | --- | --- |
# | `clean(text)` | brings texts that look the same to one form |
# | `CharTokenizer(text)` | numbers the characters of a text |
# | `WhitespaceTokenizer(text)` | numbers the words of a text |
#
# You need strings, dictionaries and classes, and about an hour. A later exercise, `bpe`, finds the
# middle between the two tokenizers.

# %%
import unicodedata
from collections.abc import Iterable

# %% [markdown]
# ## 1. One form for what looks the same
#
# To a model two symbols with different numbers have nothing in common, however alike they look. So
# before anything is numbered, four rules:
#
# 1. **Composed characters.** Unicode can write `é` as one character, U+00E9, or as `e` followed by
#    a combining accent, U+0301. The normal form C ("NFC") takes the composed one wherever there is
#    one: `unicodedata.normalize("NFC", text)`. (The form "NFKC" goes further and makes `2` of `²`;
#    that would change what the text says.)
# 2. **Line ends.** Windows ends a line with `\r\n`, old Macs did with `\r`, all others with `\n`.
#    Each becomes one `\n`.
# 3. **Control characters** were commands to a terminal: ring the bell, go back one place. Unicode
#    gives these 65 characters the category `Cc`, which `unicodedata.category` tells. They vanish,
#    with two exceptions: `\n` and `\t` are part of the text. (Not every invisible character is a
#    control character. A zero-width joiner, category `Cf`, holds emoji together and stays.)
# 4. **Blanks at the end of a line**, that is spaces and tabs, vanish. Blanks elsewhere stay: in
#    verse and in programs they mean something. So do line ends, the last one included, and
#    characters like the no-break space, which somebody put there on purpose.
#
# **In which order?** Clean text should stay as it is when it is cleaned once more, and a rule can
# make work for another one, or take it away. Look at the texts
#
# | text | what becomes of it |
# | --- | --- |
# | `"a\r\nb"` | `\r` is a control character, too |
# | `"a \x00\nb"` | the blank is not at the end of its line, yet |
# | `"e\x00\u0301"` | `e` does not stand next to its accent, yet |
#
# The last step is yours: put the four rules in an order in which one pass is enough.


# %%
def clean(text: str) -> str:
    """Bring a text to one form: composed characters, `\\n`, no control characters, no loose ends.

    Args:
        text: Any text.

    Returns:
        cleaned: In normal form C; `\\r\\n` and `\\r` have become `\\n`; no character of category
            Cc but `\\n` and `\\t`; no space or tab at the end of a line or of the text. Cleaning
            it again changes nothing.

    Source:
        The Unicode Standard, Annex 15 (normalization forms) and section 23.1 (control codes).
    """
    ### BEGIN SOLUTION
    # "\r" is a control character, so line ends come first; what vanishes may have kept a letter
    # from its accent, or blanks from the end of their line.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
    text = unicodedata.normalize("NFC", text)
    return "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_clean(student: Student, check: Check) -> None:
    """One text for each rule, and one that is clean already."""
    for text, want, rule in (
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n", "line ends"),
        ("be\u0301be\u0301, \u00e9t\u00e9", "b\u00e9b\u00e9, \u00e9t\u00e9", "composed characters"),
        ("a\x07b\x1bc\x7fd\te", "abcd\te", "control characters"),
        ("one \t\n  two\n \nthree  ", "one\n  two\n\nthree", "blanks at the end of a line"),
        ("To be,\n\n\tor not to be: 2\u00b2\n", "To be,\n\n\tor not to be: 2\u00b2\n", "no rule"),
        ("a \x00\ne\x08\u0301", "a\n\u00e9", "rules one after the other"),
    ):
        got = student.clean(text)
        check.true(got == want, f"clean({text!r}) is {got!r}, expected {want!r} ({rule})")


# %% [markdown]
# ## 2. Characters
#
# The simplest symbols are characters. A tokenizer looks at a text once and makes its *vocabulary*:
# the distinct characters, sorted, so that the numbers do not depend on the order of the text or on
# the run of the program. With `"banana"`:
#
# | id | 0 | 1 | 2 | 3 |
# | --- | --- | --- | --- | --- |
# | symbol | `<unk>` | `a` | `b` | `n` |
#
# From then on the vocabulary is fixed. `encode` looks every character up, `decode` goes back:
# `[2, 1, 3]` is `ban`. Two rules:
#
# - **Unknown characters.** What does `encode("bang")` do? It must not raise (texts come from
#   users), and it must not add to the vocabulary (the model has as many rows in its embedding as
#   there were symbols when it was made). Id 0 is kept for this: every character that the vocabulary
#   lacks becomes 0, and `decode` writes `<unk>` for it. Information is lost here, and only here.
# - **Round trip.** For text of known characters `decode(encode(text)) == text`, spaces and line
#   ends included: a tokenizer does not clean.
#
# ![The line "the cat sat" cut in two ways. By characters it is eleven symbols with small ids, the
# letter t three times with the same id; by words it is three symbols, and a word that was never
# seen becomes id 0.](figures/text.svg)
#
# The last step is yours: from the sorted characters to the two tables, one for each direction. Each
# tokenizer has its own.


# %%
class CharTokenizer:
    """Numbers for characters.

    Args:
        text: Its distinct characters are the vocabulary.

    Attributes:
        vocab_size: How many ids there are: the distinct characters and one more.

    Source:
        Karpathy 2015, The unreasonable effectiveness of recurrent neural networks.
    """

    vocab_size: int

    def __init__(self, text: str) -> None:
        ### BEGIN SOLUTION
        self.symbols = ["<unk>", *sorted(set(text))]
        self.ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.vocab_size = len(self.symbols)
        ### END SOLUTION

    def encode(self, text: str) -> list[int]:
        """The ids of the characters of a text.

        Args:
            text: Any text.

        Returns:
            ids: One per character: 0 for an unknown one, else 1 plus its place among the sorted
                characters of the vocabulary.
        """
        ### BEGIN SOLUTION
        return [self.ids.get(character, 0) for character in text]
        ### END SOLUTION

    def decode(self, ids: Iterable[int]) -> str:
        """The text that ids stand for.

        Args:
            ids: Numbers from 0 to vocab_size - 1.

        Returns:
            text: The characters one after the other; `<unk>` for 0.
        """
        ### BEGIN SOLUTION
        return "".join(self.symbols[i] for i in ids)
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_CharTokenizer(student: Student, check: Check) -> None:
    """The vocabulary of banana, an unknown character, a round trip."""
    banana = student.CharTokenizer("banana")
    size = banana.vocab_size
    check.true(size == 4, f'vocab_size of CharTokenizer("banana") is {size!r}, expected 4')
    check.close(banana.encode("ban"), [2, 1, 3], 'encode("ban")')
    check.close(banana.encode("bang"), [2, 1, 3, 0], 'encode("bang"), g being unknown')
    got = banana.decode([3, 1, 0, 2])
    check.true(got == "na<unk>b", f"decode([3, 1, 0, 2]) is {got!r}, expected 'na<unk>b'")
    verse = "Who's there?\n\tNay, answer me: \u00e9\U0001f600\n"
    tokenizer = student.CharTokenizer(verse)
    back = tokenizer.decode(tokenizer.encode(verse))
    check.true(back == verse, f"{verse!r} comes back as {back!r}")


# %% [markdown]
# ## 3. Words
#
# Sequences of characters are long, and a model pays for length. Words are longer symbols: cut the
# text wherever there is white space, however much (`str.split` without an argument), and number the
# distinct pieces as before. `decode` joins with one space, so line breaks and double spaces are
# lost, and a comma sticks to its word: `was,` and `was` are two symbols.
#
# Here is what the choice means for Tiny Shakespeare, 1,115,394 characters. Each tokenizer was made
# from the first 90 % and applied to the last 10 %:
#
# | symbols | vocabulary | symbols in the whole text | unknown in the last 10 % |
# | --- | ---: | ---: | ---: |
# | characters | 66 | 1,115,394 | 0 % |
# | words | 23,842 | 202,651 | 11.7 % |
#
# Words make the text 5.5 times shorter. The price: an embedding with 360 times the rows, most of
# them for words that occur once (58 % of all distinct words do), and every ninth word cannot be
# said at all. There is no end to words, either: more text brings more of them.
#
# One way out would be to find symbols between characters and words, frequent words whole and rare
# ones in pieces, with nothing unknown. That is the exercise `bpe`.


# %%
class WhitespaceTokenizer:
    """Numbers for words.

    Args:
        text: Its distinct words are the vocabulary. A word is what stands between white space.

    Attributes:
        vocab_size: How many ids there are: the distinct words and one more.

    Source:
        Bengio et al. 2003, A neural probabilistic language model, section 4.1.
    """

    vocab_size: int

    def __init__(self, text: str) -> None:
        ### BEGIN SOLUTION
        self.words = ["<unk>", *sorted(set(text.split()))]
        self.ids = {word: i for i, word in enumerate(self.words)}
        self.vocab_size = len(self.words)
        ### END SOLUTION

    def encode(self, text: str) -> list[int]:
        """The ids of the words of a text.

        Args:
            text: Any text.

        Returns:
            ids: One per word: 0 for an unknown one, else 1 plus its place among the sorted words
                of the vocabulary.
        """
        ### BEGIN SOLUTION
        return [self.ids.get(word, 0) for word in text.split()]
        ### END SOLUTION

    def decode(self, ids: Iterable[int]) -> str:
        """The text that ids stand for.

        Args:
            ids: Numbers from 0 to vocab_size - 1.

        Returns:
            text: The words joined by one space; `<unk>` for 0.
        """
        ### BEGIN SOLUTION
        return " ".join(self.words[i] for i in ids)
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_WhitespaceTokenizer(student: Student, check: Check) -> None:
    """The vocabulary of a line of verse, an unknown word, what a round trip keeps."""
    line = student.WhitespaceTokenizer("to be or\nnot  to be")
    size = line.vocab_size
    check.true(size == 5, f"vocab_size is {size!r}, expected 5: <unk>, be, not, or, to")
    check.close(line.encode("not to be"), [2, 4, 1], 'encode("not to be")')
    check.close(line.encode("to see, or not"), [4, 0, 3, 2], 'encode("to see, or not")')
    got = line.decode([4, 1, 0])
    check.true(got == "to be <unk>", f"decode([4, 1, 0]) is {got!r}, expected 'to be <unk>'")
    got = line.decode(line.encode(" or\t not\n"))
    check.true(got == "or not", f"' or\\t not\\n' comes back as {got!r}, expected 'or not'")


# %% [markdown]
# ## One thing to try
#
# Take a text of your own and split it in the middle. Make both tokenizers from the first half and
# count the zeros in the second half. Then repeat with the first 1/2, 1/4, 1/8 of the text, and plot
# the number of distinct words against the number of words read: on logarithmic axes it is close to
# a straight line (Heaps' law). Does it level off? What about the characters?
#
# ## Where to read more
#
# - Whistler, *Unicode Normalization Forms*, Unicode Standard Annex 15: section 1 has pictures of
#   what composes with what.
# - Mielke et al., *Between words and characters: a brief history of open-vocabulary modeling and
#   tokenization in NLP*, 2021 (arXiv:2112.10508).
