"""Text: clean it, and turn it into numbers, character by character or word by word."""

# %% [markdown]
# # Text
#
# **The question.** A model computes with numbers, and a corpus is text. What is one character of a
# text, when the same letter can be stored in two ways? How does a text become a list of integers,
# what happens to a piece that was never seen before, and how long does the list get?
#
# | to write | what it does |
# | --- | --- |
# | `clean(text)` | one spelling for what looks the same |
# | `CharTokenizer(text)` | one number per character |
# | `WhitespaceTokenizer(text)` | one number per word |
#
# You need Python's strings and dictionaries, and about an hour. No tensor appears on this page.
#
# ## 1. What a text is made of
#
# A Python `str` is a sequence of *code points*, integers below 1,114,112 that Unicode gives a
# meaning to: `ord("a")` is 97, `ord("é")` is 233, `ord("🙂")` is 128,578. In a file, each one is
# stored as one to four *bytes*, most often by the rules of UTF-8; what is below 128 takes one.
#
# One character on the screen is not always one code point. The letter é exists in two spellings:
#
# | spelling | code points | UTF-8 |
# | --- | --- | --- |
# | composed | U+00E9 | `c3 a9` |
# | decomposed | U+0065 (e), U+0301 (an accent for the letter before) | `65 cc 81` |
#
# They look the same and are not equal: `"\u00e9" == "e\u0301"` is `False`. A model that meets both
# learns every accented word twice. Unicode therefore defines *normal forms*. NFD takes everything
# apart, NFC takes it apart and then puts together again what has a composed spelling. NFKC and
# NFKD also replace what only looks similar: `"²"` becomes `"2"`, and x² becomes x2. A
# corpus should keep that difference, so this page uses NFC, `unicodedata.normalize("NFC", text)`.
#
# ## 2. Cleaning
#
# Files come from many machines, and four things differ for no reason. After `clean`
#
# 1. the text is in **NFC**;
# 2. every **line ends** with `"\n"`: Windows writes `"\r\n"`, old systems a single `"\r"`;
# 3. no **control character** is left but `"\n"` and `"\t"`. Control characters are the code points
#    of category `Cc`, see `unicodedata.category`: there are 65 of them, and not all are below 32.
#    Other invisible characters stay. The joiner U+200D for example is of category `Cf`, and without
#    it a family falls apart into its members;
# 4. no line ends with **blanks**, that is with spaces or tabs. Blanks at the beginning of a line
#    mean something (in Python, or in a poem), and an empty line separates paragraphs: both stay.
#    Other kinds of white space, such as the no-break space, are not blanks here.
#
# Each of them is one line of Python. What is left to find out is the *order*, because all four have
# to hold at the end, for every text. Try each pair of steps in both orders on these, where `·` is a
# space and `␀` the control character U+0000:
#
# - `a·␀` and a line end: after which step does the space stand at the end of its line?
# - `e␀` followed by U+0301: when do the letter and its accent become neighbours?
# - `a\r\nb` and `a\rb`: what is left of the line ends if the control characters go first? And what
#   becomes of `"\r\n"` if every `"\r"` is replaced first?
#
# A check for free: cleaning a clean text changes nothing, so `clean(clean(t)) == clean(t)`.
#
# One trap is called `str.splitlines`. It also splits at U+000B, U+0085, U+2028 and others, and a
# text that is put together again with `"\n"` has line ends that nobody wrote.

# %%
import unicodedata
from collections.abc import Iterable


# %%
def clean(text: str) -> str:
    r"""Give one spelling to what looks the same.

    Args:
        text: Any text.

    Returns:
        cleaned: `text` in NFC, with "\n" as its only line end, without control characters
            (category Cc) other than "\n" and "\t", and without spaces and tabs at the end of a
            line, the last one included. All four hold at once.

    Source:
        Unicode Standard Annex 15 (normal forms); The Unicode Standard, section 23.1 (control
        characters).
    """
    ### BEGIN SOLUTION
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
    # Only now: a control character may have stood between a letter and its accent.
    text = unicodedata.normalize("NFC", text)
    return "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_clean(student: Student, check: Check) -> None:
    """Each of the four steps, pairs of them in both orders, and a clean text."""
    worked = {
        "cafe\u0301, x\u00b2": "caf\u00e9, x\u00b2",
        "a\r\nb\rc\n\rd": "a\nb\nc\n\nd",
        "a\x00b\tc\x7fd\x9be\u200df": "ab\tcde\u200df",
        "  a \t\n\n b\t": "  a\n\n b",
        "a \x00\n": "a\n",
        "e\x00\u0301": "\u00e9",
        "a\x0bb\u2028c": "ab\u2028c",
        "": "",
    }
    for text, want in worked.items():
        got = student.clean(text)
        check.same(got, want, f"clean({text!r})")
        check.same(student.clean(got), want, f"clean(clean({text!r}))")


# %% [markdown]
# ## 3. Characters as numbers
#
# A tokenizer is built from a training text. It collects the *distinct symbols* of that text, here
# characters, and numbers them. The numbers have to be the same on every machine and in every run,
# so the symbols are sorted (by code point, as `sorted` does it); Python's sets have no order that
# one could rely on.
#
# Number 0 is special. It is called `<unk>`, for *unknown*, and stands for every symbol that the
# training text does not have. The others follow from 1 on. From the training text `"abba!"`:
#
# | id | 0 | 1 | 2 | 3 |
# | --- | --- | --- | --- | --- |
# | symbol | `<unk>` | `!` | `a` | `b` |
#
# The text `"bad"` becomes `[3, 2, 0]`, and `vocab_size` is 4: the model will have four rows in its
# embedding and four logits.
#
# `decode` goes back: every id becomes its symbol, and 0 becomes the five characters `<unk>`. For a
# text without unknown characters, `decode(encode(text)) == text`: nothing is lost. With unknown
# ones, something is, but the reader sees where.
#
# **In code.** Looking a symbol up should not take longer when the vocabulary grows: a list needs to
# be searched, a dictionary does not. Whether an unknown character is left out, or raises an error,
# or becomes 0 is one word in that look-up.


# %%
class CharTokenizer:
    """One number per character.

    Args:
        text: The training text; its distinct characters, sorted, get the ids from 1 on. Id 0 is
            `<unk>`. The text is taken as it is, not cleaned.

    Attributes:
        vocab_size: How many ids there are, `<unk>` included.

    Source:
        Karpathy 2015, for language models on characters.
    """

    def __init__(self, text: str) -> None:
        ### BEGIN SOLUTION
        self.symbols = ["<unk>", *sorted(set(text))]
        self.ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.vocab_size = len(self.symbols)
        ### END SOLUTION

    def encode(self, text: str) -> list[int]:
        """Turn a text into ids, one per character; 0 for a character that is not known.

        Args:
            text: Any text.

        Returns:
            ids: As many integers as `text` has characters.
        """
        ### BEGIN SOLUTION
        return [self.ids.get(character, 0) for character in text]
        ### END SOLUTION

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids back into a text, with `<unk>` for every 0.

        Args:
            ids: Integers from 0 to `vocab_size` - 1.

        Returns:
            text: The characters, joined.
        """
        ### BEGIN SOLUTION
        return "".join(self.symbols[i] for i in ids)
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_CharTokenizer(student: Student, check: Check) -> None:
    """The example of the page, an unknown character, the way back."""
    tokenizer = student.CharTokenizer("abba!")
    check.same(tokenizer.vocab_size, 4, "vocab_size")
    check.same(tokenizer.encode("bad"), [3, 2, 0], "encode('bad')")
    check.same(tokenizer.decode([3, 2, 0]), "ba<unk>", "decode([3, 2, 0])")
    check.same(tokenizer.decode(tokenizer.encode("!abba")), "!abba", "decode(encode('!abba'))")
    check.same(tokenizer.encode(""), [], "encode('')")
    other = student.CharTokenizer("Z\n z\u00e9")
    check.same(other.encode("z Z\n\u00e9"), [4, 2, 3, 1, 5], "encode of another tokenizer")
    check.same(tokenizer.encode("bad"), [3, 2, 0], "encode('bad') once more")


# %% [markdown]
# ## 4. Words as numbers
#
# The same with words: symbols are what stands between white space, as `str.split()` without an
# argument finds it (spaces, tabs, line ends, any number of them in a row). `"the cat sat"` becomes
# three numbers instead of eleven. Decoding puts one space between the words.
#
# Two questions to answer before you write it. First: which texts come back from
# `decode(encode(text))` as they were, even if every word is known? Second: `"cat"`, `"cat,"` and
# `"Cat"` are three symbols. How many different words does a corpus have, and how many of the words
# of a new text are not among them?


# %%
class WhitespaceTokenizer:
    """One number per word, where words are what stands between white space.

    Args:
        text: The training text; its distinct words, sorted, get the ids from 1 on. Id 0 is
            `<unk>`. The text is taken as it is, not cleaned.

    Attributes:
        vocab_size: How many ids there are, `<unk>` included.

    Source:
        Jurafsky and Martin 2025, chapter 2.
    """

    def __init__(self, text: str) -> None:
        ### BEGIN SOLUTION
        self.symbols = ["<unk>", *sorted(set(text.split()))]
        self.ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.vocab_size = len(self.symbols)
        ### END SOLUTION

    def encode(self, text: str) -> list[int]:
        """Turn a text into ids, one per word; 0 for a word that is not known.

        Args:
            text: Any text.

        Returns:
            ids: As many integers as `text` has words.
        """
        ### BEGIN SOLUTION
        return [self.ids.get(word, 0) for word in text.split()]
        ### END SOLUTION

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids back into a text, with `<unk>` for every 0.

        Args:
            ids: Integers from 0 to `vocab_size` - 1.

        Returns:
            text: The words, joined by one space.
        """
        ### BEGIN SOLUTION
        return " ".join(self.symbols[i] for i in ids)
        ### END SOLUTION


# %%
from autograder.selfcheck import Check, Student


def visible_WhitespaceTokenizer(student: Student, check: Check) -> None:
    """A short text, an unknown word, white space of all kinds."""
    tokenizer = student.WhitespaceTokenizer("the cat saw the other cat,\nand ran")
    check.same(tokenizer.vocab_size, 8, "vocab_size")
    got = tokenizer.encode("the  cat\tand\n\nthe dog ran ")
    check.same(got, [7, 2, 1, 7, 0, 5], "encode of six words")
    check.same(tokenizer.decode([7, 0, 5]), "the <unk> ran", "decode([7, 0, 5])")
    check.same(tokenizer.decode([]), "", "decode([])")
    text = "the cat, and the cat"
    check.same(tokenizer.decode(tokenizer.encode(text)), text, "decode(encode(text))")


# %% [markdown]
# ## 5. Which of the two?
#
# ![The text "naïve cats 🙂" three times. As words: 3 boxes. As characters: 12 boxes. As UTF-8
# bytes: 16 boxes, two for the ï and four for the face.](figures/text_lengths.svg)
#
# Two numbers decide. The **length** of the sequence: attention compares every position with every
# other one, so its work grows with the square of the length, and a context of 1,024 positions holds
# about 1,024 words or about 180. The **vocabulary**: every symbol costs a row of the embedding and
# a logit at every position, and what is rare is learned from few examples.
#
# | symbols | length | vocabulary | unknown symbols |
# | --- | --- | --- | --- |
# | words | short | grows with the corpus, without end | names, numbers, typing errors |
# | characters | 5 to 6 times longer | hundreds; thousands with Chinese | new scripts and emoji |
# | bytes | longest outside of English | 256, for ever | none |
#
# The last column is what the next exercise is about: it begins with bytes, so that nothing is ever
# unknown, and puts frequent neighbours together until the sequences are nearly as short as with
# words.
#
# **One thing to try.** Take any long text of yours. Train both tokenizers on its first nine tenths
# and encode the last tenth. Print, for each, `vocab_size`, the number of ids, and the share of ids
# that are 0; add the number of bytes, `len(text.encode())`. Then do the same with a text in another
# language. What happens to the share of unknown words when you keep only words that occur at least
# five times, as older systems did?
#
# ## Where to read more
#
# - Davis and Whistler, *Unicode Standard Annex 15: Unicode Normalization Forms*: figures 3 to 6
#   show what the four forms do.
# - Jurafsky and Martin, *Speech and Language Processing*, third edition draft, 2025, chapter 2:
#   words, types and how their number grows with a corpus.
# - Karpathy, *The Unreasonable Effectiveness of Recurrent Neural Networks*, 2015: what a model on
#   characters learns.
# - Xue et al., *ByT5: Towards a Token-Free Future with Pre-trained Byte-to-Byte Models*, 2022
#   (arXiv:2105.13626): bytes alone, and what they cost.
