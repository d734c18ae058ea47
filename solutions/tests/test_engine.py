"""The fast engines compute what the model of Volume 1 computes, however the tokens come in."""

import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from solutions.benchmarks.engine import save_random
from solutions.benchmarks.gguf import save_gguf
from solutions.engine import int8, numpy_engine, torch_engine
from solutions.vol1_numpy.llama import init_params, llama
from solutions.vol1_numpy.multi_head import Config
from solutions.vol3_inference.kv_cache_generation import Model, load_checkpoint

Make = Callable[[Any], Any]
ENGINES: dict[str, Make] = {
    "numpy": numpy_engine.Engine,
    "torch": torch_engine.Engine,
    "tiles": lambda model: numpy_engine.Engine(model, int8.by_tiles),
    "digits": lambda model: numpy_engine.Engine(model, int8.by_digits),
}
EXACT = ("numpy", "torch")
GROUPED = Config(31, 24, 3, 6, 2, 40, 32, rope_theta=500.0, norm_eps=1e-3)
TIED = dataclasses.replace(GROUPED, n_kv_heads=6, tied=True)


def model(config: Config = GROUPED, dtype: Any = np.float64) -> Model:
    """A model whose gains are not one and whose weights are large enough to matter."""
    rng = np.random.default_rng(5)
    params = init_params(config, rng)
    for name, w in params.items():
        w *= 1 if w.ndim == 1 else 10
        params[name] = (w + 0.1 * rng.standard_normal(w.shape)).astype(dtype)
    return Model(config, params)


def close(got: Any, want: Any, rtol: float) -> bool:
    return got.shape == want.shape and bool(np.abs(got - want).max() <= rtol * np.abs(want).max())


@pytest.mark.parametrize("config", [GROUPED, TIED])
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 5e-6)])
@pytest.mark.parametrize("pieces", [(20,), (1,) * 20, (7, 1, 1, 8, 3)])
def test_logits_are_those_of_volume_1_however_tokens_come(
    config: Config, name: str, dtype: Any, rtol: float, pieces: tuple[int, ...]
) -> None:
    single = model(config, dtype)
    wide = {name: w.astype(np.float64) for name, w in single.params.items()}
    ids = np.random.default_rng(1).integers(0, config.vocab_size, (3, 20))
    want, _ = llama(wide, ids, config)
    engine, stops = ENGINES[name](single), np.cumsum(pieces)
    parts = [
        engine.forward(ids[:, a:b]) for a, b in zip([0, *stops[:-1]], stops.tolist(), strict=True)
    ]
    got = np.concatenate(parts, axis=1)
    assert got.dtype == dtype and close(got, want, rtol)
    d_head = config.d_model // config.n_heads
    numbers = 2 * config.n_layers * 3 * config.n_kv_heads * 20 * d_head
    assert engine.cache_nbytes == numbers * np.dtype(dtype).itemsize


@pytest.mark.parametrize("name", ["tiles", "digits"])
def test_int8_is_exact_where_the_weights_are_what_int8_holds(tmp_path: Path, name: str) -> None:
    save_random(tmp_path, (40, 32, 2, 4, 4, 48, 32))
    loaded = load_checkpoint(tmp_path)
    ids = np.random.default_rng(1).integers(0, 40, (2, 20))
    wide = {name: w.astype(np.float64) for name, w in loaded.params.items()}
    want, _ = llama(wide, ids, loaded.config)
    engine = ENGINES[name](loaded)
    got = np.concatenate([engine.forward(ids[:, :12]), engine.forward(ids[:, 12:])], axis=1)
    # 16 bits of a row are left where its digits are integers; a wrong low digit costs 4e-3.
    assert close(got, want, 5e-6 if name == "tiles" else 5e-4)


@pytest.mark.parametrize("name", ["tiles", "digits"])
def test_int8_is_near_where_they_are_not(name: str) -> None:
    single = model(dtype=np.float32)
    ids = np.random.default_rng(1).integers(0, 31, (2, 9))
    want, _ = llama(single.params, ids, single.config)
    got = ENGINES[name](single).forward(ids)
    assert close(got, want, 0.05) and not close(got, want, 1e-4)


def test_products_of_integers_take_rows_of_zeros_and_of_very_different_sizes() -> None:
    from solutions.engine.shelf import Shelf

    rng = np.random.default_rng(0)
    w = np.rint(rng.uniform(-127, 127, (300, 50))).astype(np.float32)
    w[0] = 127.0  # so that the scale of every output is one
    x = rng.standard_normal((4, 300)).astype(np.float32) * np.float32([[0], [1e-6], [1], [1e6]])
    out = np.empty((4, 50), np.float32)
    int8.by_digits(w, Shelf(w.nbytes, 1))(x, out)
    want = x.astype(np.float64) @ w
    assert np.all(out[0] == 0.0)
    for got, row in zip(out[1:], want[1:], strict=True):
        assert close(got, row, 2e-4)


@pytest.mark.parametrize("name", EXACT)
def test_greedy_generation_is_the_argmax_of_the_whole_text_every_time(name: str) -> None:
    given = model()
    prompt = np.random.default_rng(2).integers(0, 31, (2, 5))
    engine = ENGINES[name](given)
    got, ids = engine.generate(prompt, 12), prompt
    for _ in range(12):
        logits, _ = llama(given.params, ids, given.config)
        ids = np.concatenate([ids, logits[:, -1:].argmax(axis=-1)], axis=1)
    assert got.dtype == prompt.dtype and got.tolist() == ids.tolist()
    assert engine.generate(prompt, 12).tolist() == ids.tolist()  # it begins anew
    assert np.stack(list(engine.stream(prompt, 12)), axis=1).tolist() == ids[:, 5:].tolist()
    assert engine.generate(prompt, 0).tolist() == prompt.tolist()


@pytest.mark.parametrize("name", EXACT)
def test_a_row_that_is_finished_repeats_eos_and_the_end_is_when_all_are(name: str) -> None:
    engine = ENGINES[name](model())
    prompt = np.random.default_rng(2).integers(0, 31, (2, 5))
    free = engine.generate(prompt, 12)[:, 5:]
    eos = next(int(t) for t in free[0] if t not in free[1])
    got = engine.generate(prompt, 12, eos=eos)[:, 5:]
    end = free[0].tolist().index(eos)
    assert got[0, : end + 1].tolist() == free[0, : end + 1].tolist()
    assert set(got[0, end:].tolist()) == {eos} and got[1].tolist() == free[1].tolist()
    assert engine.generate(prompt[:1], 12, eos=eos).shape == (1, 5 + end + 1)


def test_sampling_draws_one_number_per_row_and_column() -> None:
    engine = numpy_engine.Engine(model())
    prompt, rng = np.array([[1, 2], [3, 4]]), np.random.default_rng(0)
    engine.generate(prompt, 6, temperature=1.0, rng=rng)
    other = np.random.default_rng(0)
    other.random((6, 2))
    assert rng.random() == other.random()


@pytest.mark.parametrize("name", EXACT)
def test_what_cannot_be_read_is_refused_and_changes_nothing(name: str) -> None:
    engine = ENGINES[name](model())
    ids = np.arange(30)[np.newaxis] % 31
    before = engine.forward(ids[:, :10])[:, -1]
    for tokens, said in (
        (ids[:, :23], r"10 \+ 23 tokens are more than max_T = 32"),
        (np.array([[31]]), "an id is outside the vocabulary of 31"),
        (np.array([[-1]]), "an id is outside the vocabulary of 31"),
        (np.array([[1], [2]]), "2 sequences do not continue 1; reset first"),
    ):
        with pytest.raises(ValueError, match=said):
            engine.forward(tokens)
    assert engine.length == 10
    with pytest.raises(ValueError, match="the prompt is empty"):
        engine.generate(np.empty((1, 0), np.int64), 3)
    engine.reset()
    assert engine.cache_nbytes == 0
    assert np.array_equal(engine.forward(ids[:, :10])[:, -1], before)
    engine.reset()
    assert engine.forward(np.array([[1], [2]])).shape == (2, 1, 31)


@pytest.mark.parametrize("name", EXACT)
def test_results_do_not_change_later_and_inputs_may_be_read_only(name: str) -> None:
    engine = ENGINES[name](model())
    ids = np.asfortranarray(np.random.default_rng(3).integers(0, 31, (2, 8)))
    ids.flags.writeable = False
    first = engine.forward(ids[:, ::2])
    copy = first.copy()
    engine.forward(ids[:, 1::2])
    assert np.array_equal(first, copy)


def test_transformers_gives_the_same_logits_and_tokens(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    import torch

    save_random(tmp_path, (40, 32, 2, 4, 2, 48, 64))
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path, local_files_only=True)
    prompt = np.random.default_rng(4).integers(0, 40, (1, 5))
    ids = torch.from_numpy(prompt)
    want = theirs.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False, pad_token_id=0
    )
    with torch.no_grad():
        logits = theirs(want).logits.numpy()
    for make in ENGINES.values():
        engine = make(load_checkpoint(tmp_path))
        assert engine.generate(prompt, 20).tolist() == want.tolist()
        engine.reset()
        assert close(engine.forward(want.numpy()), logits, 5e-4)


def test_what_is_no_llama_is_refused_with_a_sentence(tmp_path: Path) -> None:
    save_random(tmp_path, (40, 32, 2, 4, 2, 48, 64))
    text = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"num_hidden_layers": 2', _THREE))
    with pytest.raises(ValueError, match=r"model\.layers\.2\.input_layernorm\.weight is missing"):
        load_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text(text.replace('"model_type": "llama"', _OTHER))
    with pytest.raises(ValueError, match="asks for model_type = gpt2, which we do not have"):
        load_checkpoint(tmp_path)


_THREE, _OTHER = '"num_hidden_layers": 3', '"model_type": "gpt2"'


@pytest.mark.parametrize("config", [GROUPED, TIED])
def test_a_gguf_file_holds_every_tensor_where_its_head_says(tmp_path: Path, config: Config) -> None:
    given = model(config, np.float32)
    save_gguf(given, tmp_path / "m.gguf")
    data = (tmp_path / "m.gguf").read_bytes()
    magic, version, tensors, values = struct.unpack_from("<4sIQQ", data)
    assert (magic, version, tensors) == (b"GGUF", 3, len(given.params))
    at = 24

    def take(form: str) -> Any:
        nonlocal at
        found = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return found if len(found) > 1 else found[0]

    def text() -> str:
        return take(f"{take('Q')}s").decode()

    said = {}
    for _ in range(values):
        key, kind = text(), take("I")
        said[key] = text() if kind == 8 else take("f" if kind == 6 else "I")
    assert said["llama.attention.head_count_kv"] == config.n_kv_heads
    assert said["llama.rope.freq_base"] == 500.0
    infos = {}
    for _ in range(tensors):
        name, n_axes = text(), take("I")
        shape = [take("Q") for _ in range(n_axes)]
        infos[name] = (shape, *take("IQ"))
    start = -(-at // 32) * 32
    wanted = {"token_embd": given.params["embedding"], "blk.2.ffn_down": _rows_of(given, "w_down")}
    wanted |= {"blk.2.attn_k": _rows_of(given, "w_k"), "output_norm": given.params["final_norm"]}
    for name, w in wanted.items():
        shape, kind, offset = infos[f"{name}.weight"]
        assert shape == list(w.shape[::-1]) and kind == 0 and offset % 32 == 0
        held = np.frombuffer(data, "<f4", w.size, start + offset).reshape(w.shape)
        assert np.array_equal(held, w)
    assert ("output.weight" in infos) is not config.tied


def _rows_of(given: Model, name: str) -> Any:
    return given.params[f"blocks.2.{name}"].T
