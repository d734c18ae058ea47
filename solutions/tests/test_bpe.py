"""Byte pair encoding against merges worked by hand, properties, a plain version and the library."""

import itertools
import random
import re
import tracemalloc
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from solutions.benchmarks.bpe import as_tokenizers, letters, plain_encoding, plain_training
from solutions.vol2_pytorch.bpe import (
    PATTERN,
    Pair,
    decode,
    encode,
    encode_iterable,
    train_bpe,
)

ROOT = Path(__file__).parents[2]
SPECIAL = ("<|end|>", "<|end|><|user|>", "<|user|>")
Trained = tuple[dict[int, bytes], list[Pair]]
PIECES = ["ab", "abc", "aaa", "bc", " ", "  ", "\n", "'ll", "'l", "'", "\u00e9", "\U0001f642", "12"]
TEXTS = st.lists(st.sampled_from([*PIECES, *SPECIAL, "<|end", "|>"]), max_size=25).map("".join)


@cache
def prose() -> str:
    """Real text of our own: every handout and the documentation."""
    files = [*ROOT.glob("solutions/vol*/*.py"), *ROOT.glob("docs/*.md")]
    return "\n".join(f.read_text(encoding="utf-8") for f in sorted(files))


@cache
def trained() -> Trained:
    """What is learned from pieces, with special tokens between them."""
    draw = random.Random(0)
    return train_bpe("".join(draw.choices([*PIECES, *SPECIAL], k=3000)), 320, SPECIAL)


def test_merges_worked_by_hand() -> None:
    vocab, merges = train_bpe("banana", 259)
    assert merges == [(97, 110), (98, 256), (256, 97)]
    assert [vocab[i] for i in (256, 257, 258)] == [b"an", b"ban", b"ana"]
    # aaaaa holds four pairs of a; it becomes aa, aa, a, and the next tie goes to (97, 97)'s id.
    assert train_bpe("aaaaa", 300)[1] == [(97, 97), (256, 97), (256, 257)]
    assert train_bpe("cd ab", 257)[1] == [(32, 97)]


def test_special_tokens_come_last_and_cut_the_text() -> None:
    vocab, merges = train_bpe("ab<|end|>ab<|end|><|user|>c", 300, SPECIAL)
    assert merges == [(97, 98)]
    assert [vocab[i] for i in range(256, 260)] == [b"ab", *(t.encode() for t in SPECIAL)]
    ids = encode("ab<|end|>b<|end|><|user|>", vocab, merges, SPECIAL)
    assert ids == [256, 257, 98, 258]


@pytest.mark.parametrize(("size", "special"), [(255, ()), (258, SPECIAL), (0, ())])
def test_a_vocabulary_that_is_too_small_is_refused(size: int, special: Sequence[str]) -> None:
    with pytest.raises(ValueError, match=f"do not fit into {size} ids"):
        train_bpe("text", size, special)


@given(st.text(), st.text())
def test_words_are_the_text_and_two_at_most_change(text: str, more: str) -> None:
    words, longer = re.findall(PATTERN, text), re.findall(PATTERN, text + more)
    assert "".join(words) == text
    assert longer[: max(len(words) - 2, 0)] == words[:-2]


def test_a_contraction_changes_two_words() -> None:
    assert re.findall(PATTERN, "'l") == ["'", "l"]
    assert re.findall(PATTERN, "'ll") == ["'ll"]


@given(TEXTS, st.integers(0, 30))
def test_training_agrees_with_counting_anew(text: str, most: int) -> None:
    """The plain version has no special tokens and needs a pair."""
    _, merges = train_bpe(text, 256 + most)
    assert plain_training(text, len(merges)) == merges
    if len(merges) < most:
        words = set(re.findall(PATTERN, text))
        vocab, _ = train_bpe(text, 256 + most)
        assert all(len(encode(word, vocab, merges)) == 1 for word in words)


def test_training_agrees_with_counting_anew_on_real_text() -> None:
    text = prose()[:20_000]
    assert train_bpe(text, 256 + 40)[1] == plain_training(text, 40)


@given(TEXTS)
@example("<|end|><|end|><|user|>")
def test_encoding_agrees_with_every_merge_on_every_word(text: str) -> None:
    vocab, merges = trained()
    assert encode(text, vocab, merges) == plain_encoding(text, merges)


@given(st.one_of(TEXTS, st.text()))
def test_every_text_comes_back(text: str) -> None:
    vocab, merges = trained()
    ids = encode(text, vocab, merges, SPECIAL)
    assert decode(ids, vocab) == text
    assert b"".join(vocab[i] for i in ids) == text.encode()


@given(st.binary())
def test_any_bytes_come_back(raw: bytes) -> None:
    vocab, _ = trained()
    assert decode(list(raw), vocab) == raw.decode(errors="replace")


@given(st.one_of(TEXTS, st.text()), st.lists(st.integers(0, 9), min_size=1))
def test_a_stream_gives_the_ids_of_the_whole(text: str, sizes: list[int]) -> None:
    vocab, merges = trained()
    want = encode(text, vocab, merges, SPECIAL)
    assert list(encode_iterable(chunked(text, sizes), vocab, merges, SPECIAL)) == want


@pytest.mark.parametrize("text", ["it'll a  b\n\n c", "ab  <|end|><|user|>l", "<|end|>'<|end|"])
def test_a_stream_may_be_cut_anywhere(text: str) -> None:
    vocab, merges = trained()
    want = encode(text, vocab, merges, SPECIAL)
    for at in range(len(text) + 1):
        assert list(encode_iterable([text[:at], text[at:]], vocab, merges, SPECIAL)) == want


def chunked(text: str, sizes: list[int]) -> Iterator[str]:
    """`text` in chunks of the given sizes, again and again."""
    at = 0
    for size in itertools.cycle([*sizes, 1]):
        if at >= len(text):
            return
        yield text[at : at + size]
        at += size


def test_a_stream_holds_no_more_than_its_unsettled_end() -> None:
    vocab, merges = trained()
    pulled = out = worst = 0

    def endless() -> Iterator[str]:
        nonlocal pulled, worst
        while True:
            worst = max(worst, pulled - out)
            chunk = "abc 'll12  bc\n" if pulled % 2 else "<|end|> aaa ab"
            pulled += len(chunk)
            yield chunk

    for token in itertools.islice(encode_iterable(endless(), vocab, merges, SPECIAL), 5000):
        out += len(vocab[token])
    longest_words, special = 4 + 4, max(map(len, SPECIAL))
    assert 0 < worst <= longest_words + special - 1


def test_a_stream_takes_no_memory() -> None:
    vocab, merges = trained()
    chunks = (f"abc ab {number % 9} " * 60 for number in range(600))
    tracemalloc.start()
    deque(encode_iterable(itertools.islice(chunks, 10), vocab, merges), 0)
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    deque(encode_iterable(chunks, vocab, merges), 0)
    grown = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert grown < 100_000  # 400 kB of text in chunks of less than 1 kB


def test_encoding_equals_the_library_on_real_text() -> None:
    pytest.importorskip("tokenizers")
    text = prose()[:300_000]
    vocab, merges = train_bpe(text[:100_000], 256 + 400 + len(SPECIAL), SPECIAL)
    library = as_tokenizers(vocab, merges, SPECIAL)
    assert library.encode(text, add_special_tokens=False).ids == encode(
        text, vocab, merges, SPECIAL
    )


def test_encoding_equals_the_library_with_special_tokens() -> None:
    pytest.importorskip("tokenizers")
    vocab, merges = trained()
    library = as_tokenizers(vocab, merges, SPECIAL)
    draw = random.Random(1)
    for _ in range(200):
        text = "".join(draw.choices([*PIECES, *SPECIAL, "<|end", "|>"], k=30))
        got = library.encode(text, add_special_tokens=False).ids
        assert got == encode(text, vocab, merges, SPECIAL), text


def test_the_library_learns_the_same_merges_up_to_ties() -> None:
    """It breaks ties by its own alphabet; where there are none, the merges are the same."""
    pytest.importorskip("tokenizers")
    from solutions.benchmarks.bpe import library_training

    text = prose()[:100_000]
    vocab, merges = train_bpe(text, 256 + 30)
    theirs = library_training(text, 30)
    ours = {"".join(letters()[b] for b in vocab[256 + i]) for i in range(len(merges))}
    assert len(ours & set(theirs.get_vocab())) >= 28


def test_no_two_ids_have_the_same_bytes() -> None:
    """Why the library, which knows tokens by their bytes, can agree."""
    vocab, _ = train_bpe(prose()[:100_000], 256 + 500)
    assert Counter(vocab.values()).most_common(1)[0][1] == 1


def test_a_long_word_is_no_trap() -> None:
    vocab, merges = train_bpe("ab" * 100, 280)
    assert len(encode("ab" * 20_000, vocab, merges)) < 1000
