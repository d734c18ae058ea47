"""How fast byte pair encoding is: ours, a plain version and the `tokenizers` library, in one run.

Run as `python -m solutions.benchmarks.bpe [FILE]`; prints a Markdown table. Without a file the text
is this repository's own prose and code. The library is Rust and gets one thread. Nothing here is a
test.
"""

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..vol2_pytorch.bpe import PATTERN, Pair, _merged, encode, encode_iterable, train_bpe

MERGES, CHUNK = 500, 1 << 16
# What the plain version is given: it needs a minute for all of it.
PLAIN_MERGES, PLAIN_BYTES = 20, 50_000
ROOT = Path(__file__).parents[2]
Row = tuple[str, str, int, Callable[[], object]]


def main(path: str = "") -> None:
    """Measure and print."""
    os.environ["RAYON_NUM_THREADS"], os.environ["TOKENIZERS_PARALLELISM"] = "1", "false"
    try:
        import tokenizers  # noqa: F401
    except ImportError:
        print("byte pair encoding: skipped, tokenizers is not installed")
        return
    text = Path(path).read_text(encoding="utf-8") if path else own_text()
    size = len(text.encode())
    vocab, merges = train_bpe(text, 256 + MERGES)
    library = as_tokenizers(vocab, merges)
    ids = encode(text, vocab, merges)
    assert library.encode(text).ids == ids
    print(f"{size / 1e6:.2f} MB of text, {MERGES} merges, {size / len(ids):.2f} bytes per token.\n")
    print("| byte pair encoding | CPU s | MB/s | speed |\n| --- | ---: | ---: | ---: |")
    _print("train", training(text))
    _print("encode", encoding(text, vocab, merges, library))


def own_text() -> str:
    """Handouts, code and documentation of this repository."""
    files = [*ROOT.glob("solutions/**/*.py"), *ROOT.glob("docs/*.md"), *ROOT.glob("*.md")]
    return "\n".join(f.read_text(encoding="utf-8") for f in sorted(files))


def training(text: str) -> list[Row]:
    """Names, merges, bytes and what is timed."""
    part = text[:PLAIN_BYTES]
    return [
        ("the library", str(MERGES), len(text.encode()), lambda: library_training(text, MERGES)),
        ("the reference", str(MERGES), len(text.encode()), lambda: train_bpe(text, 256 + MERGES)),
        (
            "the library",
            str(PLAIN_MERGES),
            len(part.encode()),
            lambda: library_training(part, PLAIN_MERGES),
        ),
        (
            "the reference",
            str(PLAIN_MERGES),
            len(part.encode()),
            lambda: train_bpe(part, 256 + PLAIN_MERGES),
        ),
        (
            "counting anew after every merge",
            str(PLAIN_MERGES),
            len(part.encode()),
            lambda: plain_training(part, PLAIN_MERGES),
        ),
    ]


def encoding(text: str, vocab: dict[int, bytes], merges: Sequence[Pair], library: Any) -> list[Row]:
    """Names, merges, bytes and what is timed."""
    part, size, count = text[:PLAIN_BYTES], len(text.encode()), str(MERGES)
    chunks = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    return [
        (
            "the library, ids without offsets",
            count,
            size,
            lambda: library.encode_batch_fast([text]),
        ),
        ("the reference", count, size, lambda: encode(text, vocab, merges)),
        (
            "the reference, a stream of 64 kB chunks",
            count,
            size,
            lambda: _drained(encode_iterable(chunks, vocab, merges)),
        ),
        (
            "every merge on every word",
            count,
            len(part.encode()),
            lambda: plain_encoding(part, merges),
        ),
    ]


def plain_training(text: str, most: int) -> list[Pair]:
    """The plain version: all words in a list, all pairs counted anew after every merge."""
    words = [list(word.encode()) for word in re.findall(PATTERN, text)]
    merges: list[Pair] = []
    for number in range(most):
        counts = Counter(pair for word in words for pair in pairwise(word))
        best = min(counts, key=lambda p: (-counts[p], p))
        words = [_merged(word, best, 256 + number) for word in words]
        merges.append(best)
    return merges


def plain_encoding(text: str, merges: Sequence[Pair]) -> list[int]:
    """The plain version: every merge in order, on every word."""
    ids: list[int] = []
    for word in re.findall(PATTERN, text):
        tokens = list(word.encode())
        for number, pair in enumerate(merges):
            tokens = _merged(tokens, pair, 256 + number)
        ids += tokens
    return ids


def letters() -> dict[int, str]:
    """The printable character that the library writes for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (b for b in range(256) if b not in plain)
    return {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}


def as_tokenizers(
    vocab: dict[int, bytes], merges: Sequence[Pair], special_tokens: Sequence[str] = ()
) -> Any:
    """The library's tokenizer with our vocabulary and merges."""
    from tokenizers import AddedToken, Tokenizer, models

    letter = letters()
    written = {i: "".join(letter[b] for b in token) for i, token in vocab.items()}
    learned = {written[i]: i for i in range(256 + len(merges))}
    pairs = [(written[left], written[right]) for left, right in merges]
    tokenizer = Tokenizer(models.BPE(vocab=learned, merges=pairs))
    tokenizer.pre_tokenizer = _words()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in special_tokens])
    return tokenizer


def library_training(text: str, most: int) -> Any:
    """The library's training. It breaks ties by its own alphabet, so the merges may be others."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _words()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + most, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def _words() -> Any:
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _drained(ids: Iterator[int]) -> int:
    return sum(1 for _ in ids)


def _print(what: str, rows: Sequence[Row]) -> None:
    """One line per row; the speed is relative to the library on the same text and merges."""
    rates: dict[str, float] = {}
    for name, merges, size, step in rows:
        seconds = min(_timed(step) for _ in range(3 if size > PLAIN_BYTES * 2 else 2))
        rates.setdefault(merges, size / seconds)
        speed = size / seconds / rates[merges]
        title = f"{what}, {merges} merges: {name}"
        print(f"| {title} | {seconds:.3f} | {size / seconds / 1e6:.3f} | {speed:.3f} |")


def _timed(step: Callable[[], object]) -> float:
    start = time.process_time()  # a busy machine is busy for all alike
    step()
    return time.process_time() - start


if __name__ == "__main__":
    main(*sys.argv[1:2])
