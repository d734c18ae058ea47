"""Byte-pair encoding against texts worked by hand, its definition, and the tokenizers library.

`tokenizers` runs where it is installed, on the prose of this repository and, where a copy is kept,
on Tiny Shakespeare.
"""

import importlib
import os
import re
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solutions.vol2_pytorch.bpe import PATTERN, decode, encode, encode_iterable, train_bpe

ROOT = Path(__file__).parents[2]
END = "<|end|>"
TEXTS = st.text(st.sampled_from("ab'lr  \n\t0_.\u00e9\u20ac<|end>"), max_size=40)


def prose() -> str:
    """Real text: all documentation of this repository, with an end after each page."""
    pages = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("instructor/*.md")])
    return "".join(page.read_text(encoding="utf-8") + END for page in pages)


def pieces(text: str, merges: list[tuple[int, int]]) -> list[list[int]]:
    """The words of a text with merges replayed one after the other."""
    words = []
    for word in re.findall(PATTERN, text):
        ids = list(word.encode())
        for number, (left, right) in enumerate(merges, start=256):
            out: list[int] = []
            for i in ids:
                if out and (out[-1], i) == (left, right):
                    out[-1] = number
                else:
                    out.append(i)
            ids = out
        words.append(ids)
    return words


def test_a_text_worked_by_hand() -> None:
    vocab, merges = train_bpe("low low lower", 300)
    assert merges == [(108, 111), (256, 119), (32, 257), (101, 114), (258, 259)]
    assert list(vocab.values())[256:] == [b"lo", b"low", b" low", b"er", b" lower"]
    assert encode("lower lowest", vocab, merges) == [257, 259, 258, 101, 115, 116]


def test_special_tokens_come_last_and_are_never_merged() -> None:
    vocab, merges = train_bpe("ab<|x|>ab<|x|>", 300, ["<|x|>", "<|y|>"])
    assert merges == [(97, 98)] and len(vocab) == 259
    assert (vocab[257], vocab[258]) == (b"<|x|>", b"<|y|>")
    assert encode("ab<|y|><|x|>", vocab, merges, ["<|x|>"]) == [256, *b"<|y|>", 257]


def test_too_little_room_is_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match="vocab_size is 257; bytes and special tokens are 258"):
        train_bpe("text", 257, ["<|x|>", "<|y|>"])


@given(TEXTS, st.integers(0, 12))
def test_every_merge_is_the_smallest_of_the_most_frequent_pairs(text: str, room: int) -> None:
    merges = train_bpe(text, 256 + room)[1]
    for i, merge in enumerate(merges):
        counts = Counter(p for ids in pieces(text, merges[:i]) for p in pairwise(ids))
        assert merge == min(counts, key=lambda p: (-counts[p], p))
    left = [p for ids in pieces(text, merges) for p in pairwise(ids)]
    assert len(merges) == room or not left


@given(TEXTS, TEXTS)
def test_encoding_is_the_replay_of_all_merges(text: str, other: str) -> None:
    vocab, merges = train_bpe(text, 290)
    assert encode(other, vocab, merges) == [i for ids in pieces(other, merges) for i in ids]


@given(st.text(), TEXTS)
def test_any_text_comes_back(text: str, train: str) -> None:
    vocab, merges = train_bpe(train, 280, [END])
    for one in (text, train):
        for special in ([], [END]):
            assert decode(encode(one, vocab, merges, special), vocab) == one


@given(st.binary())
def test_any_bytes_are_ids_and_what_is_no_text_is_replaced(data: bytes) -> None:
    vocab, _ = train_bpe("", 256)
    assert decode(data, vocab) == data.decode("utf-8", "replace")


@given(TEXTS, st.lists(st.integers(0, 40)), st.booleans())
def test_chunks_make_no_difference(text: str, cuts: list[int], specials: bool) -> None:
    special = [END, "<|end|>a", "'l", "  "] if specials else []
    vocab, merges = train_bpe(text, 300, special)
    ends = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    chunks = [text[i:j] for i, j in pairwise(ends)]
    want = encode(text, vocab, merges, special)
    assert list(encode_iterable(chunks, vocab, merges, special)) == want
    assert list(encode_iterable(text, vocab, merges, special)) == want  # one by one


def test_a_stream_is_read_no_further_than_it_must() -> None:
    vocab, merges = train_bpe("low low", 300)
    pulled = 0

    def chunks() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield " low"

    stream = encode_iterable(chunks(), vocab, merges)
    assert pulled == 0
    for number in range(1, 100):
        next(stream)
        assert pulled == number + 2  # two words may still change


def test_a_stream_needs_no_more_memory_when_it_is_longer() -> None:
    text = "To be, or not to be: that is the question.\n<|end|>"
    vocab, merges = train_bpe(text, 300, [END])

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert sum(
                1 for _ in encode_iterable((text for _ in range(count)), vocab, merges, [END])
            )
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # the first time compiles patterns
    assert peak(5000) < peak(50) + 10_000 < 5000 * len(text) / 4


# The tokenizers library


def library(vocab: dict[int, bytes], merges: list[tuple[int, int]]) -> Any:
    """The same tokenizer in the library, which writes every byte as a printable character."""
    tokenizers = pytest.importorskip("tokenizers")
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    shown = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}
    names = {i: "".join(shown[b] for b in token) for i, token in vocab.items()}
    ordinary = {names[i]: i for i in range(256 + len(merges))}
    assert len(ordinary) == 256 + len(merges), "two merges make the same bytes"
    pairs = [(names[left], names[right]) for left, right in merges]
    made = tokenizers.Tokenizer(tokenizers.models.BPE(ordinary, pairs))
    # The pattern of GPT-2, of which ours is a translation for `re`.
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    special = [vocab[i].decode() for i in range(256 + len(merges), len(vocab))]
    made.add_special_tokens(
        [tokenizers.AddedToken(token, special=True, normalized=False) for token in special]
    )
    return made


def agree(text: str, vocab_size: int, special: list[str]) -> None:
    """Encode and decode a text with both, in one piece and as a stream."""
    vocab, merges = train_bpe(text, vocab_size, special)
    theirs = library(vocab, merges)
    ids = encode(text, vocab, merges, special)
    assert ids == theirs.encode(text, add_special_tokens=False).ids
    assert decode(ids, vocab) == text == theirs.decode(ids, skip_special_tokens=False)
    chunks = (text[i : i + 1000] for i in range(0, len(text), 1000))
    assert list(encode_iterable(chunks, vocab, merges, special)) == ids


def test_the_library_encodes_the_prose_of_this_repository_alike() -> None:
    agree(prose(), 1000, [END])


def test_the_library_takes_the_longest_special_token_too() -> None:
    agree("a<|b|><|b|>c<|b|> a <|b|>c", 262, ["<|b|>", "<|b|>c"])


def test_the_library_encodes_tiny_shakespeare_alike() -> None:
    loader = importlib.import_module("starter_code.given.shakespeare")
    copy = os.environ.get("TINY_SHAKESPEARE") or loader.kept_copy()
    if not Path(copy).is_file():
        pytest.skip("no copy of Tiny Shakespeare: name one in TINY_SHAKESPEARE")
    agree(loader.tiny_shakespeare(copy), 4096, [])
