"""How fast byte-pair encoding is: ours, one that is plain, and the `tokenizers` library.

Run as `python -m solutions.benchmarks.bpe [FILE]`; prints a Markdown table. Without FILE it takes
Tiny Shakespeare. All three run in one process, on one thread, one after the other.
"""

import importlib
import os
import re
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from starter_code.given.shakespeare import tiny_shakespeare

from ..vol2_pytorch.bpe import PATTERN, decode, encode, encode_iterable, train_bpe

SMALL, LARGE = (50_000, 512), (1_000_000, 4096)  # characters, vocab_size
CHUNK = 4096
Merges = list[tuple[int, int]]


def main() -> None:
    """Measure everything and print it."""
    os.environ["RAYON_NUM_THREADS"] = "1"  # the library's threads; read at its first use
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    text = file.read_text(encoding="utf-8") if file else tiny_shakespeare()
    for characters, vocab_size in (SMALL, LARGE):
        part = text[:characters]
        rows = measure(part, vocab_size, plain=characters == SMALL[0])
        print(f"\n{len(part):,} characters, {vocab_size:,} ids\n")
        print("| task | plain s | ours s | library s | plain / ours | library / ours |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for task, seconds in rows:
            ours = seconds["ours"]
            shown = [seconds.get(who) for who in ("plain", "ours", "library")]
            ratios = [seconds[w] / ours if w in seconds else None for w in ("plain", "library")]
            cells = [*(_cell(s, ".3f") for s in shown), *(_cell(r, ".1f") for r in ratios)]
            print(f"| {task} | {' | '.join(cells)} |")


def measure(text: str, vocab_size: int, *, plain: bool) -> list[tuple[str, dict[str, float]]]:
    """Per task the seconds that each takes; the plain one where it ends in reasonable time."""
    vocab, merges = train_bpe(text, vocab_size)
    ids = encode(text, vocab, merges)
    theirs = library(vocab, merges)
    chunks = [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)]
    tasks: list[tuple[str, dict[str, Callable[[], Any]]]] = [
        ("train", {"ours": lambda: train_bpe(text, vocab_size)}),
        ("encode", {"ours": lambda: encode(text, vocab, merges)}),
        ("encode_iterable", {"ours": lambda: list(encode_iterable(chunks, vocab, merges))}),
        ("decode", {"ours": lambda: decode(ids, vocab)}),
    ]
    by_name = dict(tasks)
    if plain:
        by_name["train"]["plain"] = lambda: plain_train(text, vocab_size)
        by_name["encode"]["plain"] = lambda: plain_encode(text, merges)
    if theirs is not None:
        by_name["train"]["library"] = lambda: library_train(text, vocab_size)
        by_name["encode"]["library"] = lambda: theirs.encode(text)
        by_name["decode"]["library"] = lambda: theirs.decode(ids)
        assert theirs.encode(text).ids == ids, "the library gives other ids"
    return [(task, {who: _seconds(call) for who, call in calls.items()}) for task, calls in tasks]


def plain_train(text: str, vocab_size: int) -> Merges:
    """Counts every pair of the text anew in every round."""
    words = [list(word.encode()) for word in re.findall(PATTERN, text)]
    merges: Merges = []
    while len(merges) < vocab_size - 256:
        counts: dict[tuple[int, int], int] = {}
        for word in words:
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + 1
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        words = [_joined(word, best, 256 + len(merges)) for word in words]
        merges.append(best)
    return merges


def plain_encode(text: str, merges: Merges) -> list[int]:
    """Encodes every word of the text anew, one merge at a time."""
    order = {pair: i for i, pair in enumerate(merges)}
    ids: list[int] = []
    for word in re.findall(PATTERN, text):
        part = list(word.encode())
        while len(part) > 1:
            best = min(pairwise(part), key=lambda pair: order.get(pair, len(order)))
            if best not in order:
                break
            part = _joined(part, best, 256 + order[best])
        ids += part
    return ids


def _joined(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    out: list[int] = []
    for i in ids:
        if out and (out[-1], i) == pair:
            out[-1] = new
        else:
            out.append(i)
    return out


def library(vocab: dict[int, bytes], merges: Merges) -> Any:
    """The same tokenizer in `tokenizers`; None if that is not installed."""
    try:
        tokenizers: Any = importlib.import_module("tokenizers")
    except ImportError:
        print("tokenizers is not installed: `pip install tokenizers` adds its columns")
        return None
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    shown = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}
    names = {i: "".join(shown[b] for b in token) for i, token in vocab.items()}
    pairs = [(names[left], names[right]) for left, right in merges]
    made = tokenizers.Tokenizer(tokenizers.models.BPE({n: i for i, n in names.items()}, pairs))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    return made


def library_train(text: str, vocab_size: int) -> None:
    """Training in the library, with the same words and the same size."""
    tokenizers: Any = importlib.import_module("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([text], trainer)


def _seconds(call: Callable[[], Any]) -> float:
    """The median of three, of one if it takes long."""
    taken: list[float] = []
    while len(taken) < 3 and sum(taken) < 5:
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return median(taken)


def _cell(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


if __name__ == "__main__":
    main()
