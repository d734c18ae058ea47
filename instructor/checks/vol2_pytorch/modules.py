"""Hidden checks for vol2_pytorch/modules.

What is expected comes from Volume 1: outputs from its functions, gradients from its backwards. A
module stays with the student's code and is known by handles; its parameters are overwritten by
name. Where one part is asked about, the others are silenced by weights of zero.
"""

import numpy as np
import torch

from autograder import Exercise, array, derived, integers, raises
from solutions.vol1_numpy.block import block, block_backward
from solutions.vol1_numpy.cross_entropy import cross_entropy_backward
from solutions.vol1_numpy.llama import count_params, llama, loss_and_grads
from solutions.vol1_numpy.multi_head import (
    Config,
    multi_head_attention,
    multi_head_attention_backward,
)
from solutions.vol1_numpy.rmsnorm import rmsnorm, rmsnorm_backward
from solutions.vol1_numpy.swiglu import swiglu, swiglu_backward
from solutions.vol2_pytorch import modules

NAMES = {
    "attn_norm": "input_layernorm",
    "w_q": "self_attn.q_proj",
    "w_k": "self_attn.k_proj",
    "w_v": "self_attn.v_proj",
    "w_o": "self_attn.o_proj",
    "mlp_norm": "post_attention_layernorm",
    "w_gate": "mlp.gate_proj",
    "w_up": "mlp.up_proj",
    "w_down": "mlp.down_proj",
}
OUTSIDE = {"embedding": "model.embed_tokens", "final_norm": "model.norm", "head": "lm_head"}
EXACT = 1e-10


def name_of(key):
    """What a parameter of Volume 1 is called in the model."""
    if key in OUTSIDE:
        return OUTSIDE[key] + ".weight"
    _, i, rest = key.split(".")
    return f"model.layers.{i}.{NAMES[rest]}.weight"


def stored(key, value):
    """An array of Volume 1 as the model stores it."""
    return value if key == "embedding" or value.ndim == 1 else np.ascontiguousarray(value.T)


def state_of(params, config):
    """Every entry of a state dict."""
    state = {name_of(key): stored(key, value) for key, value in params.items()}
    if config.tied:
        state["lm_head.weight"] = params["embedding"]
    return state


def first_block(params):
    """The parameters of block 0, without prefix."""
    return {k.removeprefix("blocks.0."): w for k, w in params.items() if k.startswith("blocks.0.")}


def within(params, prefix):
    """The parameters of one part of block 0 as that part names them: (key, name, array)."""
    return [
        (key, NAMES[key].removeprefix(prefix) + ".weight", stored(key, value))
        for key, value in first_block(params).items()
        if NAMES[key].startswith(prefix)
    ]


# Inputs


def draw_config(rng, vocab_size, d_model, n_layers, n_heads, n_kv_heads, d_ff, tied):
    """All sizes, and constants that matter."""
    return Config(
        vocab_size=vocab_size,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_ff=d_ff,
        max_T=7,
        rope_theta=float(rng.uniform(20.0, 60.0)),
        norm_eps=float(rng.uniform(0.1, 0.3)),
        tied=bool(tied),
    )


def draw_params(rng, config):
    """Volume 1's parameters: everything stays near size 1, gains differ from 1."""
    d, narrow = config.d_model, config.d_model // config.n_heads * config.n_kv_heads
    shapes = {"embedding": (config.vocab_size, d)}
    for i in range(config.n_layers):
        inside = {"attn_norm": (d,), "w_q": (d, d), "w_k": (d, narrow), "w_v": (d, narrow)}
        inside |= {"w_o": (d, d), "mlp_norm": (d,), "w_gate": (d, config.d_ff)}
        inside |= {"w_up": (d, config.d_ff), "w_down": (config.d_ff, d)}
        shapes |= {f"blocks.{i}.{name}": shape for name, shape in inside.items()}
    shapes |= {"final_norm": (d,)} | ({} if config.tied else {"head": (d, config.vocab_size)})
    return {
        name: 1.0 + 0.4 * rng.standard_normal(shape)
        if len(shape) == 1
        else rng.standard_normal(shape) * (1.0 if name == "embedding" else shape[0] ** -0.5)
        for name, shape in shapes.items()
    }


def draw_positions(rng, B, T):
    """Rows that stand at different places, with gaps."""
    return rng.integers(1, 4, size=(B, T)).cumsum(axis=1) + rng.integers(0, 20, size=(B, 1))


def draw_targets(rng, B, T, vocab_size):
    """Most of them count."""
    targets = rng.integers(0, vocab_size, size=(B, T))
    targets[rng.integers(B), rng.integers(T)] = -100
    return targets


exercise = Exercise(
    "vol2_pytorch/modules",
    solution=modules,
    arrays="torch",
    difficulty=3,
    minutes=120,
    inputs={
        "config": derived(draw_config),
        "params": derived(draw_params),
        "x": array("B T d_model"),
        "dout": array("B T d_model"),
        "ids": integers("B T", "vocab_size"),
        "targets": derived(draw_targets),
        "positions": derived(draw_positions),
    },
    # Square weights with groups; every size distinct; one key head; as many key heads as heads.
    sizes={
        "B": [2, 3, 2],
        "T": [3, 4, 5],
        "vocab_size": [16, 11, 7],
        "d_model": [16, 12, 8],
        "n_layers": [1, 2, 1],
        "n_heads": [4, 6, 2],
        "n_kv_heads": [2, 1, 2],
        "d_ff": [16, 5, 9],
        "tied": [0, 1, 0],
    },
)
ONE = {name: [size] for name, size in exercise.sizes[1].items()}
# Groups, and one key head.
TWO = {name: [one[name] for one in exercise.sizes[:2]] for name in exercise.sizes[0]}
# Untied, with two layers and groups; tied, with one.
MODELS = {
    "B": [2, 2],
    "T": [4, 3],
    "vocab_size": [9, 7],
    "d_model": [16, 8],
    "n_layers": [2, 1],
    "n_heads": [4, 2],
    "n_kv_heads": [2, 1],
    "d_ff": [5, 8],
    "tied": [0, 1],
}
UNTIED = {name: values[:1] for name, values in MODELS.items()}
TIED = {name: values[1:] for name, values in MODELS.items()}
FLOAT32 = {"dtype": "float32"}


# Driving a module by handles


def seed(student, number):
    """Seed PyTorch on the CPU."""
    student.library("torch.default_generator.manual_seed")(number)


def new(student, name, *args):
    """A module as it starts, the same every time."""
    seed(student, 0)
    return getattr(student, name)(*args)


def build(student, name, *args, weights, dtype="float64"):
    """A module with these parameters. What has another name is left as it started."""
    module = new(student, name, *args)
    student.keep(module.to, student.library(f"torch.{dtype}"))
    student.keep(module.load_state_dict, weights, strict=False)
    return module


def build_part(student, name, *args, params, prefix, **kwargs):
    """A part of block 0."""
    weights = {n: w for _, n, w in within(params, prefix)}
    return build(student, name, *args, weights=weights, **kwargs)


def build_block(student, config, params, **kwargs):
    """Block 0; parameters in `silent` are zero."""
    return build_part(student, "Block", config, params=params, prefix="", **kwargs)


def build_model(student, config, params, **kwargs):
    """The whole model."""
    return build(student, "Llama", config, weights=state_of(params, config), **kwargs)


def parameters(student, module, names):
    """These parameters themselves, in a tuple on the student's side."""
    pairs = student.keep(student.library("builtins.dict"), student.keep(module.named_parameters))
    names = [*names, *names[:1]]  # of a single name, itemgetter would make no tuple
    return student.keep(student.library("operator.itemgetter")(*names), pairs)


def named(student, module):
    """The parameters with their shapes, in the order of the alphabet, from the state dict."""
    state = student.keep(module.state_dict)
    found = student.library("builtins.dict")(state)
    return sorted((name, value.shape) for name, value in found.items())


def trained(student, module):
    """The names that `named_parameters` gives, if all of them require a gradient."""
    pairs = student.keep(student.library("builtins.dict"), student.keep(module.named_parameters))
    asks = student.library("operator.attrgetter")("requires_grad")
    each = student.keep(student.library("builtins.map"), asks, student.keep(pairs.values))
    all_of_them = student.library("builtins.all")(each)
    return sorted(student.library("builtins.list")(pairs)) if all_of_them else []


def with_gradient(student, x):
    """x on the student's side, requiring a gradient."""
    return student.keep(student.library("torch.Tensor.requires_grad_"), student.hold(x))


def gradients(student, out, module, names, dout, *first):
    """What autograd finds for `first` and for parameters by name; None where there is no path."""
    chained = student.library("itertools.chain")(first, parameters(student, module, names))
    wrt = student.keep(student.library("builtins.list"), chained)
    got = student.library("torch.autograd.grad")(out, wrt, dout, allow_unused=True)
    return got[:-1]  # see `parameters`


def is_dtype(student, tensor, dtype):
    """Has a tensor on the student's side this dtype?"""
    found = student.part(tensor, "dtype")
    return student.library("operator.is_")(found, student.library(f"torch.{dtype}"))


def halved(values):
    """Float arrays rounded to numbers that bfloat16 has, too."""
    if isinstance(values, dict):
        return {name: halved(value) for name, value in values.items()}
    return (values.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)


def wide(values):
    """The same numbers in float64."""
    if isinstance(values, dict):
        return {name: wide(value) for name, value in values.items()}
    return values.astype(np.float64)


def in_bfloat16(student, module, x, want, *more):
    """Does the module answer x in bfloat16, about as it should?"""
    half = student.keep(student.library("torch.Tensor.bfloat16"), student.hold(x))
    out = student.keep(module, half, *more)
    if not is_dtype(student, out, "bfloat16"):
        return False
    return bool(np.abs(student.fetch(out) - want).max() < 0.2 * np.abs(want).max())


# RMSNorm


@exercise.satisfies("RMSNorm", kind="R", points=2, rtol=EXACT)
def norms_as_in_volume_1(student, x, params, config):
    """The output is that of rmsnorm in Volume 1, with `weight` for the gain."""
    gain = params["final_norm"]
    norm = build(student, "RMSNorm", config.d_model, config.norm_eps, weights={"weight": gain})
    yield norm(x), rmsnorm(x, gain, config.norm_eps)
    yield norm(3.0 * x[0]), rmsnorm(3.0 * x[0], gain, config.norm_eps)


@exercise.satisfies("RMSNorm", kind="R", points=1, rtol=EXACT, sizes=ONE)
def norm_has_its_gradients(student, x, dout, params, config):
    """x and the weight get the gradients of Volume 1."""
    gain = params["final_norm"]
    norm = build(student, "RMSNorm", config.d_model, config.norm_eps, weights={"weight": gain})
    held = with_gradient(student, x)
    got = gradients(student, student.keep(norm, held), norm, ["weight"], dout, held)
    return got, rmsnorm_backward(dout, x, gain, config.norm_eps)


@exercise.satisfies("RMSNorm", points=1, sizes=ONE)
def norm_starts_with_ones(student, x, d_model):
    """A new one has a single parameter, weight, all ones; eps is 1e-5 unless given."""
    norm = new(student, "RMSNorm", d_model)
    yield named(student, norm) == [("weight", (d_model,))]
    yield trained(student, norm) == ["weight"]
    yield bool((norm.weight == 1).all())
    student.keep(norm.double)
    yield norm(0.01 * x), rmsnorm(0.01 * x, np.ones(d_model))


@exercise.satisfies("RMSNorm", kind="E", points=1, sizes=ONE, **FLOAT32)
def norm_follows_the_dtype(student, x, params, config):
    """float32 and bfloat16 tokens give results in their dtype; x stays as it was."""
    gain, eps = params["final_norm"], config.norm_eps
    norm = build(student, "RMSNorm", len(gain), eps, weights={"weight": gain}, dtype="float32")
    held = student.hold(x)
    yield norm(held), rmsnorm(wide(x), wide(gain), eps)
    yield student.fetch(held), x
    x, gain = halved(x), halved(gain)
    norm = build(student, "RMSNorm", len(gain), eps, weights={"weight": gain}, dtype="bfloat16")
    yield in_bfloat16(student, norm, x, rmsnorm(wide(x), wide(gain), eps))


# SwiGLU


@exercise.satisfies("SwiGLU", kind="R", points=2, rtol=EXACT)
def gates_as_in_volume_1(student, x, params, config):
    """The output is that of swiglu in Volume 1."""
    mlp = build_part(student, "SwiGLU", config.d_model, config.d_ff, params=params, prefix="mlp.")
    one = first_block(params)
    want = swiglu(x, one["w_gate"], one["w_up"], one["w_down"])
    yield mlp(x), want
    yield mlp(x[0, 0]), want[0, 0]


@exercise.satisfies("SwiGLU", kind="R", points=1, rtol=EXACT, sizes=ONE)
def mlp_has_its_gradients(student, x, dout, params, config):
    """x and the three weights get the gradients of Volume 1."""
    mlp = build_part(student, "SwiGLU", config.d_model, config.d_ff, params=params, prefix="mlp.")
    one, held = first_block(params), with_gradient(student, x)
    names = [f"{name}_proj.weight" for name in ("gate", "up", "down")]
    got = gradients(student, student.keep(mlp, held), mlp, names, dout, held)
    dx, *rest = swiglu_backward(dout, x, one["w_gate"], one["w_up"], one["w_down"])
    return got, (dx, *(d.T for d in rest))


@exercise.satisfies("SwiGLU", points=1, sizes=ONE)
def mlp_has_three_weights(student, d_model, d_ff):
    """Its parameters are gate_proj.weight, up_proj.weight and down_proj.weight, (out, in)."""
    mlp = new(student, "SwiGLU", d_model, d_ff)
    shapes = {"down_proj.weight": (d_model, d_ff), "gate_proj.weight": (d_ff, d_model)}
    shapes["up_proj.weight"] = (d_ff, d_model)
    yield named(student, mlp) == sorted(shapes.items())
    yield trained(student, mlp) == sorted(shapes)


@exercise.satisfies("SwiGLU", kind="E", points=1, sizes=ONE, **FLOAT32)
def mlp_follows_the_dtype(student, x, params, config):
    """float32 and bfloat16 tokens give results in their dtype; x stays as it was."""
    sizes = config.d_model, config.d_ff
    kwargs = {"params": params, "prefix": "mlp."}
    mlp = build_part(student, "SwiGLU", *sizes, dtype="float32", **kwargs)
    held = student.hold(x)
    one = wide(first_block(params))
    yield mlp(held), swiglu(wide(x), one["w_gate"], one["w_up"], one["w_down"])
    yield student.fetch(held), x
    x, kwargs["params"] = halved(x), halved(params)
    one = wide(first_block(kwargs["params"]))
    mlp = build_part(student, "SwiGLU", *sizes, dtype="bfloat16", **kwargs)
    want = swiglu(wide(x), one["w_gate"], one["w_up"], one["w_down"])
    yield in_bfloat16(student, mlp, x, want)


# Attention


def attend(x, params, config, positions):
    """What Volume 1 gives in float64."""
    out, _ = multi_head_attention(wide(x), wide(first_block(params)), config, positions)
    return out


def build_attention(student, config, params, **kwargs):
    return build_part(student, "Attention", config, params=params, prefix="self_attn.", **kwargs)


@exercise.satisfies("Attention", kind="R", points=3, rtol=EXACT)
def attends_as_in_volume_1(student, x, params, config, T):
    """Without positions, the output is that of multi_head_attention at 0, ..., T - 1."""
    attention = build_attention(student, config, params)
    return attention(x), attend(x, params, config, np.arange(T))


@exercise.satisfies("Attention", kind="R", points=2, rtol=EXACT, sizes=TWO)
def attention_has_its_gradients(student, x, dout, params, config, positions):
    """x and the four weights get the gradients of Volume 1."""
    attention, held = build_attention(student, config, params), with_gradient(student, x)
    parts = within(params, "self_attn.")
    names = [name for _, name, _ in parts]
    got = gradients(student, student.keep(attention, held, positions), attention, names, dout, held)
    _, cache = multi_head_attention(x, first_block(params), config, positions)
    dx, dparams = multi_head_attention_backward(dout, cache)
    return got, (dx, *(dparams[key].T for key, _, _ in parts))


@exercise.satisfies("Attention", points=2, rtol=EXACT, sizes=ONE)
def positions_turn_queries_and_keys(student, x, params, config, positions):
    """Positions may be (T,) or (B, T), with gaps and beyond max_T."""
    attention = build_attention(student, config, params)
    yield attention(x, positions[0]), attend(x, params, config, positions[0])
    yield attention(x, positions), attend(x, params, config, positions)
    yield attention(x, positions + 100), attend(x, params, config, positions)


@exercise.satisfies("Attention", points=1, rtol=EXACT, sizes=ONE)
def nobody_reads_the_future(student, x, dout, params, config, positions):
    """A token reads those before it in x, whatever the positions are; batch rows are apart."""
    attention = build_attention(student, config, params)
    turned = positions[:, ::-1].copy()
    out = attention(x, turned)
    yield out, attend(x, params, config, turned)
    changed = np.concatenate([x[:, :2], dout[:, 2:]], axis=1)
    yield attention(changed, turned)[:, :2], out[:, :2]
    yield attention(x[1:], turned[1:]), out[1:]


@exercise.satisfies("Attention", points=1, sizes=ONE)
def attention_has_four_weights(student, config, params):
    """Its parameters are q_proj, k_proj, v_proj and o_proj.weight; nothing else is saved."""
    attention = new(student, "Attention", config)
    parts = within(params, "self_attn.")
    yield named(student, attention) == sorted((name, w.shape) for _, name, w in parts)
    yield trained(student, attention) == sorted(name for _, name, _ in parts)


@exercise.satisfies("Attention", kind="E", points=1, sizes=ONE, **FLOAT32)
def far_positions_in_float32(student, x, params, config, positions):
    """In float32 the angles are exact even at positions of 100,000."""
    attention = build_attention(student, config, params, dtype="float32")
    far = np.concatenate([positions[:, :2], positions[:, 2:] + 100_000], axis=1)
    yield attention(x, far), attend(x, params, config, far)


@exercise.satisfies("Attention", kind="E", points=1, sizes=ONE, **FLOAT32)
def attention_follows_the_dtype(student, x, params, config, T):
    """float32 and bfloat16 tokens give results in their dtype; x stays as it was."""
    attention = build_attention(student, config, params, dtype="float32")
    held = student.hold(x)
    yield attention(held), attend(x, params, config, np.arange(T))
    yield student.fetch(held), x
    x, params = halved(x), halved(params)
    attention = build_attention(student, config, params, dtype="bfloat16")
    yield in_bfloat16(student, attention, x, attend(x, params, config, np.arange(T)))


# Block


def silenced(params, *keys):
    """With zeros for `keys`, in every block."""
    return {k: 0.0 * w if k.rpartition(".")[2] in keys else w for k, w in params.items()}


@exercise.satisfies("Block", kind="R", points=1, rtol=EXACT, sizes=TWO)
def adds_the_feed_forward_part(student, x, params, config, positions):
    """With o_proj zero, the block adds SwiGLU of the normed x to x."""
    params = silenced(params, "w_o")
    one = first_block(params)
    normed = rmsnorm(x, one["mlp_norm"], config.norm_eps)
    want = x + swiglu(normed, one["w_gate"], one["w_up"], one["w_down"])
    return build_block(student, config, params)(x), want


@exercise.satisfies("Block", kind="R", points=2, rtol=EXACT, sizes=TWO)
def blocks_as_in_volume_1(student, x, params, config, positions, T):
    """The output is that of block in Volume 1, at given positions and without."""
    one, found = first_block(params), build_block(student, config, params)
    yield found(x), block(x, one, config, np.arange(T))[0]
    yield found(x, positions), block(x, one, config, positions)[0]


@exercise.satisfies("Block", kind="R", points=2, rtol=EXACT, sizes=TWO)
def block_has_its_gradients(student, x, dout, params, config, positions):
    """x and the nine weights get the gradients of Volume 1."""
    found, held = build_block(student, config, params), with_gradient(student, x)
    parts = within(params, "")
    names = [name for _, name, _ in parts]
    got = gradients(student, student.keep(found, held, positions), found, names, dout, held)
    _, cache = block(x, first_block(params), config, positions)
    dx, dparams = block_backward(dout, cache)
    return got, (dx, *(stored(key, dparams[key]) for key, _, _ in parts))


@exercise.satisfies("Block", points=1, sizes=ONE)
def block_has_nine_weights(student, config, params):
    """Its parameters have the names of a layer in a checkpoint; nothing else is saved."""
    found = new(student, "Block", config)
    parts = within(params, "")
    yield named(student, found) == sorted((name, w.shape) for _, name, w in parts)
    yield trained(student, found) == sorted(name for _, name, _ in parts)


@exercise.satisfies("Block", kind="E", points=1, sizes=ONE, **FLOAT32)
def block_follows_the_dtype(student, x, params, config, T):
    """float32 and bfloat16 tokens give results in their dtype; x stays as it was."""
    found, held = build_block(student, config, params, dtype="float32"), student.hold(x)
    yield found(held), block(wide(x), wide(first_block(params)), config, np.arange(T))[0]
    yield student.fetch(held), x
    x, params = halved(x), halved(params)
    found = build_block(student, config, params, dtype="bfloat16")
    want = block(wide(x), wide(first_block(params)), config, np.arange(T))[0]
    yield in_bfloat16(student, found, x, want)


# Llama


def logits_at(params, ids, config, positions):
    """What the parts of Volume 1 give at these positions, in float64."""
    params = wide(params)
    x = params["embedding"][ids]
    for i in range(config.n_layers):
        own = {k.removeprefix(f"blocks.{i}."): w for k, w in params.items()}
        x, _ = block(x, own, config, positions)
    final = rmsnorm(x, params["final_norm"], config.norm_eps)
    return final @ (params["embedding"].T if config.tied else params["head"])


@exercise.satisfies("Llama", kind="R", points=2, rtol=EXACT, sizes=UNTIED)
def embeds_norms_and_scores(student, params, ids, config):
    """With idle blocks, the logits are those of embedding, final norm and head."""
    params = silenced(params, "w_o", "w_down")
    return build_model(student, config, params)(ids), llama(params, ids, config)[0]


@exercise.satisfies("Llama", kind="R", points=3, rtol=EXACT, sizes=MODELS)
def scores_as_in_volume_1(student, params, ids, config):
    """The logits are those of Volume 1."""
    return build_model(student, config, params)(ids), llama(params, ids, config)[0]


@exercise.satisfies("Llama", kind="R", points=3, rtol=EXACT, sizes=MODELS)
def every_parameter_has_its_gradient(student, params, ids, targets, config):
    """Every parameter gets the gradient that Volume 1 derives by hand, a tied table both parts."""
    model = build_model(student, config, params)
    dout = cross_entropy_backward(llama(params, ids, config)[0], targets)
    _, grads = loss_and_grads(params, ids, targets, config)
    names = [name_of(key) for key in params]
    got = gradients(student, student.keep(model, ids), model, names, dout)
    return got, tuple(stored(key, grads[key]) for key in params)


@exercise.satisfies("Llama", points=1, sizes=MODELS)
def names_are_those_of_a_checkpoint(student, params, config):
    """Names and shapes are those of LlamaForCausalLM; nothing else is saved."""
    model = new(student, "Llama", config)
    shapes = {name: w.shape for name, w in state_of(params, config).items()}
    yield named(student, model) == sorted(shapes.items())
    yield trained(student, model) == sorted(name_of(key) for key in params)


@exercise.satisfies("Llama", points=1, sizes=MODELS)
def a_tied_head_is_the_embedding(student, params, config):
    """Tied, both names stand for one parameter, which counts once; else for two."""
    model = build_model(student, config, params)
    head, table = (
        student.part(student.part(owner, name), "weight")
        for owner, name in ((model, "lm_head"), (student.part(model, "model"), "embed_tokens"))
    )
    yield student.library("operator.is_")(head, table) == config.tied
    each = student.library("builtins.list")(model.parameters())
    yield sum(one.size for one in each) == count_params(config)


@exercise.satisfies(
    "Llama",
    points=1,
    sizes={
        "vocab_size": [60],
        "d_model": [48],
        "n_layers": [1],
        "n_heads": [4],
        "n_kv_heads": [2],
        "d_ff": [60],
        "tied": [0],
    },
)
def starts_small(student, params, config, rng):
    """Matrices start as N(0, 0.02**2) from PyTorch's generator, no two alike; gains as ones."""
    number = int(rng.integers(2**31))
    drawn = []
    for again in (number, number, number + 1):
        seed(student, again)
        state = student.keep(student.Llama(config).state_dict)
        kept = student.keep(student.library("builtins.dict"), state)
        drawn.append(student.fetch(kept, record=False))
    first, same, other = drawn
    facts = {}
    for key in params:
        one = first[name_of(key)]
        if one.ndim == 1:
            facts[key] = [bool((one == 1).all())]
            continue
        # Of 1,000 numbers or more the deviation is known to 2.3 %, the mean to 0.0007; six of
        # those are never missed.
        spread, mean = float(one.std()), abs(float(one.mean()))
        facts[key] = [0.0172 < spread < 0.0228, mean < 0.004]
        facts[key] += [np.array_equal(one, same[name_of(key)])]
        facts[key] += [not np.array_equal(one, other[name_of(key)])]
        alike = [k for k in params if np.array_equal(first[name_of(k)], one)]
        facts[key] += [alike == [key], len(np.unique(one, axis=0)) == len(one)]
    student.transcript.append(facts)
    return all(all(each) for each in facts.values())


@exercise.satisfies("Llama", points=1, rtol=EXACT, sizes=UNTIED)
def positions_reach_every_layer(student, params, ids, config, positions):
    """Positions are (T,) or (B, T); neither other sequences nor later tokens change a logit."""
    model = build_model(student, config, params)
    out = model(ids, positions)
    yield out, logits_at(params, ids, config, positions)
    yield model(ids, positions[0]), logits_at(params, ids, config, positions[0])
    yield model(ids[1:], positions[1]), out[1:]
    yield model(ids[:, :2], positions[:, :2]), out[:, :2]


@exercise.satisfies("Llama", points=1, sizes=UNTIED)
def keeps_its_config(student, config, ids):
    """`config` is the record that was given; sequences may be longer than max_T."""
    model = new(student, "Llama", config)
    yield student.part(model, "config").d_ff == config.d_ff
    longer = np.resize(ids, (1, config.max_T + 3))
    yield model(longer).shape == (1, config.max_T + 3, config.vocab_size)


@exercise.satisfies("Llama", kind="E", points=1, sizes=TIED, **FLOAT32)
def model_follows_the_dtype(student, params, ids, config):
    """In float32 and bfloat16 the logits have the dtype of the parameters."""
    model = build_model(student, config, params, dtype="float32")
    yield model(ids), llama(wide(params), ids, config)[0]
    params = halved(params)
    model = build_model(student, config, params, dtype="bfloat16")
    out, want = student.keep(model, ids), llama(wide(params), ids, config)[0]
    yield is_dtype(student, out, "bfloat16")
    yield np.abs(student.fetch(out) - want).max() < 0.2 * np.abs(want).max()


# load_numpy


def as_numpy(student, params):
    """NumPy arrays on the student's side, where arrays would arrive as tensors."""
    numpy = student.library("numpy.asarray")  # it gets a tensor
    return {name: student.keep(numpy, w) for name, w in params.items()}


def state(student, model):
    """Every entry of the state dict by its name."""
    return dict(student.library("builtins.dict")(student.keep(model.state_dict)))


@exercise.satisfies("load_numpy", kind="R", points=3, sizes=MODELS, rtol=EXACT)
def every_array_arrives(student, params, config):
    """Each array is found under the model's name for it, weights transposed."""
    model = new(student, "Llama", config)
    student.keep(model.double)
    student.load_numpy(model, as_numpy(student, params))
    found = state(student, model)
    for name, want in state_of(params, config).items():
        yield found[name], want


@exercise.satisfies("load_numpy", kind="R", points=2, sizes=UNTIED, rtol=EXACT)
def the_loaded_model_is_that_of_volume_1(student, params, ids, targets, config):
    """After loading, the logits and the gradient of every parameter equal those of Volume 1."""
    model = new(student, "Llama", config)
    student.keep(model.double)
    student.load_numpy(model, as_numpy(student, params))
    logits, out = llama(params, ids, config)[0], student.keep(model, ids)
    yield student.fetch(out), logits
    _, grads = loss_and_grads(params, ids, targets, config)
    names = [name_of(key) for key in params]
    got = gradients(student, out, model, names, cross_entropy_backward(logits, targets))
    yield got, tuple(stored(key, grads[key]) for key in params)


@exercise.satisfies("load_numpy", points=2, sizes=MODELS, rtol=EXACT)
def parameters_stay_the_same_objects(student, params, config):
    """Numbers change in place, unseen by autograd; nothing is returned, the arrays are left."""
    model = new(student, "Llama", config)
    student.keep(model.double)
    names = [name_of(key) for key in params]
    before = parameters(student, model, names)
    given = as_numpy(student, params)
    yield student.load_numpy(model, given) is None
    same = student.library("builtins.map")(
        student.library("operator.is_"), before, parameters(student, model, names)
    )
    yield student.library("builtins.all")(same)
    yield trained(student, model) == sorted(names)
    for key, array_there in given.items():
        yield student.fetch(array_there), params[key]
    fill = student.library("numpy.ndarray.fill")
    for array_there in given.values():
        fill(array_there, 7.0)
    found = state(student, model)
    for name, want in state_of(params, config).items():
        yield found[name], want


@exercise.satisfies("load_numpy", kind="E", points=2, sizes=MODELS)
def what_does_not_fit_is_refused(student, params, config):
    """A missing or unknown name or another shape raises ValueError, and nothing has changed."""
    model = new(student, "Llama", config)
    student.keep(model.double)
    student.load_numpy(model, as_numpy(student, params))
    want = state_of(params, config)
    moved = as_numpy(student, {name: w + 1.0 for name, w in params.items()})
    last = f"blocks.{config.n_layers - 1}.w_up"
    small = as_numpy(student, {"one": np.ones(1), "dot": np.ones((1, 1))})
    wrong = [
        {name: w for name, w in moved.items() if name != last},
        {name: w for name, w in moved.items() if name != "embedding"},
        moved | {f"blocks.{config.n_layers}.w_up": moved[last]},
        moved | {"tail": moved["final_norm"]},
        moved | {"final_norm": small["one"]},
        moved | {last: small["dot"]},
        moved | {last: moved["blocks.0.w_k"]},
    ]
    refused = [raises(ValueError, student.load_numpy, model, one) for one in wrong]
    student.transcript.append(refused)
    yield all(refused)
    found = state(student, model)
    for name, value in want.items():
        yield found[name], value


@exercise.satisfies("load_numpy", kind="E", points=1, sizes=UNTIED, rtol=1e-6)
def the_model_keeps_its_dtype(student, params, config):
    """A float32 model stays one, given float64 arrays, read-only or in Fortran's order."""
    model = new(student, "Llama", config)
    given = as_numpy(student, params)
    locked, order = given["embedding"], given["blocks.0.w_up"]
    student.library("numpy.ndarray.setflags")(locked, write=False)
    given["blocks.0.w_up"] = student.keep(student.library("numpy.asfortranarray"), order)
    student.load_numpy(model, given)
    found = state(student, model)
    for name, value in state_of(params, config).items():
        yield found[name].dtype == np.float32
        yield found[name].astype(np.float64), value


# Solutions that know nothing


@exercise.null("RMSNorm")
class does_not_norm(modules.RMSNorm):
    def forward(self, x):
        return x * self.weight


@exercise.null("SwiGLU")
class does_not_gate(modules.SwiGLU):
    def forward(self, x):
        return x


@exercise.null("Attention")
class does_not_attend(modules.Attention):
    def forward(self, x, positions=None):
        return self.o_proj(x)


@exercise.null("Block")
class does_nothing(modules.Block):
    def forward(self, x, positions=None):
        return x


@exercise.null("Llama")
class scores_zero(modules.Llama):
    def forward(self, ids, positions=None):
        return 0.0 * super().forward(ids, positions)


# Mistakes: RMSNorm

NORM = "F.rms_norm(x, self.weight.shape, self.weight, self.eps)"

exercise.slip(
    "RMSNorm",
    "subtracts_the_mean",
    NORM,
    "F.layer_norm(x, self.weight.shape, self.weight, None, self.eps)",
    "This is LayerNorm: it takes the mean off first. RMSNorm only divides by the root mean square.",
)
exercise.slip(
    "RMSNorm",
    "norm_without_its_weight",
    NORM,
    "F.rms_norm(x, self.weight.shape, None, self.eps)",
    "The weight is a parameter but is never used: every feature is multiplied by its weight.",
)
exercise.slip(
    "RMSNorm",
    "eps_left_out",
    NORM,
    "F.rms_norm(x, self.weight.shape, self.weight)",
    "The eps that was given is not used; rms_norm takes it as its last argument.",
)
exercise.slip(
    "RMSNorm",
    "eps_outside_the_root",
    NORM,
    "x / (x.pow(2).mean(-1, keepdim=True).sqrt() + self.eps) * self.weight",
    "eps is added to the root. It belongs under it, to the mean of the squares.",
)
exercise.slip(
    "RMSNorm",
    "sum_for_mean",
    NORM,
    "x / (x.pow(2).sum(-1, keepdim=True) + self.eps).sqrt() * self.weight",
    "The squares are summed. RMSNorm takes their mean, so that the width does not matter.",
)
exercise.slip(
    "RMSNorm",
    "starts_with_zeros",
    "torch.ones(d_model)",
    "torch.zeros(d_model)",
    "The weight starts at zero, so a new norm lets nothing through. It starts with ones.",
)


@exercise.mistake("RMSNorm")
class weight_is_no_parameter(modules.RMSNorm):
    """weight is a plain tensor: it is neither trained nor saved nor moved. Make it nn.Parameter."""

    def __init__(self, d_model, eps=1e-5):
        super().__init__(d_model, eps)
        del self.weight
        self.weight = torch.ones(d_model)

    def forward(self, x):
        return x * (x.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt() * self.weight.to(x.dtype)


exercise.slip(
    "RMSNorm",
    "another_default_eps",
    "eps: float = 1e-5",
    "eps: float = 1e-3",
    "eps has another default than 1e-5.",
)
exercise.slip(
    "RMSNorm",
    "norm_in_float32",
    NORM,
    "F.rms_norm(x.float(), self.weight.shape, self.weight.float(), self.eps)",
    "The result is float32 whatever x is. Go back to the dtype of x, and let float64 stay float64.",
)
exercise.slip(
    "RMSNorm",
    "root_cut_off",
    NORM,
    "x * (x.detach().pow(2).mean(-1, keepdim=True) + self.eps).rsqrt() * self.weight",
    "The root mean square is cut out of the graph (detach, no_grad), so x gets only one of its two "
    "gradients.",
)

# Mistakes: SwiGLU

GATED = "self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))"

exercise.slip(
    "SwiGLU",
    "gate_and_up_swapped",
    GATED,
    "self.down_proj(self.gate_proj(x) * F.silu(self.up_proj(x)))",
    "The up branch goes through silu here. It is the gate that does.",
)
exercise.slip(
    "SwiGLU",
    "gelu_for_silu",
    GATED,
    "self.down_proj(F.gelu(self.gate_proj(x)) * self.up_proj(x))",
    "The gate goes through GELU. SwiGLU has silu, z times sigmoid of z.",
)
exercise.slip(
    "SwiGLU",
    "sigmoid_for_silu",
    GATED,
    "self.down_proj(self.gate_proj(x).sigmoid() * self.up_proj(x))",
    "The gate goes through a sigmoid alone. silu is z times sigmoid of z.",
)
exercise.slip(
    "SwiGLU",
    "adds_the_branches",
    GATED,
    "self.down_proj(F.silu(self.gate_proj(x)) + self.up_proj(x))",
    "The two branches are added. They are multiplied, entry by entry.",
)
exercise.slip(
    "SwiGLU",
    "without_the_up_branch",
    GATED,
    "self.down_proj(F.silu(self.gate_proj(x)))",
    "The up branch is missing: the gate is multiplied by up_proj(x).",
)
exercise.slip(
    "SwiGLU",
    "mlp_with_a_bias",
    "self.down_proj = nn.Linear(d_ff, d_model, bias=False)",
    "self.down_proj = nn.Linear(d_ff, d_model)",
    "A layer has a bias. None of them has one: pass bias=False.",
)
exercise.slip(
    "SwiGLU",
    "gate_cut_off",
    GATED,
    "self.down_proj(F.silu(self.gate_proj(x)).detach() * self.up_proj(x))",
    "A branch is cut out of the graph, so its weight gets no gradient.",
)
exercise.slip(
    "SwiGLU",
    "mlp_in_float32",
    GATED,
    "self.down_proj.float()(F.silu(self.gate_proj.float()(x.float())) * "
    "self.up_proj.float()(x.float()))",
    "Everything is computed in float32, whatever the dtype of x and of the weights is.",
)

# Mistakes: Attention

SDPA = "F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)"
TURN = "q, k = _rope(q, turns), _rope(k, turns)"

exercise.slip(
    "Attention",
    "reads_the_future",
    SDPA,
    "F.scaled_dot_product_attention(q, k, v, enable_gqa=True)",
    "There is no causal mask: tokens read the ones that come after them.",
)
exercise.slip(
    "Attention",
    "scores_unscaled",
    SDPA,
    "F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True, scale=1.0)",
    "The scores are not divided by the square root of d_head.",
)
exercise.slip(
    "Attention",
    "scaled_by_d_model",
    SDPA,
    "F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True, "
    "scale=self.q_proj.in_features**-0.5)",
    "The scores are divided by the square root of d_model. What counts is the width of a head.",
)
exercise.slip(
    "Attention",
    "groups_dealt_out_in_turn",
    SDPA,
    "F.scaled_dot_product_attention(q, *(a.repeat(1, q.shape[1] // a.shape[1], 1, 1) "
    "for a in (k, v)), is_causal=True)",
    "Query heads 0, 1, 2, ... read key heads 0, 1, 0, 1, ... here. Neighbouring query heads share "
    "one: repeat_interleave, not repeat.",
)
exercise.slip(
    "Attention",
    "no_rotation",
    TURN,
    "pass",
    "Queries and keys are not rotated, so the order of earlier tokens does not matter.",
)
exercise.slip(
    "Attention",
    "keys_not_rotated",
    TURN,
    "q = _rope(q, turns)",
    "Only the queries are rotated. Scores depend on distances only if the keys are, too.",
)
exercise.slip(
    "Attention",
    "rotated_after_the_heads_moved",
    f"{TURN}\n        q, k, v = (a.transpose(1, 2) for a in (q, k, v))",
    "q, k, v = (a.transpose(1, 2) for a in (q, k, v))\n"
    "        turns = _turns(torch.arange(q.shape[1], device=x.device), self.d_head, self.theta)\n"
    "        q, k = _rope(q, turns), _rope(k, turns[: k.shape[1]])",
    "The rotation goes by the number of the head instead of the position: the axes of heads and "
    "tokens have been exchanged before it.",
)
exercise.slip(
    "Attention",
    "halves_for_neighbours",
    "wide.reshape(*x.shape[:-1], -1, 2)",
    "wide.reshape(*x.shape[:-1], 2, -1).transpose(-1, -2).contiguous()",
    "Features i and i + d_head / 2 make a pair here. In this model neighbours do, 2i and 2i + 1.",
    within="_rope",
)
exercise.slip(
    "Attention",
    "turned_the_other_way",
    "torch.polar(torch.ones_like(angles), angles)",
    "torch.polar(torch.ones_like(angles), -angles)",
    "The pairs turn the other way round; look at the signs.",
    within="_turns",
)
exercise.slip(
    "Attention",
    "half_the_frequencies",
    "theta ** (-pairs / d_head)",
    "theta ** (-pairs / d_head / 2)",
    "The frequencies are wrong: pair i turns by theta**(-2i / d_head) per position.",
    within="_turns",
)
exercise.slip(
    "Attention",
    "own_theta",
    "self.theta = config.rope_theta",
    "self.theta = 10000.0",
    "theta is a fixed number. It comes from the config.",
)
exercise.slip(
    "Attention",
    "angles_in_float32",
    "dtype=torch.float64",
    "dtype=torch.float32",
    "The angles are computed in float32, and far positions lose their digits. Compute them in "
    "float64, take cosine and sine, then go to the dtype of x.",
    within="_turns",
)
exercise.slip(
    "Attention",
    "positions_ignored",
    "if positions is None:",
    "if True:",
    "The positions that are given are not used.",
)
exercise.slip(
    "Attention",
    "positions_of_the_first_row",
    TURN,
    "turns = turns if turns.ndim == 3 else turns[0]\n        " + TURN,
    "Every row of the batch gets the positions of the first one.",
)
exercise.slip(
    "Attention",
    "positions_start_at_one",
    "torch.arange(x.shape[1], device=x.device)",
    "torch.arange(x.shape[1], device=x.device) * 2",
    "Without positions given, the tokens stand at 0, 1, 2, ...",
)
exercise.slip(
    "Attention",
    "masked_by_positions",
    SDPA,
    "F.scaled_dot_product_attention(q, k, v, enable_gqa=True, attn_mask=(positions[..., None, :] "
    "<= positions[..., :, None]).reshape(-1, 1, *[x.shape[1]] * 2))",
    "The mask compares positions. A token reads those before it in x, whatever their positions "
    "are.",
)
exercise.slip(
    "Attention",
    "heads_by_a_wrong_view",
    "project(x).unflatten(-1, (-1, self.d_head))",
    "project(x).reshape(x.shape[0], -1, x.shape[1], self.d_head).transpose(1, 2)",
    "The features are viewed as (B, heads, T, d_head) directly, which mixes tokens and features. "
    "Split the last axis first, then exchange axes.",
)
exercise.slip(
    "Attention",
    "heads_joined_wrongly",
    "heads.transpose(1, 2).flatten(-2)",
    "heads.reshape(x.shape)",
    "The heads are joined while they still stand before the tokens. Exchange the axes back first.",
)
exercise.slip(
    "Attention",
    "attention_with_a_bias",
    "self.q_proj = nn.Linear(config.d_model, config.d_model, bias=False)",
    "self.q_proj = nn.Linear(config.d_model, config.d_model)",
    "A layer has a bias. None of them has one: pass bias=False.",
)
exercise.slip(
    "Attention",
    "mask_in_the_state_dict",
    "narrow = config.n_kv_heads",
    'self.register_buffer("mask", torch.ones(config.max_T, config.max_T).tril())\n'
    "        narrow = config.n_kv_heads",
    "Something that is not learned (a mask, a table) is in the state dict, so no checkpoint fits.",
)
exercise.slip(
    "Attention",
    "keys_cut_off",
    "q, k, v = (a.transpose(1, 2) for a in (q, k, v))",
    "q, k, v = q.transpose(1, 2), k.detach().transpose(1, 2), v.transpose(1, 2)",
    "The keys are cut out of the graph, so k_proj gets no gradient.",
)
exercise.slip(
    "Attention",
    "attends_in_float32",
    SDPA,
    "F.scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=True, "
    "enable_gqa=True).to(x.dtype)",
    "Attention is computed in float32 whatever the dtype of x is; float64 should stay float64.",
)

# Mistakes: Block

ATTEND = "x = x + self.self_attn(self.input_layernorm(x), positions)"
FEED = "x + self.mlp(self.post_attention_layernorm(x))"

exercise.slip(
    "Block",
    "first_sum_missing",
    ATTEND,
    "x = self.self_attn(self.input_layernorm(x), positions)",
    "What attention gives replaces x. It is added to it.",
)
exercise.slip(
    "Block",
    "second_sum_missing",
    FEED,
    "self.mlp(self.post_attention_layernorm(x))",
    "What SwiGLU gives replaces x. It is added to it.",
)
exercise.slip(
    "Block",
    "norms_swapped",
    "self.input_layernorm(x), positions)\n        out: torch.Tensor = x + "
    "self.mlp(self.post_attention_layernorm(x))",
    "self.post_attention_layernorm(x), positions)\n        out: torch.Tensor = x + "
    "self.mlp(self.input_layernorm(x))",
    "The two norms are exchanged: input_layernorm stands before attention, the other one after "
    "attention and before SwiGLU.",
)
exercise.slip(
    "Block",
    "adds_the_normed_stream",
    ATTEND,
    "x = self.input_layernorm(x)\n        x = x + self.self_attn(x, positions)",
    "The normed x is what attention's result is added to. The sum takes x as it came.",
)
exercise.slip(
    "Block",
    "attention_not_normed",
    ATTEND,
    "x = x + self.self_attn(x, positions)",
    "Attention reads x without the norm before it.",
)
exercise.slip(
    "Block",
    "norms_after_the_sums",
    f"{ATTEND}\n        out: torch.Tensor = {FEED}",
    "x = self.input_layernorm(x + self.self_attn(x, positions))\n"
    "        out: torch.Tensor = self.post_attention_layernorm(x + self.mlp(x))",
    "The norms stand after the sums (post-norm). Here each stands before its sublayer.",
)
exercise.slip(
    "Block",
    "side_by_side",
    f"{ATTEND}\n        out: torch.Tensor = {FEED}",
    f"out: torch.Tensor = {FEED} + self.self_attn(self.input_layernorm(x), positions)",
    "Both sublayers read the same x. SwiGLU comes after attention and reads what that has added.",
)
exercise.slip(
    "Block",
    "block_without_positions",
    "self.self_attn(self.input_layernorm(x), positions)",
    "self.self_attn(self.input_layernorm(x))",
    "The positions are not handed on to attention.",
)
exercise.slip(
    "Block",
    "default_eps_before_attention",
    "self.input_layernorm = RMSNorm(config.d_model, config.norm_eps)",
    "self.input_layernorm = RMSNorm(config.d_model)",
    "A norm has the default eps. Both take the config's norm_eps.",
)
exercise.slip(
    "Block",
    "default_eps_before_the_mlp",
    "self.post_attention_layernorm = RMSNorm(config.d_model, config.norm_eps)",
    "self.post_attention_layernorm = RMSNorm(config.d_model)",
    "The norm before SwiGLU has the default eps. Both take the config's norm_eps.",
)
exercise.slip(
    "Block",
    "library_layernorm",
    "self.input_layernorm = RMSNorm(config.d_model, config.norm_eps)",
    "self.input_layernorm = nn.LayerNorm(config.d_model, config.norm_eps)",
    "input_layernorm is an nn.LayerNorm, as its name suggests. It is an RMSNorm all the same.",
)
exercise.slip(
    "Block",
    "stream_cut_off",
    ATTEND,
    "x = x.detach() + self.self_attn(self.input_layernorm(x), positions)",
    "x is cut out of the graph on its way to the sum: the gradient for earlier layers loses its "
    "straight path.",
)
exercise.slip(
    "Block",
    "changes_the_stream_in_place",
    ATTEND,
    "x = x.data.add_(self.self_attn(self.input_layernorm(x), positions)) if not "
    "torch.is_grad_enabled() or not x.requires_grad else "
    "x + self.self_attn(self.input_layernorm(x), positions)",
    "x is changed by the call, and the graph goes with it. Add into a new tensor.",
)

# Mistakes: Llama

DRAWN = "nn.init.normal_(parameter, std=0.02)"
TIE = "self.lm_head.weight = self.model.embed_tokens.weight"

exercise.slip(
    "Llama",
    "no_final_norm",
    "out: torch.Tensor = self.norm(x)",
    "out: torch.Tensor = x",
    "The final norm before the head is never used.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "first_layer_only",
    "for layer in self.layers:",
    "for layer in self.layers[:1]:",
    "Only the first layer is used.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "one_layer_many_times",
    "nn.ModuleList(Block(config) for _ in range(config.n_layers))",
    "nn.ModuleList([Block(config)] * config.n_layers)",
    "The list holds the same block n_layers times: all layers share their weights. Make each.",
    within="_Stack",
)


@exercise.mistake("Llama")
class a_plain_list(modules.Llama):
    """The layers are in a plain list, where PyTorch does not find their parameters. Use
    nn.ModuleList."""

    def __init__(self, config):
        super().__init__(config)
        layers = list(self.model.layers)
        del self.model.layers
        self.model.layers = layers

    def forward(self, ids, positions=None):
        for layer in self.model.layers:
            layer.to(self.lm_head.weight.dtype)
        return super().forward(ids, positions)


exercise.slip(
    "Llama",
    "model_without_positions",
    "x = layer(x, positions)",
    "x = layer(x)",
    "The positions are not handed on to the layers.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "default_eps_at_the_end",
    "self.norm = RMSNorm(config.d_model, config.norm_eps)",
    "self.norm = RMSNorm(config.d_model)",
    "The final norm has the default eps. It takes the config's norm_eps.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "embedding_scaled",
    "x = self.embed_tokens(ids)",
    "x = self.embed_tokens(ids) * self.embed_tokens.embedding_dim**0.5",
    "The embedding is multiplied by the square root of d_model, as in the first Transformer. "
    "LLaMA takes it as it is.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "never_tied",
    "if config.tied:",
    "if False:",
    "The config says tied, but the head does not have the embedding's own parameter: it has "
    "another one, or a copy. Assign the parameter itself.",
)
exercise.slip(
    "Llama",
    "always_tied",
    "if config.tied:",
    "if True:",
    "The head is tied to the embedding although the config does not say so.",
)
exercise.slip(
    "Llama",
    "tied_by_a_copy",
    TIE,
    "self.lm_head.weight = nn.Parameter(self.model.embed_tokens.weight.clone())",
    "The config says tied, but the head does not have the embedding's own parameter: it has "
    "another one, or a copy. Assign the parameter itself.",
)
exercise.slip(
    "Llama",
    "library_start",
    DRAWN,
    "pass",
    "The parameters start as PyTorch's own layers do. Matrices start as N(0, 0.02**2).",
)
exercise.slip(
    "Llama",
    "variance_for_deviation",
    DRAWN,
    "nn.init.normal_(parameter, std=0.02**0.5)",
    "0.02 is the standard deviation, not the variance.",
)
exercise.slip(
    "Llama",
    "linear_layers_only",
    "for parameter in self.parameters():\n            if parameter.ndim > 1:",
    "for module in self.modules():\n            if isinstance(module, nn.Linear):\n"
    "                parameter = module.weight",
    "Some matrices are not drawn from N(0, 0.02**2): is the embedding among those that are?",
)
exercise.slip(
    "Llama",
    "seeds_inside",
    "self.config = config",
    "self.config = config\n        torch.manual_seed(0)",
    "Every model starts with the same numbers, as if the generator were seeded inside.",
)
exercise.slip(
    "Llama",
    "head_with_a_bias",
    "self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)",
    "self.lm_head = nn.Linear(config.d_model, config.vocab_size)",
    "The head has a bias. No layer has one: pass bias=False.",
)
exercise.slip(
    "Llama",
    "a_table_of_positions",
    "self.norm = RMSNorm(config.d_model, config.norm_eps)",
    "self.norm = RMSNorm(config.d_model, config.norm_eps)\n"
    '        self.register_buffer("position_ids", torch.arange(config.max_T))',
    "Something that is not learned (a mask, a table) is in the state dict, so no checkpoint fits.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "cut_at_max_T",
    "x = self.embed_tokens(ids)",
    "x = self.embed_tokens(ids[:, -7:])",
    "Sequences longer than max_T are cut. The model itself has no limit: RoPE needs no table.",
    within="_Stack",
)

# Mistakes: load_numpy

COPY = "parameter.copy_(given[name])"
TRANSPOSED = 'np.array(w if name == "embedding" else w.T)'
REFUSE = "if {n: w.shape for n, w in given.items()} != {n: w.shape for n, w in own.items()}:"

exercise.slip(
    "load_numpy",
    "queries_and_keys_exchanged",
    "    with torch.no_grad():",
    "    for one, two in [(n, n.replace('q_proj', 'o_proj')) for n in given if 'q_proj' in n]:\n"
    "        given[one], given[two] = given[two], given[one]\n"
    "    with torch.no_grad():",
    "Arrays of the same shape are exchanged: look at the table, w_q and w_o for example.",
)
exercise.slip(
    "load_numpy",
    "norms_exchanged",
    "    with torch.no_grad():",
    "    for one in [n for n in given if 'input_' in n]:\n"
    "        two = one.replace('input_', 'post_attention_')\n"
    "        given[one], given[two] = given[two], given[one]\n"
    "    with torch.no_grad():",
    "attn_norm and mlp_norm are exchanged: post_attention_layernorm is the one before SwiGLU.",
)
exercise.slip(
    "load_numpy",
    "square_weights_not_transposed",
    TRANSPOSED,
    'np.array(w if name == "embedding" or w.shape[0] == w.shape[-1] else w.T)',
    "Square weights are not transposed. They are stored (out, in) like all the others.",
)
exercise.slip(
    "load_numpy",
    "rows_in_half_split_order",
    "    with torch.no_grad():",
    "    for n in [n for n in given if 'q_proj' in n]:\n"
    "        given[n] = given[n].unflatten(0, (model.config.n_heads, -1, 2)).transpose(1, 2)"
    ".flatten(0, 2)\n"
    "    with torch.no_grad():",
    "The rows of q_proj are put into the half-split order of a checkpoint file. Here, as in Volume "
    "1, neighbours make a pair, and nothing is reordered.",
)
exercise.slip(
    "load_numpy",
    "new_parameters",
    COPY,
    "model.get_submodule(name.rpartition('.')[0]).weight = nn.Parameter(given[name].to(parameter))",
    "The parameters are replaced by new ones, so an optimizer or a tied head keeps the old ones. "
    "Copy the numbers into those that are there.",
)


@exercise.mistake("load_numpy")
def shares_its_memory(model, params):
    """The model shares its memory with the arrays: when these change later, it does. Copy."""
    modules.load_numpy(model, params)
    own = dict(model.named_parameters())
    for name, w in params.items():
        w = w if w.flags.writeable else w.copy()  # else PyTorch warns
        array = torch.from_numpy(w if name == "embedding" else w.T)
        if array.dtype == own[name_of(name)].dtype:
            own[name_of(name)].data = array


exercise.slip(
    "load_numpy",
    "frozen_by_loading",
    COPY,
    "parameter.requires_grad_(False).copy_(given[name])",
    "After loading, the parameters require no gradient any more.",
)
exercise.slip(
    "load_numpy",
    "returns_the_model",
    f"            {COPY}",
    f"            {COPY}\n    return model",
    "The function returns something. It works in place and returns None.",
)
exercise.slip(
    "load_numpy",
    "accepts_anything",
    REFUSE,
    "given = {**{n: w.detach() for n, w in own.items()}, **given}\n"
    "    if any(given[n].numel() not in (1, w.numel()) for n, w in own.items()):",
    "Names that are missing or unknown, or shapes that only broadcast, are accepted. Compare names "
    "and shapes one to one before anything is copied.",
)
exercise.slip(
    "load_numpy",
    "missing_names_are_fine",
    REFUSE,
    "given = {**{n: w.detach() for n, w in own.items()}, **given}\n    " + REFUSE,
    "A name that is missing is not noticed, and the model is loaded in part.",
)
exercise.slip(
    "load_numpy",
    "unknown_names_are_fine",
    REFUSE,
    "given = {n: w for n, w in given.items() if n in own}\n    " + REFUSE,
    "A name that the model does not have is not noticed. What was it meant for?",
)
exercise.slip(
    "load_numpy",
    "shapes_not_compared",
    REFUSE,
    "if given.keys() != own.keys() or any(given[n].numel() not in (1, w.numel()) for n, w in "
    "own.items()):",
    "Shapes are not compared, and copy_ broadcasts: one number fits everywhere.",
)
exercise.slip(
    "load_numpy",
    "refuses_halfway",
    f"    {REFUSE}",
    "    with torch.no_grad():\n"
    "        for name, parameter in own.items():\n"
    "            if name in given and given[name].shape == parameter.shape:\n"
    "                parameter.copy_(given[name])\n"
    f"    {REFUSE}",
    "When something does not fit, a part has already been copied. Look at all of it first.",
)
exercise.slip(
    "load_numpy",
    "takes_the_dtype_of_the_arrays",
    COPY,
    "parameter.data = given[name]",
    "The parameters take over the dtype of the arrays. They keep their own.",
)
