"""Training against steps worked out by hand, properties, and PyTorch."""

import math
from typing import Any

import numpy as np
import pytest

from solutions.vol1_numpy import training
from solutions.vol1_numpy.llama import init_params, llama, loss_and_grads
from solutions.vol1_numpy.multi_head import Config
from solutions.vol1_numpy.training import BATCH, MAX_LR, MIN_LR, held_out_loss, tell, train
from starter_code.given.stories import load


def small(seed: int = 0) -> tuple[Config, dict[str, Any], Any]:
    config = Config(6, 8, 2, 2, 1, 10, 5)
    rng = np.random.default_rng(seed)
    return config, init_params(config, rng), rng.integers(0, 6, size=(50, 6))


def test_a_first_step_moves_each_number_by_the_rate_and_decays() -> None:
    config, params, data = small()
    params["final_norm"] = np.zeros(8)  # so that nothing else has a gradient
    trained, losses = train(params, data, config, 1, np.random.default_rng(0))
    assert losses == pytest.approx([math.log(6)])
    np.testing.assert_allclose(np.abs(trained["final_norm"]), MIN_LR, rtol=1e-3)
    np.testing.assert_allclose(trained["head"], params["head"] * (1 - 0.1 * MIN_LR))


def test_no_step_changes_nothing() -> None:
    config, params, data = small()
    trained, losses = train(params, data, config, 0, np.random.default_rng(0))
    assert losses == [] and all(np.array_equal(trained[n], w) for n, w in params.items())
    assert not any(np.shares_memory(trained[n], w) for n, w in params.items())


def test_the_future_changes_no_logit_of_a_trained_model() -> None:
    config, params, data = small()
    trained, _ = train(params, data, config, 10, np.random.default_rng(0))
    ids = data[:, :-1]
    other = ids.copy()
    other[:, 3:] = (other[:, 3:] + 1) % 6
    before, after = (llama(trained, i, config)[0][:, :3] for i in (ids, other))
    np.testing.assert_allclose(after, before, rtol=1e-12)


def test_it_is_what_pytorch_s_optimizer_does() -> None:
    torch = pytest.importorskip("torch")
    config, params, data = small()
    steps, rng = 23, np.random.default_rng(5)
    trained, losses = train(params, data, config, steps, np.random.default_rng(5))
    tensors = {name: torch.nn.Parameter(torch.tensor(w)) for name, w in params.items()}
    optimizer = torch.optim.AdamW(tensors.values(), betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(1, steps + 1):
        rows = data[rng.integers(50, size=BATCH)]
        now = {name: t.detach().numpy() for name, t in tensors.items()}
        loss, grads = loss_and_grads(now, rows[:, :-1], rows[:, 1:], config)
        assert loss == pytest.approx(losses[step - 1], rel=1e-6)
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[name])
        torch.nn.utils.clip_grad_norm_(tensors.values(), 1.0)
        done = (step - 2) / (steps - 2)
        cosine = MIN_LR + (MAX_LR - MIN_LR) * (1 + math.cos(math.pi * done)) / 2
        optimizer.param_groups[0]["lr"] = MAX_LR / 2 if step == 1 else cosine
        optimizer.step()
    for name, tensor in tensors.items():
        np.testing.assert_allclose(trained[name], tensor.detach().numpy(), rtol=1e-3, atol=1e-5)


def test_a_model_learns_the_stories_and_tells_them() -> None:
    corpus = load("small", 24)
    config = Config(len(corpus.vocabulary), 32, 1, 4, 2, 64, 24)
    rng = np.random.default_rng(0)
    params, losses = train(init_params(config, rng), corpus.train, config, 120, rng)
    assert abs(losses[0] - math.log(len(corpus.vocabulary))) < 0.1
    assert corpus.floor - 0.05 < held_out_loss(params, corpus.held_out, config) < 1.1
    story = tell(params, config, corpus, rng)
    assert set(story.split()) <= set(corpus.vocabulary) and " has " in story


def test_few_rows_are_learned_by_heart() -> None:
    corpus = load("small", 8)
    config = Config(len(corpus.vocabulary), 16, 1, 2, 2, 32, 8)
    rng = np.random.default_rng(0)
    _, losses = train(init_params(config, rng), corpus.train[:2], config, 150, rng)
    assert losses[-1] < 0.25 < corpus.floor, "below the floor: not learned, but remembered"


def test_the_settings_are_those_of_the_handout() -> None:
    assert (training.BETAS, training.EPS, training.WEIGHT_DECAY) == ((0.9, 0.95), 1e-8, 0.1)
    assert training.MAX_NORM == 1.0
