"""The engine against the model without a cache, other people's code, and its own checkpoint."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.llama import init_params, llama
from solutions.vol1_numpy.multi_head import Config
from solutions.vol2_pytorch import bpe
from solutions.vol3_inference.generate import generate
from solutions.vol3_inference.kv_cache_generation import (
    Engine,
    answers,
    load_checkpoint,
    tell,
)
from starter_code.given.checkpoint import FOLDER, PATTERN, load_tokenizer, save_checkpoint

SIZES = {"vocab_size": 30, "d_model": 24, "n_layers": 3, "n_heads": 4, "d_ff": 20, "max_T": 40}


def drawn(n_kv_heads: int = 2, tied: bool = False, dtype: str = "float64") -> Any:
    """A model that was never trained, with larger weights than one begins with."""
    config = Config(**SIZES, n_kv_heads=n_kv_heads, rope_theta=300.0, norm_eps=1e-3, tied=tied)
    params = init_params(config, np.random.default_rng(n_kv_heads + tied))
    grown = {name: (w if w.ndim == 1 else 12 * w).astype(dtype) for name, w in params.items()}
    return SimpleNamespace(config=config, params=grown)


def ids_for(B: int, T: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(SIZES["vocab_size"], size=(B, T))


@pytest.mark.parametrize("n_kv_heads", [4, 2, 1])
@pytest.mark.parametrize("tied", [False, True])
def test_any_pieces_are_the_model_without_a_cache(n_kv_heads: int, tied: bool) -> None:
    model, ids = drawn(n_kv_heads, tied), ids_for(3, 17)
    want, _ = llama(model.params, ids, model.config)
    for cuts in ([0, 17], list(range(18)), [0, 5, 6, 12, 17]):
        engine = Engine(model)
        got = [engine.forward(ids[:, a:b]) for a, b in pairwise(cuts)]
        np.testing.assert_allclose(np.concatenate(got, axis=1), want, rtol=0, atol=1e-10)


def test_float32_errs_no_more_with_a_cache_than_without() -> None:
    model, ids = drawn(dtype="float32"), ids_for(2, 20)
    exact, _ = llama({n: w.astype(float) for n, w in model.params.items()}, ids, model.config)
    plain, _ = llama(model.params, ids, model.config)
    engine = Engine(model)
    got = np.concatenate([engine.forward(ids[:, t : t + 1]) for t in range(20)], axis=1)
    assert got.dtype == np.float32
    noise = np.abs(plain - exact).max()
    assert 0 < np.abs(got - exact).max() < 4 * noise
    assert engine.cache_nbytes == 2 * 3 * 2 * 2 * 20 * 6 * 4


def test_10_000_tokens_are_refused_or_generated() -> None:
    model = drawn()
    with pytest.raises(ValueError, match="do not fit"):
        Engine(model).generate(ids_for(1, 2), 10_000)
    sizes = {**SIZES, "d_model": 4, "n_layers": 1, "n_heads": 2, "d_ff": 4, "max_T": 10_001}
    config = Config(**sizes, n_kv_heads=1)
    tiny = SimpleNamespace(config=config, params=init_params(config, np.random.default_rng(0)))
    out = Engine(tiny).generate(ids_for(1, 2), 10_000)
    assert out.shape == (1, 10_002)


def test_greedy_and_drawn_texts_are_those_without_a_cache() -> None:
    model, prompt = drawn(), ids_for(4, 6)

    def plain(ids: Any) -> Any:
        return llama(model.params, ids, model.config)[0]

    want = generate(plain, prompt, 20)
    assert np.array_equal(Engine(model).generate(prompt, 20), want)
    eos = int(want[1, 9])
    assert np.array_equal(Engine(model).generate(prompt, 20, eos), generate(plain, prompt, 20, eos))
    first, second = (
        Engine(model).generate(prompt, 20, None, 1.0, 8, 0.9, np.random.default_rng(5))
        for _ in range(2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, want)


def test_prompts_of_any_lengths_are_answered_as_if_alone() -> None:
    engine = Engine(drawn())
    prompts = [ids_for(1, T, seed=T)[0].tolist() for T in (5, 2, 5, 9, 1)]
    found = answers(engine, prompts, 7, eos=3)
    for prompt, text in zip(prompts, found, strict=True):
        alone = engine.generate(np.array([prompt]), 7, eos=3)[0].tolist()
        assert text[: len(alone)] == alone
        assert set(text[len(alone) :]) <= {3}  # others of its length went on


# Checkpoints


def test_what_students_write_is_what_they_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from solutions.runs.hf import load_hf, save_hf
    from solutions.vol2_pytorch.modules import Config as TorchConfig
    from solutions.vol2_pytorch.modules import Llama

    for tied in (False, True):
        torch.manual_seed(0)
        model = Llama(TorchConfig(**SIZES, n_kv_heads=2, rope_theta=99.0, norm_eps=1e-4, tied=tied))
        tensors = {name: p.detach().numpy() for name, p in model.named_parameters()}
        save_checkpoint(tmp_path / "a", model.config, tensors, eos=3)
        save_hf(model, tmp_path / "b", eos=3)
        ours, theirs = (json.loads((tmp_path / n / "config.json").read_text()) for n in "ab")
        assert ours == theirs
        ids = torch.randint(30, (2, 11))
        with torch.no_grad():
            want = model(ids).numpy()
        assert torch.equal(load_hf(tmp_path / "a")(ids), model(ids))
        for name in "ab":
            got = Engine(load_checkpoint(tmp_path / name)).forward(ids.numpy())
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_the_tokenizer_that_students_write_is_that_of_the_checkpoint(tmp_path: Path) -> None:
    vocab, merges, eos = load_tokenizer(FOLDER)
    assert eos == 10
    model = drawn(dtype="float32")
    save_checkpoint(tmp_path, model.config, {}, vocab, merges, eos=7)
    written, there = (json.loads((f / "tokenizer.json").read_text()) for f in (tmp_path, FOLDER))
    assert written == there
    assert load_tokenizer(tmp_path) == (vocab, merges, 7)
    assert PATTERN == bpe.PATTERN
    with pytest.raises(ValueError, match="two ids of the vocabulary have the same bytes"):
        save_checkpoint(tmp_path, model.config, {}, {0: b"a", 1: b"a"})


def test_our_checkpoint_tells_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    tell(FOLDER, "\nanna has two")
    story, _, rest = capsys.readouterr().out.partition("\n[")
    assert story.startswith("\nanna has two ")
    assert story.rstrip("\n").endswith(" .")
    count = int(rest.split(" tokens: the first after ")[0])
    assert 5 < count < 100
    assert rest.rstrip().endswith(" per second]")
    tell(FOLDER, "\nanna has two", max_new_tokens=1)
    assert "[1 tokens: the first after" in capsys.readouterr().out
    tell(FOLDER, "\nanna has two", max_new_tokens=0)
    assert capsys.readouterr().out == "\nanna has two"
    with pytest.raises(ValueError, match="do not fit into 256 positions"):
        tell(FOLDER, 300 * "anna ")
    with pytest.raises(ValueError, match="the prompt is empty"):
        tell(FOLDER, "")


def same_until_a_tie(engine: Engine, prompt: Any, ours: Any, theirs: Any) -> int:
    """Compare two continuations up to where the two largest logits are 1e-4 apart; how far."""
    P, steps = prompt.shape[1], 0
    engine.reset()
    logits = engine.forward(prompt)[:, -1]
    for t in range(P, min(ours.shape[1], theirs.shape[1])):
        top = np.sort(logits, axis=-1)
        if (top[:, -1] - top[:, -2]).min() <= 1e-4:
            break
        assert np.array_equal(ours[:, t], theirs[:, t]), t
        logits = engine.forward(ours[:, t : t + 1])[:, -1]
        steps += 1
    return steps


@pytest.mark.filterwarnings("default")  # what that library warns of is its own affair
@pytest.mark.parametrize("kind", ["ours", "ours, sharded", "MHA", "GQA", "MQA", "tied", "bfloat16"])
def test_transformers_generates_the_same_tokens(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = FOLDER
    if kind == "ours, sharded":
        model = transformers.LlamaForCausalLM.from_pretrained(FOLDER, local_files_only=True)
        model.save_pretrained(tmp_path, max_shard_size="500KB")
        assert (tmp_path / "model.safetensors.index.json").is_file()
        folder = tmp_path
    elif kind != "ours":
        torch.manual_seed(1)
        config = transformers.LlamaConfig(
            vocab_size=60,
            hidden_size=48,
            num_hidden_layers=3,
            num_attention_heads=6,
            num_key_value_heads={"MQA": 1, "GQA": 2}.get(kind, 6),
            intermediate_size=80,
            max_position_embeddings=64,
            rope_theta=500.0,
            rms_norm_eps=1e-3,
            tie_word_embeddings=kind == "tied",
            initializer_range=0.3,
        )
        model = transformers.LlamaForCausalLM(config)
        (model.to(torch.bfloat16) if kind == "bfloat16" else model).save_pretrained(tmp_path)
        folder = tmp_path
    theirs = transformers.LlamaForCausalLM.from_pretrained(folder, local_files_only=True).float()
    engine = Engine(load_checkpoint(folder))
    ids = np.random.default_rng(3).integers(11, engine.config.vocab_size, size=(3, 7))
    with torch.no_grad():
        want = theirs(torch.from_numpy(ids)).logits.numpy()
        found = theirs.generate(
            torch.from_numpy(ids),
            attention_mask=torch.ones(3, 7, dtype=torch.int64),
            max_new_tokens=30,
            do_sample=False,
            use_cache=True,
            eos_token_id=None,
            pad_token_id=0,
        ).numpy()
    scale = np.abs(want).max()
    np.testing.assert_allclose(engine.forward(ids), want, rtol=0, atol=1e-5 * scale)
    assert same_until_a_tie(engine, ids, engine.generate(ids, 30), found) >= 10


def test_what_is_damaged_or_unsafe_is_refused_with_the_path(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    load_checkpoint(tmp_path)
    data = (tmp_path / "model.safetensors").read_bytes()
    for part in (data[:-1], data[: len(data) // 2], data[:100], b"", b"\x80\x04N."):
        (tmp_path / "model.safetensors").write_bytes(part)
        with pytest.raises(ValueError, match="is no complete safetensors file"):
            load_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="No such file"):
        load_checkpoint(tmp_path)
