"""Bits, n-grams and weights by hand, by properties, and against counting in another way."""

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors")

from solutions.runs.ngrams import losses  # noqa: E402
from solutions.vol2_pytorch.modules import Config, Llama  # noqa: E402
from solutions.vol2_pytorch.shakespeare_scale import (  # noqa: E402
    bits_per_character,
    distinct_n,
    hand_in,
    repetition,
)


def test_a_fair_coin_is_one_bit() -> None:
    assert bits_per_character(math.log(2), 1) == pytest.approx(1.0)
    assert bits_per_character(3 * math.log(2), 3) == pytest.approx(1.0)
    # nanoGPT's two marks, as published in nats.
    assert bits_per_character(1.88, 1) == pytest.approx(2.7123, abs=1e-4)
    assert bits_per_character(1.4697, 1) == pytest.approx(2.1203, abs=1e-4)


def test_the_surprise_of_a_text_does_not_depend_on_how_it_is_cut() -> None:
    chances = np.random.default_rng(0).uniform(0.01, 1.0, size=24)  # of each character
    whole = -np.log2(chances).sum() / 24
    for width in (1, 2, 3, 8):
        per_token = -np.log(chances).reshape(-1, width).sum(axis=1).mean()
        assert bits_per_character(per_token, width) == pytest.approx(whole)


def test_n_grams_counted_by_hand() -> None:
    text = torch.tensor([0, 1, 0, 1, 0])
    assert [distinct_n(text, n) for n in (1, 2, 3, 5, 6)] == [2 / 5, 2 / 4, 2 / 3, 1.0, 0.0]
    assert [repetition(text, n) for n in (1, 2, 3, 5, 6)] == [3 / 5, 2 / 4, 1 / 3, 0.0, 0.0]
    nothing = torch.tensor([], dtype=torch.int64)
    assert distinct_n(nothing, 1) == repetition(nothing, 1) == 0.0


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_both_agree_with_counting_texts_of_letters(n: int) -> None:
    rng = np.random.default_rng(n)
    for length in (n, 5, 30, 200):
        letters = "".join(rng.choice(list("abc"), size=length))
        counts = Counter(letters[i : i + n] for i in range(length - n + 1))
        tokens, total = torch.tensor([ord(c) for c in letters]), sum(counts.values())
        if total:
            assert distinct_n(tokens, n) == pytest.approx(len(counts) / total)
            again = sum(times - 1 for times in counts.values())
            assert repetition(tokens, n) == pytest.approx(again / total)


def test_longer_n_grams_repeat_less_and_each_share_is_the_rest_of_the_other() -> None:
    tokens = torch.from_numpy(np.random.default_rng(3).integers(0, 4, size=300))
    shares = [repetition(tokens, n) for n in range(1, 9)]
    assert all(a >= b for a, b in pairwise(shares))
    for n, share in enumerate(shares, start=1):
        assert share + distinct_n(tokens, n) == pytest.approx(1.0)


def test_what_is_handed_in_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    for tied in (True, False):
        model = Llama(Config(28, 8, 2, 2, 1, 12, 16, rope_theta=500.0, tied=tied))
        hand_in(model, str(path))
        with safetensors.safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
        own = dict(model.named_parameters())
        assert tensors.keys() == own.keys()
        assert all(torch.equal(a, own[n].detach().half()) for n, a in tensors.items())
        assert metadata == {"n_heads": "2", "rope_theta": "500.0", "norm_eps": "1e-05"}


def test_counting_finds_the_entropy_of_a_text_that_only_depends_on_one_character_before() -> None:
    rng = np.random.default_rng(5)
    chances = np.array([[0.9, 0.1], [0.3, 0.7]])
    ids = [0]
    for u in rng.random(40_000):
        ids.append(int(u < chances[ids[-1]][1]))
    text = np.array(ids)
    one, two, three = losses(text[:30_000], text[30_000:], 2, 3)
    # Of each state, three quarters and one quarter of the time, the entropy of its row.
    rows = -(chances * np.log(chances)).sum(axis=1)
    assert one == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)), abs=0.02)
    assert two == pytest.approx(0.75 * rows[0] + 0.25 * rows[1], abs=0.02)
    assert three == pytest.approx(two, abs=0.005)
