"""The whole model against numbers worked out by hand, properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.llama import (
    count_params,
    init_params,
    llama,
    loss_and_grads,
    swiglu_rms,
)
from solutions.vol1_numpy.multi_head import Config
from solutions.vol1_numpy.swiglu import swiglu

Floats = NDArray[np.floating[Any]]
# n_layers, n_heads, n_kv_heads, tied
MODELS = [(1, 4, 4, False), (3, 6, 2, False), (2, 4, 1, True), (3, 6, 3, True)]


def drawn(n_layers: int, n_heads: int, n_kv_heads: int, tied: bool) -> tuple[Any, ...]:
    """A config with heads of width 4, parameters near size 1, ids and targets."""
    sizes = (11, 4 * n_heads, n_layers, n_heads, n_kv_heads, 10, 8)
    config = Config(*sizes, rope_theta=30.0, norm_eps=0.01, tied=tied)
    rng = np.random.default_rng(n_layers + 10 * n_heads)
    params = {
        name: rng.uniform(0.5, 2.0, w.shape) if w.ndim == 1 else 10.0 * w
        for name, w in init_params(config, rng).items()
    }
    ids, targets = rng.integers(0, 11, size=(2, 3, 5))
    targets[1, 2:4] = -100
    return config, params, ids, targets


def test_without_blocks_it_is_a_table_a_norm_and_a_head() -> None:
    config = Config(2, 2, 0, 1, 1, 1, 4, norm_eps=0.0)
    params = {"embedding": np.array([[1.0, 7.0], [7.0, -1.0]]), "final_norm": np.array([5.0, 5.0])}
    params["head"] = np.array([[1.0, 0.5], [0.0, 1.0]])
    logits, _ = llama(params, np.array([[1, 0]]), config)
    np.testing.assert_allclose(logits, [[[7.0, 2.5], [1.0, 7.5]]])
    loss, grads = loss_and_grads(params, np.array([[1, 0]]), np.array([[0, 1]]), config)
    np.testing.assert_allclose(loss, (np.log1p(np.exp(-4.5)) + np.log1p(np.exp(-6.5))) / 2)
    assert set(grads) == set(params)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_count_is_that_of_the_arrays(model: tuple[int, int, int, bool]) -> None:
    config, params, _, _ = drawn(*model)
    assert count_params(config) == sum(w.size for w in params.values())


@pytest.mark.parametrize("tied", [False, True])
def test_the_first_loss_is_near_that_of_guessing(tied: bool) -> None:
    config = Config(50, 32, 4, 4, 2, 80, 16, tied=tied)
    rng = np.random.default_rng(0)
    ids, targets = rng.integers(0, 50, size=(2, 4, 16))
    loss, _ = loss_and_grads(init_params(config, rng), ids, targets, config)
    assert abs(loss - np.log(50)) < 0.05


def test_xavier_does_for_every_width_what_0_02_does_for_none() -> None:
    widths = [(64, 172), (768, 2048), (4096, 11008)]
    xavier = [swiglu_rms(d, f, (2 / (d + f)) ** 0.5) for d, f in widths]
    fixed = [swiglu_rms(d, f, 0.02) for d, f in widths]
    np.testing.assert_allclose(xavier, 0.372, rtol=0.01)
    np.testing.assert_allclose(fixed, [0.00339, 0.151, 2.14], rtol=0.01)


def test_the_size_of_the_output_of_swiglu_is_that_of_weights_that_are_drawn() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 256))
    weights = [rng.normal(0.0, 0.05, shape) for shape in [(256, 688), (256, 688), (688, 256)]]
    rms = float((swiglu(x, *weights) ** 2).mean() ** 0.5)
    assert abs(swiglu_rms(256, 688, 0.05) / rms - 1.0) < 0.03


def test_float32_stays_float32() -> None:
    config, params, ids, targets = drawn(*MODELS[1])
    single = {name: w.astype(np.float32) for name, w in params.items()}
    _, grads = loss_and_grads(single, ids, targets, config)
    assert {str(d.dtype) for d in (llama(single, ids, config)[0], *grads.values())} == {"float32"}


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_pytorch_agrees(model: tuple[int, int, int, bool]) -> None:
    torch = pytest.importorskip("torch")
    config, params, ids, targets = drawn(*model)
    p = {name: torch.tensor(w, requires_grad=True) for name, w in params.items()}
    F = torch.nn.functional

    def norm(a: Any, gain: Any) -> Any:
        return F.rms_norm(a, a.shape[-1:], gain, config.norm_eps)

    def turned(a: Any) -> Any:
        frequencies = config.rope_theta ** (-torch.arange(0, 4, 2).double() / 4)
        angles = torch.arange(ids.shape[1]).double()[:, None, None] * frequencies
        pairs = torch.view_as_complex(a.unflatten(-1, (-1, 2)).contiguous())
        turns = torch.polar(torch.ones_like(angles), angles)
        return torch.view_as_real(pairs * turns).flatten(-2)

    x = F.embedding(torch.tensor(ids), p["embedding"])
    for i in range(config.n_layers):
        w = {name.split(".")[2]: p[name] for name in p if name.startswith(f"blocks.{i}.")}
        a = norm(x, w["attn_norm"])
        q, k, v = ((a @ w[n]).unflatten(-1, (-1, 4)) for n in ("w_q", "w_k", "w_v"))
        q, k, v = (b.transpose(1, 2) for b in (turned(q), turned(k), v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + mixed.transpose(1, 2).flatten(-2) @ w["w_o"]
        a = norm(x, w["mlp_norm"])
        x = x + (F.silu(a @ w["w_gate"]) * (a @ w["w_up"])) @ w["w_down"]
    head = p["embedding"].T if config.tied else p["head"]
    want = norm(x, p["final_norm"]) @ head
    want_loss = F.cross_entropy(want.flatten(0, 1), torch.tensor(targets).flatten())
    want_loss.backward()
    logits, _ = llama(params, ids, config)
    loss, grads = loss_and_grads(params, ids, targets, config)
    np.testing.assert_allclose(logits, want.detach().numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(loss, want_loss.item(), rtol=0, atol=1e-10)
    assert set(grads) == set(params)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, p[name].grad.numpy(), rtol=0, atol=1e-10)
