"""Stories from the grammar: drawn by a seed, as words, text or numbers, with exact entropies."""

import math
from collections.abc import Iterable, Iterator
from functools import cache
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import grammar
from .grammar import BLANKS, END, SIZES, Facts, Scene, after, falling, learn, start

Story = list[str]
Ints = NDArray[np.int64]

# How many stories a corpus has for training, and the seed they are drawn with. A tenth as many are
# held out; they are drawn with the next seed.
CORPORA = {"small": (5_000, 1), "medium": (20_000, 11), "large": (50_000, 21)}


class Entropy(NamedTuple):
    """What nobody can know in advance in a stream of stories, in nats, and how long a story is.

    No model has a smaller expected loss than `per_token` on words, or `per_character` on bytes.
    """

    per_token: float
    per_character: float
    per_story: float
    tokens: float
    characters: float


def stories(size: str, count: int, seed: int) -> list[Story]:
    """Draw independent stories, each a list of words; the same on every machine."""
    random = Random(seed)
    return [list(_walk(size, random)) for _ in range(count)]


def corpus(size: str) -> tuple[list[Story], list[Story]]:
    """The stories to train on, and those held out."""
    count, seed = CORPORA[size]
    return stories(size, count, seed), stories(size, count // 10, seed + 1)


def _walk(size: str, random: Random) -> Iterator[str]:
    scene: Scene | None = start(SIZES[size])
    facts: Facts = {}
    while scene is not None:
        ways = after(scene, facts, SIZES[size])
        # Only `random()` is promised to stay the same from one Python to the next.
        left = int(random.random() * sum(way.weight for way in ways))
        for way in ways:
            left -= way.weight
            if left < 0:
                break
        yield from way.words.split(" ")
        scene, facts = way.then, learn(facts, way.fact)


def text(words: Iterable[str]) -> str:
    """Words as people write them: no space before a full stop, a story per line."""
    return " ".join(words).replace(" .", ".").replace(f" {END}", END).replace(f"{END} ", END)


def surprise(story: Story, size: str) -> list[float]:
    """The negative logarithm of each word's probability given all words before it, in nats.

    Raises:
        ValueError: It is not a story of this grammar.
    """
    scene: Scene | None = start(SIZES[size])
    facts: Facts = {}
    found: list[float] = []
    while scene is not None:
        ways = after(scene, facts, SIZES[size])
        for way in ways:
            words = way.words.split(" ")
            if story[len(found) : len(found) + len(words)] == words:
                break
        else:
            raise ValueError(f"no story goes on like this after {len(found)} words")
        # The first word tells which way it is; the others follow from it.
        total = sum(w.weight for w in ways)
        found += [math.log(total / way.weight)] + [0.0] * (len(words) - 1)
        scene, facts = way.then, learn(facts, way.fact)
    if len(found) != len(story):
        raise ValueError(f"the story ends after {len(found)} words")
    return found


@cache
def entropy(size: str) -> Entropy:
    """The exact entropy of a grammar, by the chain rule over its scenes.

    The ways on from a scene have probabilities p. What is still to come has the entropy

        H(scene) = sum over its ways of p * (-log p + H(scene after the way))

    and lengths add up alike. No scene comes twice in a story, so this is a finite sum. A word that
    a fact fills in counts with its mean length: facts and scenes know nothing of each other. A
    stream of independent stories has H(start) / (mean length of a story) nats per token.
    """
    mean = _mean_lengths(size)
    ahead: dict[Scene | None, tuple[float, ...]] = {None: (0.0, 0.0, 0.0)}
    for scene in _scenes(size):
        ways = after(scene, BLANKS, SIZES[size])
        total = sum(way.weight for way in ways)
        sums = []
        for way in ways:
            words = way.words.split(" ")
            here = math.log(total / way.weight), len(words), sum(_length(w, mean) for w in words)
            sums.append(
                [way.weight / total * (h + a) for h, a in zip(here, ahead[way.then], strict=True)]
            )
        ahead[scene] = tuple(math.fsum(column) for column in zip(*sums, strict=True))
    nats, tokens, characters = ahead[start(SIZES[size])]
    characters -= 1  # no space before the first word
    return Entropy(nats / tokens, nats / characters, nats, tokens, characters)


def _scenes(size: str) -> list[Scene]:
    """Every scene of a grammar, each after those that it leads to."""
    order: dict[Scene, None] = {}

    def visit(scene: Scene) -> None:
        for way in after(scene, BLANKS, SIZES[size]):
            if way.then is not None and way.then not in order:
                visit(way.then)
        order[scene] = None

    visit(start(SIZES[size]))
    return list(order)


def _fillings(size: str) -> dict[str, list[tuple[int, str]]]:
    """What each blank may be filled with, with weights."""
    s = SIZES[size]
    names = falling(grammar.NAMES[: s.names])
    return {
        "{place}": falling(grammar.PLACES[: s.places]),
        "{name}": names,
        "{she}": [(w, learn({}, ("name", n))["she"]) for w, n in names],
        "{colour}": falling(grammar.COLOURS[: s.colours]),
        "{thing}": falling(grammar.THINGS[: s.things]),
    }


def _mean_lengths(size: str) -> dict[str, float]:
    return {
        blank: sum(w * len(word) for w, word in words) / sum(w for w, _ in words)
        for blank, words in _fillings(size).items()
        if words
    }


def _length(word: str, mean: dict[str, float]) -> float:
    """Characters of a word in a text, with the space before it if it has one."""
    if word in (".", END):
        return 1.0
    blank = word.rstrip("s")
    return 1.0 + (mean[blank] + len(word) - len(blank) if blank in mean else len(word))


@cache
def vocabulary(size: str) -> tuple[str, ...]:
    """Every word of a grammar, sorted. Number 0 is the line break that ends a story."""
    fill = _fillings(size)
    found = set()
    for scene in _scenes(size):
        for way in after(scene, BLANKS, SIZES[size]):
            for word in way.words.split(" "):
                blank = word.rstrip("s")
                ending = word[len(blank) :]
                found |= {w + ending for _, w in fill[blank]} if blank in fill else {word}
    return tuple(sorted(found))


def encode(words: Iterable[str], size: str) -> Ints:
    """(N,). The number of each word in the vocabulary."""
    number = {word: i for i, word in enumerate(vocabulary(size))}
    return np.array([number[w] for w in words], dtype=np.int64)


def decode(ids: Iterable[int], size: str) -> Story:
    """The words that numbers stand for."""
    words = vocabulary(size)
    return [words[i] for i in ids]


def encode_bytes(words: Iterable[str]) -> Ints:
    """(N,). The bytes of the text; each is one character and below 128."""
    return np.frombuffer(text(words).encode("ascii"), dtype=np.uint8).astype(np.int64)
