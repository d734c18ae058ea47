"""Prefill and decode against numbers worked by hand, the model without a cache, and PyTorch's."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.llama import init_params, llama
from solutions.vol1_numpy.multi_head import Config
from solutions.vol3_inference.generate import generate
from solutions.vol3_inference.kv_cache import Int8KVCache, KVCache, SlidingKVCache
from solutions.vol3_inference.prefill import decode, prefill

CONFIG = Config(11, 24, 3, 6, 2, 16, 32, rope_theta=30.0)
TIED = Config(11, 24, 2, 6, 1, 16, 32, rope_theta=30.0, tied=True)


def model(config: Config) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {n: w + 0.3 * rng.standard_normal(w.shape) for n, w in init_params(config, rng).items()}


def room(config: Config, B: int, T: int, kind: Any = KVCache) -> Any:
    d_head = config.d_model // config.n_heads
    return kind(config.n_layers, B, config.n_kv_heads, T, d_head)


def drawn(B: int, T: int) -> NDArray[np.int64]:
    return np.random.default_rng(T).integers(0, 11, size=(B, T))


def test_a_model_of_one_head_worked_by_hand() -> None:
    config = Config(3, 2, 1, 1, 1, 1, 8, rope_theta=1.0, norm_eps=0.0)
    zeros, ones = np.zeros((2, 2)), np.ones(2)
    params = {"embedding": np.array([[1.0, 7.0], [7.0, -1.0], [4.0, 4.0]]), "final_norm": ones}
    block = {"attn_norm": 5 * ones, "w_q": zeros, "w_k": np.eye(2), "w_v": np.eye(2)}
    block |= {"w_o": 2 * np.eye(2), "mlp_norm": ones, "w_gate": np.zeros((2, 1))}
    block |= {"w_up": np.zeros((2, 1)), "w_down": np.zeros((1, 2))}
    params |= {f"blocks.0.{name}": w for name, w in block.items()}
    params["head"] = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    cache = room(config, 1, 2)
    # Normed by 5: (1, 7) with itself twice on top is (3, 21), of root mean square 15.
    np.testing.assert_allclose(
        prefill(params, config, cache, np.array([[0]])), [[0.2, 1.4, 1.6]], rtol=1e-14
    )
    # (7, -1) and twice the mean of (1, 7) and (7, -1), which is (4, 3): (15, 5).
    want = np.array([[15.0, 5.0, 20.0]]) / 125**0.5
    np.testing.assert_allclose(decode(params, config, cache, np.array([1])), want, rtol=1e-14)
    with pytest.raises(ValueError, match="do not fit"):
        decode(params, config, cache, np.array([2]))


@pytest.mark.parametrize("config", [CONFIG, TIED])
@pytest.mark.parametrize("chunk", [None, 1, 2, 5, 9, 40])
def test_pieces_and_single_tokens_are_the_model_without_a_cache(
    config: Config, chunk: int | None
) -> None:
    params, tokens, cache = model(config), drawn(3, 12), room(config, 3, 12)
    want, _ = llama(params, tokens, config)
    got = [prefill(params, config, cache, tokens[:, :9], chunk)]
    got += [decode(params, config, cache, tokens[:, t]) for t in range(9, 12)]
    np.testing.assert_allclose(np.stack(got, axis=1), want[:, 8:], rtol=0, atol=1e-13)
    assert cache.length == 12


def test_a_cached_answer_is_the_uncached_one() -> None:
    params, prompt, cache = model(CONFIG), drawn(2, 5), room(CONFIG, 2, 20)
    want = generate(lambda ids: llama(params, ids, CONFIG)[0], prompt, 12)
    text, logits = [prompt], prefill(params, CONFIG, cache, prompt, 3)
    for _ in range(12):
        text.append(logits.argmax(axis=-1)[:, np.newaxis])
        logits = decode(params, CONFIG, cache, text[-1][:, 0])
    assert np.array_equal(np.concatenate(text, axis=1), want)


def test_the_logits_are_those_of_the_pytorch_model() -> None:
    torch = pytest.importorskip("torch")
    from solutions.vol2_pytorch.modules import Llama, load_numpy

    params, tokens, cache = model(CONFIG), drawn(2, 10), room(CONFIG, 2, 10)
    theirs = Llama(CONFIG).double()  # type: ignore[arg-type]
    load_numpy(theirs, params)
    with torch.no_grad():
        want = theirs(torch.from_numpy(tokens)).numpy()
    got = prefill(params, CONFIG, cache, tokens[:, :8], 3)
    np.testing.assert_allclose(got, want[:, 7], rtol=0, atol=1e-12)
    got = decode(params, CONFIG, cache, tokens[:, 8])
    np.testing.assert_allclose(got, want[:, 8], rtol=0, atol=1e-12)


def test_rounded_keys_move_the_logits_a_little() -> None:
    params, tokens = model(CONFIG), drawn(2, 10)
    exact, rounded = (
        prefill(params, CONFIG, room(CONFIG, 2, 10, kind), tokens, 4)
        for kind in (KVCache, Int8KVCache)
    )
    assert 1e-6 < np.abs(exact - rounded).max() < 0.05 * np.abs(exact).max()


class Window:
    """A sliding cache without the positions, which one query does not need."""

    def __init__(self, cache: SlidingKVCache) -> None:
        self.cache = cache

    @property
    def length(self) -> int:
        return self.cache.length

    def append(self, layer: int, k: Any, v: Any) -> Any:
        return self.cache.append(layer, k, v)[:2]


def test_single_tokens_are_exact_with_a_window_and_longer_pieces_are_not() -> None:
    """What the handout says of a window; the second layer brings it to the last token."""
    config = Config(11, 24, 2, 6, 2, 16, 32, rope_theta=30.0)
    params, tokens = model(config), drawn(2, 10)
    single, pieces = (Window(room(config, 2, 4, SlidingKVCache)) for _ in range(2))
    exact = prefill(params, config, single, tokens, 1)
    # Through two layers of windows token 9 sees the tokens 3 to 9, and distances alone count.
    again = prefill(params, config, Window(room(config, 2, 4, SlidingKVCache)), tokens[:, 3:], 1)
    np.testing.assert_allclose(exact, again, rtol=0, atol=1e-13)
    in_pieces = prefill(params, config, pieces, tokens, 3)
    assert np.abs(in_pieces - exact).max() > 1e-3


@pytest.mark.parametrize("chunk", [0, -1, -12])
def test_what_cannot_be_read_is_refused_and_nothing_is_stored(chunk: int) -> None:
    params, cache = model(CONFIG), room(CONFIG, 1, 12)
    for tokens, size in ((drawn(1, 12), chunk), (drawn(1, 12)[:, :0], None)):
        with pytest.raises(ValueError, match="at least 1"):
            prefill(params, CONFIG, cache, tokens, size)
        assert cache.lengths == [0, 0, 0]
