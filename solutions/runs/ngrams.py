"""How far counting gets on Tiny Shakespeare: n-grams with Witten-Bell smoothing.

python -m solutions.runs.ngrams tinyshakespeare.txt
"""

import math
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from starter_code.given.tinyshakespeare import load

ORDERS = 6
Ids = NDArray[np.int64]


def losses(train: Ids, val: Ids, vocab_size: int, orders: int) -> Iterator[float]:
    """Nats per character of `val`, for n = 1, 2, ... characters that are looked at together.

    Each order mixes its counts with the order below, by how many different characters have
    followed a context (Witten and Bell 1991). The first few characters, which have no full context,
    are left out.
    """
    probs = np.full(len(val) - orders + 1, 1.0 / vocab_size)
    for n in range(1, orders + 1):
        seen, counts = np.unique(_keys(train, n, vocab_size), return_counts=True)
        keys = _keys(val, n, vocab_size)[orders - n :]
        contexts, first = np.unique(seen // vocab_size, return_index=True)
        totals = np.add.reduceat(counts, first)
        kinds = np.diff([*first, len(seen)])
        count, total = _found(seen, counts, keys), _found(contexts, totals, keys // vocab_size)
        kind = _found(contexts, kinds, keys // vocab_size)
        probs = np.where(total > 0, (count + kind * probs) / np.maximum(total + kind, 1), probs)
        yield float(-np.log(probs).mean())


def _keys(ids: Ids, n: int, vocab_size: int) -> Ids:
    """Each n-gram as one number."""
    keys = np.zeros(len(ids) - n + 1, dtype=np.int64)
    for i in range(n):
        keys = keys * vocab_size + ids[i : len(ids) - n + 1 + i]
    return keys


def _found(sorted_keys: Ids, values: Ids, keys: Ids) -> Ids:
    """The value of each of `keys`, 0 for one that is not there."""
    at = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return np.where(sorted_keys[at] == keys, values[at], 0)


def main(path: str) -> None:
    """Print the table."""
    text = load(path)
    symbols = sorted(set(text))
    ids = np.array([symbols.index(c) for c in text])
    cut = int(0.9 * len(ids))
    print("| characters looked at | nats per character | bits per character |")
    print("| ---: | ---: | ---: |")
    print(f"| none | {math.log(len(symbols)):.4f} | {math.log2(len(symbols)):.4f} |")
    for n, nats in enumerate(losses(ids[:cut], ids[cut:], len(symbols), ORDERS), start=1):
        print(f"| {n} | {nats:.4f} | {nats / math.log(2):.4f} |")


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["tinyshakespeare.txt"])
