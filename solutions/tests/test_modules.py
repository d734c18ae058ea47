"""Modules against numbers worked by hand, Volume 1, PyTorch's own layers and transformers."""

import warnings
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from solutions.vol1_numpy.llama import init_params, loss_and_grads  # noqa: E402
from solutions.vol1_numpy.llama import llama as llama_of_volume_1  # noqa: E402
from solutions.vol1_numpy.multi_head import Config as ConfigOfVolume1  # noqa: E402
from solutions.vol1_numpy.rope import to_half_split  # noqa: E402
from solutions.vol2_pytorch.modules import (  # noqa: E402
    Attention,
    Block,
    Config,
    Llama,
    RMSNorm,
    SwiGLU,
    load_numpy,
)

CONFIG = Config(
    vocab_size=29,
    d_model=24,
    n_layers=3,
    n_heads=6,
    n_kv_heads=2,
    d_ff=20,
    max_T=32,
    rope_theta=500.0,
    norm_eps=1e-3,
)
TIED = replace(CONFIG, tied=True)
EXACT = {"rtol": 1e-10, "atol": 1e-10}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(20)


def drawn(config: Config) -> dict[str, Any]:
    """Parameters of Volume 1 that are large enough for everything to matter."""
    rng = np.random.default_rng(3)
    params = init_params(ConfigOfVolume1(**asdict(config)), rng)
    return {name: w + 0.2 * rng.standard_normal(w.shape) for name, w in params.items()}


def loaded(config: Config, params: dict[str, Any]) -> Any:
    model = Llama(config).double()
    load_numpy(model, params)
    return model


# Numbers worked by hand


def test_a_norm_divides_by_the_root_mean_square() -> None:
    norm = RMSNorm(2, eps=0.0)
    torch.nn.init.constant_(norm.weight, 10.0)
    torch.testing.assert_close(norm(torch.tensor([1.0, 7.0])), torch.tensor([2.0, 14.0]))
    assert RMSNorm(3)(torch.zeros(4, 3)).tolist() == [[0.0] * 3] * 4


def test_a_gate_that_is_wide_open_lets_the_up_branch_through() -> None:
    layer = SwiGLU(1, 1)
    layer.load_state_dict(
        {
            f"{name}_proj.weight": torch.tensor([[w]])
            for name, w in zip(("gate", "up", "down"), (50.0, 3.0, 2.0), strict=True)
        }
    )
    torch.testing.assert_close(layer(torch.tensor([[2.0]])), torch.tensor([[100.0 * 6.0 * 2.0]]))


def test_one_token_gets_its_own_value() -> None:
    layer = Attention(CONFIG)
    x = torch.randn(2, 1, 24)
    values = layer.v_proj(x).unflatten(-1, (2, 4)).repeat_interleave(3, dim=2).flatten(2)
    torch.testing.assert_close(layer(x), layer.o_proj(values))
    torch.testing.assert_close(layer(x, torch.tensor([7])), layer(x))


def test_a_block_without_weights_is_the_identity() -> None:
    block = Block(CONFIG)
    for parameter in block.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(2, 3, 24)
    assert torch.equal(block(x), x)


# Properties


def test_a_new_model_is_as_good_as_guessing() -> None:
    for config in (CONFIG, TIED):
        model, ids = Llama(config), torch.randint(29, (8, 33))
        loss = torch.nn.functional.cross_entropy(
            model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()
        )
        assert loss.item() == pytest.approx(np.log(29), abs=0.05)


def test_later_tokens_and_other_rows_change_no_logits() -> None:
    model = Llama(CONFIG)
    ids = torch.randint(29, (3, 9))
    logits = model(ids)
    torch.testing.assert_close(model(ids[1:2, :5]), logits[1:2, :5])


def test_only_distances_of_positions_matter() -> None:
    model = Llama(CONFIG).double()
    ids, positions = torch.randint(29, (2, 5)), torch.tensor([[0, 1, 4, 5, 9], [3, 4, 5, 7, 8]])
    torch.testing.assert_close(model(ids, positions), model(ids, positions + 12), **EXACT)
    assert (model(ids, positions) - model(ids)).abs().max() > 1e-6


def test_rows_may_have_positions_of_their_own() -> None:
    model = Llama(CONFIG).double()
    ids, positions = torch.randint(29, (2, 4)), torch.tensor([[0, 1, 4, 5], [3, 9, 10, 12]])
    alone = [model(ids[i : i + 1], positions[i]) for i in (0, 1)]
    torch.testing.assert_close(model(ids, positions), torch.cat(alone), **EXACT)


def test_far_angles_are_exact_in_float32() -> None:
    config = replace(CONFIG, max_T=1_000_100)
    double, single = Attention(config).double(), Attention(config)
    single.load_state_dict(double.state_dict())
    x, far = torch.randn(1, 3, 24), torch.tensor([1_000_000, 1_000_003, 1_000_004])
    torch.testing.assert_close(
        single(x, far), double(x.double(), far).float(), rtol=1e-4, atol=1e-5
    )


def test_autograd_agrees_with_finite_differences() -> None:
    block = Block(replace(CONFIG, d_model=6, n_heads=3, n_kv_heads=1, d_ff=4)).double()
    x = torch.randn(1, 3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block, (x,))


def test_nothing_but_parameters_is_saved_and_all_are_trained() -> None:
    for config in (CONFIG, TIED):
        model = Llama(config)
        names = {name for name, p in model.named_parameters() if p.requires_grad}
        assert set(model.state_dict()) == names | {"lm_head.weight"}


def test_what_forward_makes_is_on_the_device_of_its_input() -> None:
    model = Llama(CONFIG).to("meta")
    logits = model(torch.zeros(2, 5, dtype=torch.int64, device="meta"))
    assert logits.shape == (2, 5, 29) and logits.device.type == "meta"


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_logits_have_the_dtype_of_the_parameters(dtype: str) -> None:
    kind = getattr(torch, dtype)
    assert Llama(CONFIG).to(kind)(torch.zeros(1, 2, dtype=torch.int64)).dtype == kind


# PyTorch's own layers


def test_a_norm_is_that_of_the_library() -> None:
    ours, theirs = RMSNorm(7, 0.1), torch.nn.RMSNorm(7, 0.1)
    torch.nn.init.normal_(ours.weight)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 7)
    torch.testing.assert_close(ours(x), theirs(x))


def test_attention_without_rotation_is_that_of_the_library() -> None:
    config = replace(CONFIG, n_kv_heads=6)
    ours = Attention(config).double()
    theirs = torch.nn.MultiheadAttention(24, 6, bias=False, batch_first=True).double()
    stacked = torch.cat([ours.q_proj.weight, ours.k_proj.weight, ours.v_proj.weight])
    theirs.load_state_dict({"in_proj_weight": stacked, "out_proj.weight": ours.o_proj.weight})
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    mask = torch.ones(5, 5, dtype=torch.bool).triu(1)
    want, _ = theirs(x, x, x, attn_mask=mask, need_weights=False)
    torch.testing.assert_close(ours(x, torch.zeros(5, dtype=torch.int64)), want, **EXACT)


# Volume 1


@pytest.mark.parametrize("config", [CONFIG, TIED], ids=["untied", "tied"])
def test_logits_and_every_gradient_equal_those_of_volume_1(config: Config) -> None:
    params, rng = drawn(config), np.random.default_rng(4)
    ids, targets = rng.integers(0, 29, (2, 2, 11))
    targets[0, 3] = -100
    model, sizes = loaded(config, params), ConfigOfVolume1(**asdict(config))
    logits = model(torch.from_numpy(ids))
    want, _ = llama_of_volume_1(params, ids, sizes)
    torch.testing.assert_close(logits, torch.from_numpy(want), **EXACT)
    loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), torch.from_numpy(targets))
    loss.backward()
    want_loss, grads = loss_and_grads(params, ids, targets, sizes)
    assert loss.item() == pytest.approx(want_loss, rel=1e-10)
    # The gradients, filled into a model as parameters are, have their names and orientation.
    expected = loaded(config, grads)
    for (name, p), (_, want_grad) in zip(
        model.named_parameters(), expected.named_parameters(), strict=True
    ):
        torch.testing.assert_close(p.grad, want_grad.detach(), **EXACT, msg=name)


def test_loading_keeps_parameters_their_dtype_and_what_is_tied() -> None:
    model, params = Llama(TIED), drawn(TIED)
    before = list(model.parameters())
    assert load_numpy(model, params) is None
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))
    assert all(p.dtype == torch.float32 and p.requires_grad for p in before)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    kept = model.lm_head.weight[0, 0].item()
    params["embedding"][:] = 0.0
    assert model.lm_head.weight[0, 0].item() == kept


def test_loading_takes_arrays_of_any_layout_that_may_not_be_written() -> None:
    params = {name: np.asfortranarray(w) for name, w in drawn(CONFIG).items()}
    for w in params.values():
        w.flags.writeable = False
    model = loaded(CONFIG, params)
    assert np.array_equal(model.lm_head.weight.detach().numpy(), params["head"].T)


# transformers


def theirs_of(config: Config) -> Any:
    """A LlamaForCausalLM of these sizes, with random weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers = pytest.importorskip("transformers")
        given = transformers.LlamaConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.d_model,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            num_key_value_heads=config.n_kv_heads,
            intermediate_size=config.d_ff,
            max_position_embeddings=config.max_T,
            rms_norm_eps=config.norm_eps,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
            tie_word_embeddings=config.tied,
            initializer_range=0.2,
        )
        model = transformers.LlamaForCausalLM(given).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("norm.weight"):
            torch.nn.init.normal_(parameter, mean=1.0, std=0.3)
    return model


def neighbours(weight: Any, n_heads: int) -> Any:
    """Rows of q_proj or k_proj from the order of the library to ours: to_half_split, undone."""
    order = to_half_split(np.arange(float(len(weight)))[np.newaxis], n_heads)[0].astype(int)
    return weight[torch.from_numpy(np.argsort(order))]


@pytest.mark.parametrize("config", [CONFIG, TIED], ids=["untied", "tied"])
def test_a_checkpoint_of_transformers_gives_the_same_logits(config: Config) -> None:
    theirs, ours = theirs_of(config), Llama(config)
    shapes = {name: p.shape for name, p in theirs.named_parameters()}
    assert {name: p.shape for name, p in ours.named_parameters()} == shapes
    state = theirs.state_dict()
    for name, weight in state.items():
        if "q_proj" in name or "k_proj" in name:
            heads = config.n_heads if "q_proj" in name else config.n_kv_heads
            state[name] = neighbours(weight, heads)
    ours.load_state_dict(state)
    ids = torch.randint(29, (2, 13))
    with torch.no_grad():
        got, want = ours(ids), theirs(ids).logits
    assert want.abs().max() > 0.5
    torch.testing.assert_close(got, want, rtol=0, atol=1e-5 * want.abs().max().item())
