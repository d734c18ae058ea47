"""Blocks against numbers worked out by hand, properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.block import (
    block,
    block_backward,
    gradient_lengths,
    post_norm_block,
    post_norm_block_backward,
)
from solutions.vol1_numpy.multi_head import (
    Config,
    multi_head_attention,
    multi_head_attention_backward,
)
from solutions.vol1_numpy.rmsnorm import rmsnorm, rmsnorm_backward
from solutions.vol1_numpy.swiglu import swiglu, swiglu_backward

Floats = NDArray[np.floating[Any]]
HEADS = [(4, 4), (6, 2), (4, 1)]  # n_heads, n_kv_heads
BOTH = [(block, block_backward), (post_norm_block, post_norm_block_backward)]


def drawn(n_heads: int, n_kv_heads: int) -> tuple[Config, dict[str, Floats], Floats, Floats]:
    """A config with heads of width 4, parameters, and x and dout for 2 sequences of 5 tokens."""
    rng = np.random.default_rng(10 * n_heads + n_kv_heads)
    d, narrow = 4 * n_heads, 4 * n_kv_heads
    config = Config(7, d, 1, n_heads, n_kv_heads, 10, 32, rope_theta=30.0, norm_eps=0.01)
    shapes = {"w_q": (d, d), "w_k": (d, narrow), "w_v": (d, narrow), "w_o": (d, d)}
    shapes |= {"w_gate": (d, 10), "w_up": (d, 10), "w_down": (10, d)}
    params = {name: rng.standard_normal(s) / s[0] ** 0.5 for name, s in shapes.items()}
    params |= {name: rng.uniform(0.5, 2.0, d) for name in ("attn_norm", "mlp_norm")}
    return config, params, *rng.standard_normal((2, 2, 5, d))


def test_one_token_by_hand() -> None:
    # One token reads itself. Normalised, with its gain, it is (6, 8); half of that is added.
    config = Config(1, 2, 1, 1, 1, 1, 1, norm_eps=0.0)
    params = {"w_q": np.eye(2), "w_k": np.eye(2), "w_v": np.eye(2), "w_o": 0.5 * np.eye(2)}
    params |= {"w_gate": np.ones((2, 1)), "w_up": np.ones((2, 1)), "w_down": np.zeros((1, 2))}
    params |= {"attn_norm": np.full(2, 10.0 * 0.5**0.5), "mlp_norm": np.ones(2)}
    out, _ = block(np.array([[[3.0, 4.0]]]), params, config, np.arange(1))
    np.testing.assert_allclose(out, [[[6.0, 8.0]]])
    out, _ = post_norm_block(np.array([[[3.0, 4.0]]]), params, config, np.arange(1))
    np.testing.assert_allclose(out, [[[0.6 * 2**0.5, 0.8 * 2**0.5]]])


def test_a_long_stream_shortens_the_gradient_of_post_norm_only() -> None:
    config, params, x, dout = drawn(6, 2)
    x *= 1e6
    _, cache = block(x, params, config, np.arange(5))
    np.testing.assert_allclose(block_backward(dout, cache)[0], dout, rtol=0, atol=1e-4)
    _, cache = post_norm_block(x, params, config, np.arange(5))
    assert np.abs(post_norm_block_backward(dout, cache)[0]).max() < 1e-4


def test_depth_lengthens_gradients_by_a_power_in_pre_norm_and_faster_in_post_norm() -> None:
    depths = [1, 32]
    pre = [gradient_lengths(block, block_backward, depths, seed=s) for s in range(4)]
    post = [
        gradient_lengths(post_norm_block, post_norm_block_backward, depths, seed=s)
        for s in range(4)
    ]
    assert all(10.0 < deep / shallow < 60.0 for shallow, deep in pre)  # about the depth itself
    assert np.median([deep / shallow for shallow, deep in post]) > 100.0


@pytest.mark.parametrize("functions", BOTH, ids=["pre-norm", "post-norm"])
def test_float32_stays_float32(functions: tuple[Any, Any]) -> None:
    forward, backward = functions
    config, params, x, dout = drawn(6, 2)
    single = {name: w.astype(np.float32) for name, w in params.items()}
    out, cache = forward(x.astype(np.float32), single, config, np.arange(5))
    dx, dparams = backward(dout.astype(np.float32), cache)
    assert {str(a.dtype) for a in (out, dx, *dparams.values())} == {"float32"}


@pytest.mark.parametrize("heads", HEADS, ids=str)
@pytest.mark.parametrize("functions", BOTH, ids=["pre-norm", "post-norm"])
def test_pytorch_agrees(functions: tuple[Any, Any], heads: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    forward, backward = functions
    config, params, x, dout = drawn(*heads)
    positions = np.array([[0, 1, 2, 3, 4], [3, 4, 7, 8, 20]])
    tx = torch.tensor(x, requires_grad=True)
    p = {name: torch.tensor(w, requires_grad=True) for name, w in params.items()}
    F = torch.nn.functional

    def norm(a: Any, name: str) -> Any:
        return F.rms_norm(a, a.shape[-1:], p[name], config.norm_eps)

    def mlp(a: Any) -> Any:
        return (F.silu(a @ p["w_gate"]) * (a @ p["w_up"])) @ p["w_down"]

    def turned(a: Any) -> Any:
        frequencies = config.rope_theta ** (-torch.arange(0, 4, 2).double() / 4)
        angles = torch.tensor(positions)[:, :, None, None] * frequencies
        turns = torch.polar(torch.ones_like(angles), angles)
        pairs = torch.view_as_complex(a.unflatten(-1, (-1, 2)).contiguous())
        return torch.view_as_real(pairs * turns).flatten(-2)

    def attention(a: Any) -> Any:
        q, k, v = ((a @ p[n]).unflatten(-1, (-1, 4)) for n in ("w_q", "w_k", "w_v"))
        q, k, v = (b.transpose(1, 2) for b in (turned(q), turned(k), v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return mixed.transpose(1, 2).flatten(-2) @ p["w_o"]

    if forward is block:
        middle = tx + attention(norm(tx, "attn_norm"))
        want = middle + mlp(norm(middle, "mlp_norm"))
    else:
        middle = norm(tx + attention(tx), "attn_norm")
        want = norm(middle + mlp(middle), "mlp_norm")
    want.backward(torch.tensor(dout))
    out, cache = forward(x, params, config, positions)
    dx, dparams = backward(dout, cache)
    np.testing.assert_allclose(out, want.detach().numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(dx, tx.grad.numpy(), rtol=0, atol=1e-10)
    assert set(dparams) == set(params)
    for name, gradient in dparams.items():
        np.testing.assert_allclose(gradient, p[name].grad.numpy(), rtol=0, atol=1e-10)


def test_the_branches_that_block_keeps_change_no_gradient() -> None:
    config, params, x, dout = drawn(6, 2)
    out, cache = block(x, params, config, np.arange(5))
    dx, dparams = block_backward(dout, cache)
    weights = [params[name] for name in ("w_gate", "w_up", "w_down")]
    attended, back = multi_head_attention(
        rmsnorm(x, params["attn_norm"], config.norm_eps), params, config, np.arange(5)
    )
    middle = x + attended
    mlp_in = rmsnorm(middle, params["mlp_norm"], config.norm_eps)
    np.testing.assert_allclose(out, middle + swiglu(mlp_in, *weights), rtol=1e-13)
    dmlp_in, *dweights = swiglu_backward(dout, mlp_in, *weights)
    for name, want in zip(("w_gate", "w_up", "w_down"), dweights, strict=True):
        np.testing.assert_allclose(dparams[name], want, rtol=1e-12, atol=1e-13)
    dmiddle = dout + rmsnorm_backward(dmlp_in, middle, params["mlp_norm"], config.norm_eps)[0]
    dnormed, _ = multi_head_attention_backward(dmiddle, back)
    want = dmiddle + rmsnorm_backward(dnormed, x, params["attn_norm"], config.norm_eps)[0]
    np.testing.assert_allclose(dx, want, rtol=1e-12, atol=1e-13)
