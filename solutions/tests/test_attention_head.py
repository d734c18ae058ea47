"""One attention head against numbers worked out by hand, properties, and PyTorch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.attention import attention
from solutions.vol1_numpy.attention_head import attention_head, attention_head_backward

Floats = NDArray[np.floating[Any]]
SHAPES = [(2, 5, 6, 4), (3, 4, 4, 4), (1, 1, 3, 2), (2, 6, 3, 1)]  # B, T, d_model, d_head


def drawn(B: int, T: int, d_model: int, d_head: int) -> tuple[Floats, ...]:
    """dout, x and the three weights."""
    rng = np.random.default_rng(10 * T + d_head)
    dout, x = rng.standard_normal((B, T, d_head)), rng.standard_normal((B, T, d_model))
    w_q, w_k, w_v = rng.standard_normal((3, d_model, d_head))
    return dout, x, w_q, w_k, w_v


def test_two_tokens_by_hand() -> None:
    # Width 1, so no scale. Token 2 weighs the tokens by e^0 = 1 and e^log(4) = 4.
    x = np.array([[[0.0, 10.0], [1.0, 20.0]]])
    w_q, w_k, w_v = np.array([[[np.log(4.0)], [0.0]], [[1.0], [0.0]], [[0.0], [1.0]]])
    np.testing.assert_allclose(attention_head(x, w_q, w_k, w_v), [[[10.0], [18.0]]])
    np.testing.assert_allclose(attention_head(x, w_q, w_k, w_v, False), [[[15.0], [18.0]]])
    # dprobs is (10, 20), its mean 18, dscores (-1.6, 1.6): token 2 has key 1, query log 4.
    dx, dw_q, dw_k, dw_v = attention_head_backward(np.array([[[0.0], [1.0]]]), x, w_q, w_k, w_v)
    log4 = np.log(4.0)
    np.testing.assert_allclose(dx, [[[-1.6 * log4, 0.2], [3.2 * log4, 0.8]]])
    np.testing.assert_allclose(dw_q, [[1.6], [32.0]])
    np.testing.assert_allclose(dw_k, [[1.6 * log4], [16.0 * log4]])
    np.testing.assert_allclose(dw_v, [[0.8], [18.0]])


@pytest.mark.parametrize("causal", [True, False])
def test_it_is_attention_with_one_head(causal: bool) -> None:
    _, x, w_q, w_k, w_v = drawn(2, 5, 6, 4)
    q, k, v = ((x @ w)[:, np.newaxis] for w in (w_q, w_k, w_v))
    want = attention(q, k, v, causal)[:, 0]
    np.testing.assert_allclose(attention_head(x, w_q, w_k, w_v, causal), want, rtol=0, atol=1e-14)


def test_the_gradient_of_the_first_output_stays_at_the_first_token() -> None:
    dout, x, *weights = drawn(2, 5, 6, 4)
    dout[:, 1:] = 0.0
    dx, dw_q, dw_k, _ = attention_head_backward(dout, x, *weights)
    assert not dx[:, 1:].any() and not dw_q.any() and not dw_k.any()
    np.testing.assert_allclose(dx[:, 0], dout[:, 0] @ weights[2].T)


def test_float32_stays_float32() -> None:
    dout, x, *weights = (a.astype(np.float32) for a in drawn(2, 5, 6, 4))
    results = [attention_head(x, *weights), *attention_head_backward(dout, x, *weights)]
    assert {str(r.dtype) for r in results} == {"float32"}


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pytorch_agrees(shape: tuple[int, int, int, int], causal: bool) -> None:
    torch = pytest.importorskip("torch")
    dout, *inputs = drawn(*shape)
    x, w_q, w_k, w_v = tensors = [torch.tensor(a, requires_grad=True) for a in inputs]
    want = torch.nn.functional.scaled_dot_product_attention(
        x @ w_q, x @ w_k, x @ w_v, is_causal=causal
    )
    want.backward(torch.tensor(dout))
    got = attention_head(*inputs, causal)
    np.testing.assert_allclose(got, want.detach().numpy(), rtol=0, atol=1e-10)
    gradients = attention_head_backward(dout, *inputs, causal)
    for gradient, tensor in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=0, atol=1e-10)
