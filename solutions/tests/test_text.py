"""Text against lines worked by hand, properties of random strings, and the Unicode tables."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solutions.vol2_pytorch.text import CharTokenizer, WhitespaceTokenizer, clean

# Texts in which every rule of clean has something to do.
MESSY = st.text(st.sampled_from("ae\u0301\u0308\u00e9 \t\n\r\x00\x0b\x85\u00a0\u200d\u2028\ufb01"))


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\r\r\nb\n\rc", "a\n\nb\n\nc"),
        ("cafe\u0301 \u212b", "caf\u00e9 \u00c5"),
        ("a \t\n  b  c\t", "a\n  b  c"),
        ("a\x00b\x1b[0m\x7f\x9b", "ab[0m"),
        ("a \x08\nb", "a\nb"),
        ("e\x08\u0301", "\u00e9"),
        ("\n\na\n\n", "\n\na\n\n"),
        ("a\u00a0\nb\u3000\n", "a\u00a0\nb\u3000\n"),
        ("", ""),
    ],
)
def test_texts_cleaned_by_hand(text: str, want: str) -> None:
    assert clean(text) == want


@given(MESSY)
def test_clean_text_is_what_its_docstring_says(text: str) -> None:
    cleaned = clean(text)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert {c for c in cleaned if unicodedata.category(c) == "Cc"} <= {"\n", "\t"}
    assert all(line == line.rstrip(" \t") for line in cleaned.split("\n"))
    assert cleaned.count("\n") == text.count("\n") + text.count("\r") - text.count("\r\n")


@given(MESSY)
def test_cleaning_again_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_of_all_characters_only_controls_vanish() -> None:
    every = [c for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    controls = {*range(32), *range(127, 160)} - {ord(c) for c in "\n\t\r"}
    # A letter that composes with nothing stands before each.
    kept = "".join(f"q{chr(c)}" if c not in controls else "q" for c in every)
    want = unicodedata.normalize("NFC", kept.replace("\r", "\n"))
    assert clean("".join(f"q{chr(c)}" for c in every) + "q") == want + "q"


@given(st.text(), st.text())
def test_characters_come_back_and_others_are_marked(known: str, text: str) -> None:
    tokenizer = CharTokenizer(known)
    assert tokenizer.vocab_size == len(set(known)) + 1
    assert tokenizer.decode(tokenizer.encode(known)) == known
    marked = "".join(c if c in known else "<unk>" for c in text)
    assert tokenizer.decode(tokenizer.encode(text)) == marked
    assert len(tokenizer.encode(text)) == len(text)


@given(st.text())
def test_numbers_are_in_the_order_of_the_characters(text: str) -> None:
    ids = CharTokenizer(text[::-1]).encode(text)
    assert sorted(zip(text, ids, strict=True)) == list(zip(sorted(text), sorted(ids), strict=True))
    assert set(ids) == set(range(1, len(set(text)) + 1))


@given(st.text(st.sampled_from("ab \n\t")), st.text(st.sampled_from("abc \n")))
def test_words_come_back_with_single_spaces_and_others_are_marked(known: str, text: str) -> None:
    tokenizer = WhitespaceTokenizer(known)
    words = known.split()
    assert tokenizer.vocab_size == len(set(words)) + 1
    assert tokenizer.decode(tokenizer.encode(known)) == " ".join(words)
    marked = [w if w in words else "<unk>" for w in text.split()]
    assert tokenizer.decode(tokenizer.encode(text)) == " ".join(marked)


def test_words_are_numbered_as_they_are_sorted() -> None:
    tokenizer = WhitespaceTokenizer("to be, or not to be:\nthat is")
    words = ["<unk>", "be,", "be:", "is", "not", "or", "that", "to"]
    assert tokenizer.decode(range(8)).split() == words
    assert tokenizer.encode("to  be or\nnot") == [7, 0, 5, 4]
