"""Batching by hand, its properties, and real models: NumPy's LLaMA and one in PyTorch, alone."""

import itertools
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy import attention, llama, multi_head, rmsnorm, rope, softmax, swiglu
from solutions.vol3_inference import batching
from solutions.vol3_inference.batching import (
    Ints,
    Scheduler,
    left_pad,
    padded_llama,
    padding_mask,
    trace,
)
from solutions.vol3_inference.generate import generate

Floats = NDArray[np.floating[Any]]
PARTS = rmsnorm.rmsnorm, rope.rope, softmax.softmax, swiglu.swiglu


def counts_up(ids: Ints, lengths: Ints) -> Floats:
    """The next id is one more than the last, modulo 10."""
    return np.eye(10)[(ids + 1) % 10]


def sums(ids: Ints, lengths: Ints) -> Floats:
    """The next id is the sum of the real ones, modulo 10; at padding it is 7."""
    T = ids.shape[1]
    real = np.arange(T) >= T - lengths[:, np.newaxis]
    total = np.cumsum(np.where(real, ids, 0), axis=1) % 10
    return np.eye(10)[np.where(real, total, 7)]


def a_llama(**changed: Any) -> tuple[dict[str, Floats], multi_head.Config]:
    """A small model whose next token is not always the same."""
    sizes = {"vocab_size": 17, "d_model": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2}
    config = multi_head.Config(**{**sizes, "d_ff": 20, "max_T": 64, **changed})
    params = llama.init_params(config, np.random.default_rng(0))
    return {n: w if n.endswith("norm") else 30 * w for n, w in params.items()}, config


def test_prompts_are_padded_on_the_left() -> None:
    ids, lengths = left_pad([np.array([5, 6, 0]), np.array([7]), np.array([0, 9])], 0)
    assert ids.tolist() == [[5, 6, 0], [0, 0, 7], [0, 0, 9]]
    assert lengths.tolist() == [3, 1, 2]
    assert (ids.dtype, lengths.dtype) == (np.int64, np.int64)
    with pytest.raises(ValueError, match="empty"):
        left_pad([np.array([5]), np.array([], dtype=np.int64)], 0)


def test_positions_and_mask_worked_by_hand() -> None:
    positions, mask = padding_mask(np.array([2, 4]), 4)
    assert positions.tolist() == [[0, 0, 0, 1], [0, 1, 2, 3]]
    assert mask[0].tolist() == [
        [True, False, False, False],
        [False, True, False, False],
        [False, False, True, False],
        [False, False, True, True],
    ]
    assert np.array_equal(mask[1], np.tri(4, dtype=bool))


def test_the_mask_gives_what_pytorch_gives_row_by_row() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 3, 2, 6, 4, dtype=torch.float64)
    lengths = np.array([4, 6, 1])
    _, mask = padding_mask(lengths, 6)
    attend = torch.nn.functional.scaled_dot_product_attention
    out = attend(q, k, v, attn_mask=torch.from_numpy(mask)[:, None])
    assert torch.isfinite(out).all()
    for b, n in enumerate(lengths):
        real = attend(q[b, :, -n:], k[b, :, -n:], v[b, :, -n:], is_causal=True)
        torch.testing.assert_close(out[b, :, -n:], real, rtol=0, atol=1e-13)


@pytest.mark.parametrize("tied", [False, True])
def test_the_padded_llama_is_the_llama(tied: bool) -> None:
    params, config = a_llama(tied=tied)
    rng = np.random.default_rng(1)
    prompts = [rng.integers(17, size=n) for n in (3, 8, 1)]
    ids, lengths = left_pad(prompts, 0)
    logits = padded_llama(params, config, *PARTS)(ids, lengths)
    assert np.isfinite(logits).all()
    for row, prompt in zip(logits, prompts, strict=True):
        want, _ = llama.llama(params, prompt[np.newaxis], config)
        np.testing.assert_allclose(row[-len(prompt) :], want[0], rtol=0, atol=1e-11)


@pytest.mark.parametrize("slots", [1, 2, 3, 9])
def test_with_a_llama_each_text_is_that_of_generate_whatever_the_order(slots: int) -> None:
    params, config = a_llama()
    model, rng = padded_llama(params, config, *PARTS), np.random.default_rng(2)

    def plain(ids: Ints) -> Floats:
        return llama.llama(params, ids, config)[0]

    requests: list[tuple[Ints, int, int | None]] = []
    for P, most in ((4, 6), (1, 3), (7, 9), (2, 1), (5, 0), (3, 8)):
        prompt = rng.integers(17, size=P)
        text = generate(plain, prompt[np.newaxis], most)[0]
        requests.append((prompt, most, int(text[P + 2]) if most > 5 else None))
    ended = 0
    for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 0, 5, 1, 4, 3]):
        scheduler = Scheduler(model, slots)
        for i in order:
            scheduler.submit(*requests[i])
            for _ in range(i % 3):
                scheduler.step()
        texts = scheduler.run()
        for name, i in enumerate(order):
            prompt, most, eos = requests[i]
            alone = generate(plain, prompt[np.newaxis], most, eos)[0]
            assert texts[name].tolist() == alone.tolist()
            ended += len(alone) < len(prompt) + most
    assert ended >= 3


def test_a_schedule_worked_by_hand() -> None:
    scheduler = Scheduler(sums, 2)
    requests = (([1, 2], 2), ([4], 3), ([3, 3], 1), ([9], 2))
    names = [scheduler.submit(np.array(prompt), most) for prompt, most in requests]
    assert names == [0, 1, 2, 3]
    assert scheduler.step() == {0: 3, 1: 4}
    assert scheduler.step() == {0: 6, 1: 8}
    assert scheduler.step() == {1: 6, 2: 6}
    assert scheduler.step() == {3: 9}
    assert scheduler.step() == {3: 8}
    assert scheduler.step() == {}
    texts = {name: text.tolist() for name, text in scheduler.run().items()}
    assert texts == {0: [1, 2, 3, 6], 1: [4, 4, 8, 6], 2: [3, 3, 6], 3: [9, 9, 8]}


def test_a_step_calls_the_model_once_and_shows_it_no_more_rows_than_slots() -> None:
    shapes: list[tuple[int, ...]] = []

    def model(ids: Ints, lengths: Ints) -> Floats:
        shapes.append(ids.shape)
        return sums(ids, lengths)

    scheduler = Scheduler(model, 3)
    for P, most in itertools.product((1, 4), (1, 2, 5)):
        scheduler.submit(np.ones(P, dtype=np.int64), most)
    steps = 0
    while tokens := scheduler.step():
        steps += 1
        assert shapes[-1][0] == len(tokens) <= 3
    assert len(shapes) == steps == 7
    assert scheduler.run()[5].tolist() == [1, 1, 1, 1, 4, 8, 6, 2, 4]
    assert len(shapes) == steps


def test_an_eos_ends_its_own_request_alone() -> None:
    scheduler = Scheduler(counts_up, 2)
    for prompt, eos in (([8, 0], 3), ([1], 0), ([3, 2], None), ([9], 0)):
        scheduler.submit(np.array(prompt), 4, eos)
    texts = [text.tolist() for text in scheduler.run().values()]
    assert texts == [[8, 0, 1, 2, 3], [1, 2, 3, 4, 5], [3, 2, 3, 4, 5, 6], [9, 0]]


def test_nothing_to_do_nothing_wanted_and_what_is_refused() -> None:
    def never(ids: Ints, lengths: Ints) -> Floats:
        raise AssertionError

    scheduler = Scheduler(never, 1)
    assert scheduler.step() == {}
    assert scheduler.run() == {}
    with pytest.raises(ValueError, match="empty"):
        scheduler.submit(np.array([], dtype=np.int64), 3)
    assert scheduler.submit(np.array([4, 5], dtype=np.int32), 0) == 0
    assert scheduler.step() == {}
    text = scheduler.run()[0]
    assert (text.tolist(), text.dtype) == ([4, 5], np.int64)
    for slots in (0, -2):
        with pytest.raises(ValueError, match="at least one"):
            Scheduler(never, slots)


def test_a_prompt_may_be_overwritten_and_a_text_written_into() -> None:
    scheduler, prompt = Scheduler(counts_up, 1), np.array([1, 2])
    scheduler.submit(prompt, 2)
    prompt[:] = 7
    scheduler.run()[0][:] = 9
    assert scheduler.run()[0].tolist() == [1, 2, 3, 4]


def test_continuous_batching_takes_the_steps_of_the_figure() -> None:
    from solutions.figures.vol3_inference.batching import LENGTHS, SLOTS, continuous

    scheduler = Scheduler(counts_up, SLOTS)
    for most in LENGTHS:
        scheduler.submit(np.array([1]), most)
    table = trace(scheduler, SLOTS).split("\n")
    drawn = [["."] * 9 for _ in range(SLOTS)]
    for request, slot, start in continuous():
        drawn[slot][start : start + LENGTHS[request]] = [str(request)] * LENGTHS[request]
    assert [line.split()[2:] for line in table[1:-1]] == drawn
    assert table[-1] == "23 tokens in 9 steps of 3 slots"


def test_a_trace_shows_arrivals_gaps_and_too_many_rows() -> None:
    table = trace(Scheduler(counts_up, 2), 2, {0: [(np.array([1]), 1, None)], 2: [(X, 2, None)]})
    assert table.split("\n") == [
        "step      0   1   2   3",
        "slot  0   0   .   1   1",
        "slot  1   .   .   .   .",
        "3 tokens in 4 steps of 2 slots",
    ]
    crowded = trace(Scheduler(counts_up, 3), 2, {0: [(X, 1, None)] * 3})
    assert crowded.split("\n")[3] == "slot  2   2"


X = np.array([4, 2])


def test_the_handout_shows_code_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(batching.__file__).read_text(encoding="utf-8")
    (block,) = re.findall(r"^# ```python\n(.*?)^# ```", page, re.M | re.S)
    code = re.sub(r"^# ?", "", block, flags=re.M)
    of = {m.__name__.rpartition(".")[2]: m for m in (llama, multi_head, *MODULES)}

    def mine(slug: str) -> Any:
        return SimpleNamespace(**vars(of[slug.removeprefix("vol1_numpy/")]))

    code = code.replace("from autograder.selfcheck import mine\n", "")
    exec(code, {**vars(batching), "mine": mine})
    said = capsys.readouterr().out.split("\n")
    assert sum(line.endswith("True") for line in said) == 5
    assert not any(line.endswith("False") for line in said)


MODULES = attention, rmsnorm, rope, softmax, swiglu
