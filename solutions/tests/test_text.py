"""Cleaning and the two tokenizers against numbers worked by hand, properties and the database."""

import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solutions.vol2_pytorch.text import CharTokenizer, WhitespaceTokenizer, clean

ROOT = Path(__file__).parents[2]
MESSY = st.text(st.sampled_from("ae\u0301\u0323\r\n\t \x00\x85\u2028\u00a0\u200d\u1e69\u00b2"))
ANY = st.text(st.characters(exclude_categories=["Cs"]))
Tokenizer = type[CharTokenizer] | type[WhitespaceTokenizer]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("cafe\u0301", "caf\u00e9"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\x00\tb\x7f\x9f", "a\tb"),
        ("a  \n\tb \t", "a\n\tb"),
        ("a \x00\n", "a\n"),
        ("e\x1b\u0301", "\u00e9"),
        ("\ufb01\u00b2", "\ufb01\u00b2"),
        ("", ""),
    ],
)
def test_texts_that_were_cleaned_by_hand(text: str, want: str) -> None:
    assert clean(text) == want


@given(st.one_of(MESSY, ANY))
def test_a_clean_text_has_all_four_properties_and_stays_as_it_is(text: str) -> None:
    once = clean(text)
    assert unicodedata.is_normalized("NFC", once)
    assert {c for c in once if unicodedata.category(c) == "Cc"} <= {"\n", "\t"}
    assert not any(line.endswith((" ", "\t")) for line in once.split("\n"))
    assert clean(once) == once


@given(MESSY, MESSY)
def test_lines_are_cleaned_on_their_own(first: str, second: str) -> None:
    assert clean(f"{first}.\nx{second}") == f"{clean(first + '.')}\n{clean('x' + second)}"


def test_characters_stay_unless_they_are_control_characters() -> None:
    for c in map(chr, range(0x3000)):
        if c in "\r \t" or unicodedata.normalize("NFC", c) != c:
            continue
        gone = unicodedata.category(c) == "Cc" and c != "\n"
        assert clean(f"{c}.") == ("." if gone else unicodedata.normalize("NFC", f"{c}."))


def test_the_handout_counts_control_characters_rightly() -> None:
    controls = [i for i in range(sys.maxunicode + 1) if unicodedata.category(chr(i)) == "Cc"]
    assert len(controls) == 65 and max(controls) >= 32
    assert unicodedata.category("\u200d") == "Cf"


def test_tokenizers_worked_by_hand() -> None:
    characters = CharTokenizer("abba!")
    assert (characters.vocab_size, characters.encode("bad")) == (4, [3, 2, 0])
    assert characters.decode([3, 2, 0]) == "ba<unk>"
    words = WhitespaceTokenizer("b a\nb\tC")
    assert (words.vocab_size, words.encode(" a  C d ")) == (4, [2, 1, 0])
    assert words.decode([2, 1, 0]) == "a C <unk>"


@given(ANY, ANY)
def test_a_character_comes_back_or_is_shown_as_unknown(text: str, other: str) -> None:
    tokenizer = CharTokenizer(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(other)) == len(other)
    shown = "".join(c if c in text else "<unk>" for c in other)
    assert tokenizer.decode(tokenizer.encode(other)) == shown


@given(ANY)
def test_words_come_back_with_one_space_between_them(text: str) -> None:
    tokenizer = WhitespaceTokenizer(text)
    assert tokenizer.decode(tokenizer.encode(text)) == " ".join(text.split())
    assert tokenizer.vocab_size == 1 + len(set(text.split()))


@pytest.mark.parametrize("kind", [CharTokenizer, WhitespaceTokenizer])
def test_ids_are_dense_sorted_and_do_not_depend_on_the_order_of_the_text(kind: Tokenizer) -> None:
    words = ["the", "cat", "and", "the", "Cat", "é", "🙂", "z"]
    one, two = kind(" ".join(words)), kind(" ".join(reversed(words)))
    symbols = [one.decode([i]) for i in range(one.vocab_size)]
    assert symbols[0] == "<unk>" and symbols[1:] == sorted(symbols[1:])
    assert symbols == [two.decode([i]) for i in range(two.vocab_size)]


def test_the_figure_counts_what_the_handout_says() -> None:
    text = "na\u00efve cats \u20ac5"
    assert (len(text.split()), len(text), len(text.encode())) == (3, 13, 16)
    assert "13 boxes" in (ROOT / "solutions/vol2_pytorch/text.py").read_text(encoding="utf-8")
