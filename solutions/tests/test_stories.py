"""The corpus of stories: its entropy by other ways, its texts, and what students load of it."""

import hashlib
import importlib.util
import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from starter_code.given.stories import FOLDER, load, rows

ROOT = Path(__file__).parents[2]
SIZES = ("small", "medium", "large")


@pytest.fixture(scope="module")
def stories() -> ModuleType:
    """The generator, which is a command and no package."""
    spec = importlib.util.spec_from_file_location("_stories", ROOT / "datasets" / "stories.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_stories"] = module
    spec.loader.exec_module(module)
    return module


def tiny(stories: ModuleType, **changes: Any) -> Any:
    """A grammar with every kind of sentence and few enough stories to list them all."""
    grammar = replace(
        stories.SIZES["medium"],
        women=("anna", "emma"),
        men=("ben", "jan"),
        nouns=(("apple", "apples"), ("fish", "fishes")),
        losses=(("loses", "lose"),),
        most=3,
        events=2,
        colours=("red", "green"),
        places=("river", "school"),
    )
    return replace(grammar, **changes)


FEWER = {"pair": 0.0, "colours": (), "places": ()}


@pytest.mark.parametrize("changes", [{}, FEWER, {"events": 1, "most": 5}], ids=str)
def test_the_entropy_is_that_of_the_list_of_all_stories(
    changes: dict[str, Any], stories: ModuleType
) -> None:
    grammar = tiny(stories, **({"events": 1} | changes))
    every = list(stories.every(grammar))
    texts = [stories.text(story) for _, story in every]
    assert len(set(texts)) == len(texts) > 100, "a text has one walk"
    assert math.fsum(p for p, _ in every) == pytest.approx(1.0, abs=1e-12)
    found = stories.entropy(grammar, 10)
    nats = -math.fsum(p * math.log(p) for p, _ in every)
    assert found.nats == pytest.approx(nats, rel=1e-12)
    assert found.tokens == pytest.approx(math.fsum(p * len(s) for p, s in every), rel=1e-12)
    characters = math.fsum(p * len(t) for (p, _), t in zip(every, texts, strict=True))
    assert found.characters == pytest.approx(characters, rel=1e-12)
    for p, story in every[:: len(every) // 50]:
        assert stories.log_probability(grammar, story) == pytest.approx(math.log(p), rel=1e-12)


def test_the_entropy_by_position_is_that_of_all_beginnings(stories: ModuleType) -> None:
    grammar = tiny(stories, **FEWER, events=1)
    every = list(stories.every(grammar))
    # H(X_t | before) = H(first t + 1 tokens) - H(first t), of two stories one after the other.
    shortest = min(len(story) for _, story in every)
    chances = [(p * q, (a + b)) for p, a in every for q, b in every if len(a) <= shortest + 4]
    chances += [(p, a) for p, a in every if len(a) > shortest + 4]

    def entropy_of(length: int) -> float:
        together: dict[tuple[str, ...], float] = {}
        for p, story in chances:
            beginning = tuple(story[:length])
            together[beginning] = together.get(beginning, 0.0) + p
        return -math.fsum(p * math.log(p) for p in together.values())

    found = stories.entropy(grammar, shortest + 4).by_position
    for t, nats in enumerate(found):
        assert entropy_of(t + 1) - entropy_of(t) == pytest.approx(nats, abs=1e-9), t


@pytest.mark.parametrize("size", SIZES)
def test_drawn_stories_have_that_many_nats_per_token(size: str, stories: ModuleType) -> None:
    grammar, rng = stories.SIZES[size], Random(f"another seed for {size}")
    drawn = [stories.draw(grammar, rng) for _ in range(1500)]
    nats = np.array([-stories.log_probability(grammar, story) for story in drawn])
    tokens = np.array([len(story) for story in drawn])
    characters = np.array([len(stories.text(story)) for story in drawn])
    found = stories.entropy(grammar, 0)
    for got, want in ((nats, found.nats), (tokens, found.tokens), (characters, found.characters)):
        assert abs(got.mean() - want) < 4.5 * got.std() / len(got) ** 0.5


def test_far_along_every_position_has_the_entropy_rate(stories: ModuleType) -> None:
    for size in SIZES:
        found = stories.entropy(stories.SIZES[size], 512)
        rate = found.nats / found.tokens
        assert np.mean(found.by_position[400:]) == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize("size", SIZES)
def test_numbers_add_up_and_words_agree(size: str, stories: ModuleType) -> None:
    numbers, grammar = stories.NUMBERS, stories.SIZES[size]
    for line in (FOLDER / f"{size}.txt").read_text().splitlines()[:500]:
        first, *middle, last, _ = line.split(" .")
        count = next(numbers.index(w) for w in first.split() if w in numbers)
        for sentence in middle:
            if amount := [numbers.index(w) for w in sentence.split() if w in numbers]:
                count += amount[0] if sentence.endswith("more") else -amount[0]
        words = last.split()
        assert numbers.index(next(w for w in words if w in numbers)) == count
        one = [noun[0] for noun in grammar.nouns]
        assert (words[-1] in one) == (count == 1)
        several = " and " in first
        assert ("have" in words) == several and ("they" in line.split()) <= several
        names = [w for w in first.split() if w in grammar.names]
        assert [w for w in words if w in grammar.names] == names
        she = {"she", "he"} & set(line.split())
        assert she <= ({"she"} if names[0] in grammar.women else {"he"})


def test_the_files_are_what_the_generator_writes(stories: ModuleType) -> None:
    sums = dict(re.findall(r"(\w{64})  (\S+)", (FOLDER / "SHA256SUMS").read_text()))
    assert set(sums.values()) == {"figures.json", *(f"{size}.txt" for size in SIZES)}
    for digest, name in sums.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest
        assert (FOLDER / name).stat().st_size < 5_000_000
    small = "".join(map(stories.text, stories.stories("small")))
    assert (FOLDER / "small.txt").read_text() == small
    figures = json.loads((FOLDER / "figures.json").read_text())
    for size in SIZES:
        found = stories.entropy(stories.SIZES[size])
        assert figures[size]["nats_per_token"] == pytest.approx(found.nats / found.tokens)
        rate = found.nats / found.characters
        assert figures[size]["nats_per_character"] == pytest.approx(rate)
        assert figures[size]["nats_by_position"] == pytest.approx(found.by_position)
        words = (FOLDER / f"{size}.txt").read_text().split()
        assert {*figures[size]["vocabulary"]} == {"\n", *words}
    assert stories.table(figures) in (ROOT / "datasets" / "README.md").read_text()


@pytest.mark.parametrize(("size", "T"), [("small", 24), ("medium", 64)])
def test_held_out_rows_cost_who_knows_the_grammar_about_the_floor(
    size: str, T: int, stories: ModuleType
) -> None:
    corpus = load(size, T)
    assert corpus.train.shape[1] == corpus.held_out.shape[1] == T + 1
    costs = [_cost(stories, size, corpus.text(row).split(), corpus, row) for row in corpus.held_out]
    error = np.std(costs) / len(costs) ** 0.5
    assert abs(np.mean(costs) - corpus.floor) < 4 * error < 0.1 * corpus.floor


def _cost(stories: ModuleType, size: str, words: list[str], corpus: Any, row: Any) -> float:
    """The mean of -ln p over a row, for who knows the grammar."""
    grammar, total = stories.SIZES[size], 0.0
    plan, facts = stories.START, stories.UNKNOWN
    for word in (corpus.vocabulary[i] for i in row[1:]):
        ((p, _, plan, facts),) = [c for c in stories.choices(grammar, plan, facts) if c[1] == word]
        total -= math.log(p)
        if plan.at == "over":
            plan, facts = stories.START, stories.UNKNOWN
    return total / (len(row) - 1)


def test_a_row_begins_with_a_story_and_reads_as_text() -> None:
    got = rows(["a b", "b", "a", "b b b"], ("\n", "a", "b"), 4)
    assert got.tolist() == [[0, 1, 2, 0, 2], [0, 1, 0, 2, 2]]
    corpus = load("small", 24)
    assert (corpus.train[:, 0] == 0).all() and corpus.train.dtype == np.int64
    first = (FOLDER / "small.txt").read_text().split(".")[0]
    assert corpus.text(corpus.train[0]).startswith(first)
