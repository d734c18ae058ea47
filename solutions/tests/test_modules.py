"""The modules against numbers worked by hand, Volume 1, and the library whose names they have."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from solutions.vol1_numpy import llama as volume_1
from solutions.vol1_numpy.rope import to_half_split
from solutions.vol2_pytorch.modules import (
    Attention,
    Block,
    Config,
    Llama,
    RMSNorm,
    SwiGLU,
    load_numpy,
)

SIZES = {"vocab_size": 13, "d_model": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "d_ff": 24}
CONFIGS = [
    Config(**SIZES, max_T=32, rope_theta=50.0, norm_eps=0.01),
    Config(**SIZES, max_T=32, rope_theta=10000.0, norm_eps=1e-6, tied=True),
    Config(**{**SIZES, "n_kv_heads": 1}, max_T=32, rope_theta=500.0),
]


def random_params(config: Config, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    drawn = volume_1.init_params(volume_1.Config(**dataclasses.asdict(config)), rng)
    return {name: w + 0.3 * rng.standard_normal(w.shape) for name, w in drawn.items()}


def loaded(config: Config, params: dict[str, Any]) -> Llama:
    model = Llama(config).double()
    load_numpy(model, params)
    return model


def name_of(key: str) -> str:
    """What Volume 1's parameter is called in a checkpoint, spelled out once more."""
    table = {
        "embedding": "model.embed_tokens",
        "final_norm": "model.norm",
        "head": "lm_head",
        "attn_norm": "input_layernorm",
        "mlp_norm": "post_attention_layernorm",
        **{f"w_{c}": f"self_attn.{c}_proj" for c in "qkvo"},
        **{f"w_{c}": f"mlp.{c}_proj" for c in ("gate", "up", "down")},
    }
    if not key.startswith("blocks."):
        return table[key] + ".weight"
    _, i, rest = key.split(".")
    return f"model.layers.{i}.{table[rest]}.weight"


def test_a_token_of_root_mean_square_5() -> None:
    norm = RMSNorm(2, 0.0)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([5.0, 10.0]))
    assert norm(torch.tensor([[1.0, 7.0]])).tolist() == [[1.0, 14.0]]


def test_a_gate_of_zero_closes_swiglu() -> None:
    mlp = SwiGLU(3, 4)
    with torch.no_grad():
        mlp.gate_proj.weight.zero_()
    assert not mlp(torch.ones(2, 3)).any()


def test_without_scores_attention_is_a_mean_of_what_came_before() -> None:
    attention = Attention(Config(3, 2, 1, 1, 1, 2, 8))
    with torch.no_grad():
        for layer in (attention.v_proj, attention.o_proj):
            layer.weight.copy_(torch.eye(2))
        attention.q_proj.weight.zero_()
    out = attention(torch.tensor([[[2.0, 4.0], [4.0, 0.0]]]))
    assert torch.allclose(out, torch.tensor([[[2.0, 4.0], [3.0, 2.0]]]))


def test_a_block_with_idle_sublayers_is_the_identity() -> None:
    block, x = Block(CONFIGS[0]), torch.randn(2, 3, 16)
    with torch.no_grad():
        block.self_attn.o_proj.weight.zero_()
        block.mlp.down_proj.weight.zero_()
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("config", CONFIGS)
def test_logits_and_every_gradient_are_those_of_volume_1(config: Config) -> None:
    params, rng = random_params(config), np.random.default_rng(1)
    ids, targets = rng.integers(13, size=(2, 3, 7))
    targets[0, 2] = -100
    theirs = volume_1.Config(**dataclasses.asdict(config))
    loss, grads = volume_1.loss_and_grads(params, ids, targets, theirs)
    model = loaded(config, params)
    logits = model(torch.tensor(ids))
    assert np.abs(logits.detach().numpy() - volume_1.llama(params, ids, theirs)[0]).max() < 1e-10
    ours = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(targets).flatten())
    ours.backward()
    assert abs(ours.item() - loss) < 1e-10
    found = dict(model.named_parameters())
    assert sorted(found) == sorted(map(name_of, params))
    for key, want in grads.items():
        got = found[name_of(key)].grad
        assert got is not None
        got = got if key == "embedding" or got.ndim == 1 else got.T
        assert np.abs(got.numpy() - want).max() < 1e-10, key


@pytest.mark.parametrize("config", CONFIGS)
def test_later_tokens_and_other_sequences_change_no_logit(config: Config) -> None:
    model = loaded(config, random_params(config))
    ids = torch.randint(13, (3, 6))
    logits = model(ids)
    assert torch.allclose(model(ids[:, :4]), logits[:, :4], atol=1e-12)
    assert torch.allclose(model(ids[1:2]), logits[1:2], atol=1e-12)
    shifted = model(ids, torch.arange(6) + 1000)
    assert torch.allclose(shifted, logits, atol=1e-9)


def test_a_new_model_has_small_matrices_and_a_loss_near_that_of_a_guess() -> None:
    torch.manual_seed(0)
    model = Llama(Config(256, 64, 2, 4, 2, 128, 32))
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            assert (parameter == 1).all()
        else:
            assert 0.019 < parameter.std() < 0.021, name
    ids = torch.randint(256, (4, 33))
    logits = model(ids[:, :-1])
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    assert abs(loss.item() - np.log(256)) < 0.1


def test_a_tied_model_counts_its_table_once() -> None:
    for config in CONFIGS:
        model = Llama(config)
        theirs = volume_1.Config(**dataclasses.asdict(config))
        assert sum(p.numel() for p in model.parameters()) == volume_1.count_params(theirs)
        assert (model.lm_head.weight is model.model.embed_tokens.weight) == config.tied


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_follows_its_dtype(dtype: Any) -> None:
    model = loaded(CONFIGS[0], random_params(CONFIGS[0]))
    ids = torch.arange(12).reshape(2, 6)
    want = model(ids)
    got = model.to(dtype)(ids)
    assert got.dtype == dtype
    assert (got.double() - want).abs().max() < 0.1 * want.abs().max()


def test_params_that_do_not_fit_change_nothing() -> None:
    params = random_params(CONFIGS[0])
    model = loaded(CONFIGS[0], params)
    before = {name: p.clone() for name, p in model.named_parameters()}
    more = {name: w + 1.0 for name, w in params.items()}
    for wrong in (
        {k: v for k, v in more.items() if k != "head"},
        more | {"blocks.2.w_q": more["blocks.0.w_q"]},
        more | {"blocks.0.attn_norm": np.ones(1)},
        more | {"nothing": np.ones(1)},
    ):
        with pytest.raises(ValueError, match="names and shapes"):
            load_numpy(model, wrong)
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())


TRANSFORMERS = """
import json, sys
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from solutions.tests.test_modules import compare_with_transformers
print(json.dumps(compare_with_transformers(LlamaConfig, LlamaForCausalLM)))
"""


def compare_with_transformers(config_class: Any, model_class: Any) -> list[dict[str, Any]]:
    """For each config: the names that differ, and how far apart the logits are."""
    found = []
    for config in CONFIGS:
        theirs = model_class(
            config_class(
                vocab_size=config.vocab_size,
                hidden_size=config.d_model,
                intermediate_size=config.d_ff,
                num_hidden_layers=config.n_layers,
                num_attention_heads=config.n_heads,
                num_key_value_heads=config.n_kv_heads,
                max_position_embeddings=config.max_T,
                rms_norm_eps=config.norm_eps,
                rope_theta=config.rope_theta,
                rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
                tie_word_embeddings=config.tied,
                attn_implementation="eager",
            )
        ).double()
        params = random_params(config)
        ours = loaded(config, params)
        for key in params:
            heads = {"w_q": config.n_heads, "w_k": config.n_kv_heads}.get(key.split(".")[-1], 0)
            if heads:
                params[key] = to_half_split(params[key], heads)
        state = loaded(config, params).state_dict()
        shapes = {name: tuple(w.shape) for name, w in theirs.state_dict().items()}
        theirs.load_state_dict(state)
        ids = torch.tensor(np.random.default_rng(2).integers(13, size=(2, 9)))
        want = theirs(ids).logits
        apart = float((ours(ids) - want).abs().max() / want.abs().max())
        same = shapes == {name: tuple(w.shape) for name, w in state.items()}
        found.append({"same": same, "apart": apart})
    return found


def test_names_and_logits_are_those_of_transformers() -> None:
    """In a process of its own: importing the library warns, and warnings are errors here."""
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("transformers is not installed")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRANSFORMERS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for found in json.loads(done.stdout.split("\n")[-2]):
        assert found["same"]
        assert found["apart"] < 1e-5  # it computes norms and rotations in float32
