"""Hidden checks for vol2_pytorch/modules.

What is expected comes from Volume 1: its functions, in float64, on the same numbers. A module and
its parameters stay with the student's code and are known by handles.
"""

from dataclasses import replace

import numpy as np

from autograder import Exercise, array, derived, integers, raises
from solutions.vol1_numpy.block import block, block_backward
from solutions.vol1_numpy.llama import llama, loss_and_grads
from solutions.vol1_numpy.multi_head import (
    Config,
    multi_head_attention,
    multi_head_attention_backward,
)
from solutions.vol1_numpy.rmsnorm import rmsnorm, rmsnorm_backward
from solutions.vol1_numpy.swiglu import swiglu, swiglu_backward
from solutions.vol2_pytorch import modules

# Parameters of Volume 1, by the path of the same ones here.
ATTENTION = {f"{letter}_proj.weight": f"w_{letter}" for letter in "qkvo"}
MLP = {f"{name}_proj.weight": f"w_{name}" for name in ("gate", "up", "down")}
BLOCK = {
    "input_layernorm.weight": "attn_norm",
    **{f"self_attn.{name}": key for name, key in ATTENTION.items()},
    "post_attention_layernorm.weight": "mlp_norm",
    **{f"mlp.{name}": key for name, key in MLP.items()},
}


def names_of_llama(config):
    """The same for a whole model."""
    names = {"model.embed_tokens.weight": "embedding"}
    for i in range(config.n_layers):
        names |= {f"model.layers.{i}.{name}": f"blocks.{i}.{key}" for name, key in BLOCK.items()}
    names["model.norm.weight"] = "final_norm"
    return names if config.tied else names | {"lm_head.weight": "head"}


def here(names, params):
    """Arrays of Volume 1 under the names, and in the orientation, that they have here."""
    return {
        name: params[key].T if key == "head" or ".w_" in f".{key}" else params[key]
        for name, key in names.items()
    }


def draw_config(rng, vocab_size, n_layers, n_heads, n_kv_heads, d_head, d_ff):
    """Constants that matter."""
    return Config(
        vocab_size=vocab_size,
        d_model=n_heads * d_head,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_ff=d_ff,
        max_T=97,
        rope_theta=float(rng.uniform(20.0, 60.0)),
        norm_eps=float(rng.uniform(0.1, 0.3)),
    )


def draw_block(rng, config):
    """Weights that keep everything near size 1, and gains that differ from 1."""
    d, narrow = config.d_model, config.d_model // config.n_heads * config.n_kv_heads
    shapes = {"w_q": (d, d), "w_k": (d, narrow), "w_v": (d, narrow), "w_o": (d, d)}
    shapes |= {"w_gate": (d, config.d_ff), "w_up": (d, config.d_ff), "w_down": (config.d_ff, d)}
    params = {n: rng.standard_normal(s) * s[0] ** -0.5 for n, s in shapes.items()}
    return params | {n: 1.0 + 0.4 * rng.standard_normal(d) for n in ("attn_norm", "mlp_norm")}


def draw_params(rng, config):
    """The parameters of a whole model, untied."""
    size = (config.vocab_size, config.d_model)
    params = {"embedding": rng.standard_normal(size)}
    for i in range(config.n_layers):
        params |= {f"blocks.{i}.{name}": w for name, w in draw_block(rng, config).items()}
    params["final_norm"] = 1.0 + 0.4 * rng.standard_normal(config.d_model)
    return params | {"head": rng.standard_normal(size[::-1]) * config.d_model**-0.5}


def draw_positions(T):
    """A gap after the first half, so that positions are not just counted."""
    return np.arange(T) + 3 * (np.arange(T) >= (T + 1) // 2)


exercise = Exercise(
    "vol2_pytorch/modules",
    solution=modules,
    arrays="torch",
    difficulty=3,
    minutes=150,
    inputs={
        "config": derived(draw_config),
        "params": derived(draw_params),
        "weights": derived(draw_block),
        "x": derived(lambda rng, B, T, config: rng.standard_normal((B, T, config.d_model))),
        "dout": derived(lambda rng, B, T, config: rng.standard_normal((B, T, config.d_model))),
        "positions": derived(draw_positions),
        "rows": derived(lambda rng, B, T: np.sort(rng.integers(0, 40, size=(B, T)), axis=1)),
        "ids": integers("B T", "vocab_size"),
        "targets": integers("B T", "vocab_size"),
        "gain": array("d_ff", mean=1.0, scale=0.4),
        "wide": array("B T d_ff"),
        "dwide": array("B T d_ff"),
        "eps": derived(lambda rng: float(rng.uniform(0.1, 0.3))),
    },
    # Everything distinct; square; as small as possible. (With one token alone gradients of q_proj
    # are 0 up to rounding.)
    sizes={
        "B": [3, 4, 1],
        "T": [5, 4, 2],
        "n_heads": [4, 2, 1],
        "n_kv_heads": [2, 2, 1],
        "d_head": [6, 4, 2],
        "d_ff": [7, 8, 1],
        "n_layers": [2, 2, 1],
        "vocab_size": [11, 8, 3],
    },
)
ONE = {
    "B": [2],
    "T": [4],
    "n_heads": [3],
    "n_kv_heads": [1],
    "d_head": [4],
    "d_ff": [5],
    "n_layers": [2],
    "vocab_size": [7],
}
# Logits and gradients equal those of Volume 1 to ten digits.
RTOL = 1e-10


# Driving modules by handles


def made(student, name, config):
    """A new module of the student's for a config."""
    return getattr(student, name)(student.library("types.SimpleNamespace")(**vars(config)))


def seed(student, number):
    """Seed PyTorch on the CPU."""
    student.library("torch.default_generator.manual_seed")(number)


def parameters(student, module):
    """The names of a module's parameters, and a list of these that stays there."""
    named = student.keep(student.library("builtins.dict"), module.named_parameters())
    every = student.library("builtins.list")
    return every(named), student.keep(every, named.values())


def filled(student, module, weights, dtype="float64"):
    """The module with these weights, if it has parameters of exactly these names."""
    names, _ = parameters(student, module)
    if set(names) != set(weights):
        raise KeyError(f"the parameters are {names}")
    if dtype == "float64":
        student.keep(module.double)
    student.keep(module.load_state_dict, weights, strict=False)
    # Should the module draw anything from here on, two runs of one mistake draw the same.
    seed(student, 0)
    return module


def gradients(student, module, out, dout, names, x=None):
    """The gradients of the parameters `names`, in that order, and of x first if it is given."""
    yield out.requires_grad
    have, wrt = parameters(student, module)
    if x is not None:
        have = ["x", *have]
        wrt = student.keep(student.library("operator.concat"), [x], wrt)
    got = student.library("torch.autograd.grad")(out, wrt, dout, allow_unused=True)
    by_name = dict(zip(have, got, strict=True))
    yield tuple(by_name[name] for name in names)


def learning(student, x):
    """x on the student's side, wanting a gradient."""
    return student.keep(student.library("torch.Tensor.requires_grad_"), student.hold(x))


def transposed(student, x):
    """x on the student's side, not contiguous."""
    return student.keep(student.library("torch.transpose"), student.hold(x.swapaxes(0, 1)), 0, 1)


def outline(student, module):
    """The names and shapes of all parameters, whether all are trained, and what is saved."""
    names, tensors = parameters(student, module)
    every, each = student.library("builtins.list"), student.library("builtins.map")
    sizes = every(student.keep(each, student.library("torch.Tensor.size"), tensors))
    trained = student.library("operator.attrgetter")("requires_grad")
    yield dict(zip(names, map(tuple, sizes), strict=True))
    yield all(every(student.keep(each, trained, tensors)))
    yield set(every(module.state_dict()))


def is_outlined(student, module, weights, saved=None):
    """Does a module have exactly these parameters, all of them trained, and save nothing else?"""
    shapes, trained, names = outline(student, module)
    yield shapes == {name: weight.shape for name, weight in weights.items()}
    yield trained
    yield names == set(weights if saved is None else saved)


def keeps_its_input(student, module, x, want, *others):
    """An input of another layout is accepted and left as it was."""
    held = transposed(student, x)
    yield module(held, *others), want
    yield student.fetch(held), x


def changed(x, rng):
    """A time, and x with other tokens from then on."""
    cut = int(rng.integers(1, x.shape[1]))
    other = x.copy()
    other[:, cut:] = rng.permuted(x[:, cut:], axis=None) + 1
    return cut, other


# RMSNorm


@exercise.satisfies("RMSNorm", kind="R", points=2, rtol=RTOL)
def normalises_as_in_volume_1(student, wide, gain, eps):
    """The output is that of Volume 1."""
    layer = filled(student, student.RMSNorm(len(gain), eps), {"weight": gain})
    return layer(wide), rmsnorm(wide, gain, eps)


@exercise.satisfies("RMSNorm", kind="R", points=1, rtol=RTOL)
def norm_gradients_are_those_of_volume_1(student, wide, dwide, gain, eps):
    """The gradients of x and of the gain are those of Volume 1."""
    layer = filled(student, student.RMSNorm(len(gain), eps), {"weight": gain})
    x = learning(student, wide)
    learned, got = gradients(student, layer, student.keep(layer, x), dwide, ["x", "weight"], x)
    yield learned
    yield got, rmsnorm_backward(dwide, wide, gain, eps)


@exercise.satisfies("RMSNorm", points=1, sizes=ONE)
def a_new_norm_has_a_gain_of_ones(student, gain):
    """There is one parameter, `weight`, trained and all ones; nothing else is saved."""
    layer = student.RMSNorm(len(gain))
    yield from is_outlined(student, layer, {"weight": gain})
    yield bool((layer.weight == 1).all())


@exercise.satisfies("RMSNorm", kind="E", points=1, sizes=ONE, rtol=RTOL)
def eps_is_1e_5_by_default(student, wide, gain):
    """Without an eps, it is 1e-5; x may have any number of leading axes."""
    layer = filled(student, student.RMSNorm(len(gain)), {"weight": gain})
    for x in (3e-3 * wide, 3e-3 * wide[0], 3e-3 * wide[0, 0]):
        yield layer(x), rmsnorm(x, gain, 1e-5)


@exercise.satisfies("RMSNorm", kind="E", points=1, sizes=ONE, dtype="float32")
def norm_keeps_float32_and_its_input(student, wide, gain, eps):
    """float32 stays float32; x may be non-contiguous and is left as it was."""
    layer = filled(student, student.RMSNorm(len(gain), eps), {"weight": gain}, "float32")
    double = (a.astype(np.float64) for a in (wide, gain))
    yield from keeps_its_input(student, layer, wide, rmsnorm(*double, eps))


# SwiGLU


def new_mlp(student, weights, dtype="float64"):
    """A SwiGLU with the weights of a block of Volume 1."""
    d_model, d_ff = weights["w_gate"].shape
    return filled(student, student.SwiGLU(d_model, d_ff), here(MLP, weights), dtype)


def mlp_arguments(weights):
    return weights["w_gate"], weights["w_up"], weights["w_down"]


@exercise.satisfies("SwiGLU", kind="R", points=2, rtol=RTOL)
def swiglu_as_in_volume_1(student, x, weights):
    """The output is that of Volume 1."""
    return new_mlp(student, weights)(x), swiglu(x, *mlp_arguments(weights))


@exercise.satisfies("SwiGLU", kind="R", points=1, rtol=RTOL)
def swiglu_gradients_are_those_of_volume_1(student, x, dout, weights):
    """The gradients of x and of the three weights are those of Volume 1."""
    layer, held = new_mlp(student, weights), learning(student, x)
    names = ["x", *MLP]
    learned, got = gradients(student, layer, student.keep(layer, held), dout, names, held)
    yield learned
    dx, *dweights = swiglu_backward(dout, x, *mlp_arguments(weights))
    yield got, (dx, *(d.T for d in dweights))


@exercise.satisfies("SwiGLU", points=1, sizes=ONE)
def swiglu_has_three_weights_and_no_bias(student, weights):
    """The parameters are the weights of gate_proj, up_proj and down_proj, (out, in), no bias."""
    yield from is_outlined(student, student.SwiGLU(*weights["w_gate"].shape), here(MLP, weights))


@exercise.satisfies("SwiGLU", kind="E", points=1, sizes=ONE, dtype="float32")
def swiglu_keeps_float32_and_its_input(student, x, weights):
    """float32 stays float32; x may have any number of leading axes, and is left as it was."""
    layer = new_mlp(student, weights, "float32")
    want = swiglu(x.astype(np.float64), *(w.astype(np.float64) for w in mlp_arguments(weights)))
    yield from keeps_its_input(student, layer, x, want)
    yield layer(x[0, 0]), want[0, 0]


# Attention


def new_attention(student, config, weights, dtype="float64"):
    """An Attention with the weights of a block of Volume 1."""
    return filled(student, made(student, "Attention", config), here(ATTENTION, weights), dtype)


def attention_of(x, weights, config, positions):
    """The output of Volume 1."""
    return multi_head_attention(x, weights, config, positions)[0]


@exercise.satisfies("Attention", kind="R", points=3, rtol=RTOL)
def attends_as_in_volume_1(student, x, weights, config):
    """The output is that of Volume 1; positions are 0 to T - 1 unless they are given."""
    layer = new_attention(student, config, weights)
    return layer(x), attention_of(x, weights, config, np.arange(x.shape[1]))


@exercise.satisfies("Attention", kind="R", points=2, sizes=ONE, rtol=RTOL)
def attends_at_given_positions(student, x, weights, config, positions, rows):
    """Positions may be given, for all rows of the batch or for each."""
    layer = new_attention(student, config, weights)
    yield layer(x, positions), attention_of(x, weights, config, positions)
    yield layer(x, rows), attention_of(x, weights, config, rows)


@exercise.satisfies("Attention", kind="R", points=2, rtol=RTOL)
def attention_gradients_are_those_of_volume_1(student, x, dout, weights, config, positions):
    """The gradients of x and of the four weights are those of Volume 1."""
    layer, held = new_attention(student, config, weights), learning(student, x)
    out = student.keep(layer, held, positions)
    learned, got = gradients(student, layer, out, dout, ["x", *ATTENTION], held)
    yield learned
    _, cache = multi_head_attention(x, weights, config, positions)
    dx, dparams = multi_head_attention_backward(dout, cache)
    yield got, (dx, *(dparams[key].T for key in ATTENTION.values()))


@exercise.satisfies("Attention", points=1, sizes=ONE)
def attention_has_four_weights_and_no_bias(student, weights, config):
    """The parameters are the four weights, (out, in), no bias; no table or mask is saved."""
    yield from is_outlined(student, made(student, "Attention", config), here(ATTENTION, weights))


@exercise.satisfies("Attention", points=1, sizes=ONE, rtol=RTOL)
def later_tokens_change_nothing(student, x, weights, config, positions, rng):
    """Other tokens later in the sequence change no earlier output."""
    layer = new_attention(student, config, weights)
    cut, other = changed(x, rng)
    return layer(other, positions)[:, :cut], layer(x, positions)[:, :cut]


@exercise.satisfies("Attention", points=1, sizes=ONE, rtol=RTOL)
def distances_alone_matter(student, x, weights, config, positions):
    """All positions shifted by one number change nothing; other distances do."""
    layer = new_attention(student, config, weights)
    out = layer(x, positions)
    yield layer(x, positions + 41), out
    yield np.abs(layer(x, 2 * positions) - out).max() > 1e-3


@exercise.satisfies("Attention", kind="E", points=1, sizes=ONE, dtype="float32")
def attention_keeps_float32_and_its_input(student, x, weights, config, positions):
    """float32 stays float32; x may be non-contiguous, and inputs are left as they were."""
    layer = new_attention(student, config, weights, "float32")
    double = {name: w.astype(np.float64) for name, w in weights.items()}
    x64 = x.astype(np.float64)
    held = student.hold(positions)
    want = attention_of(x64, double, config, positions)
    yield from keeps_its_input(student, layer, x, want, held)
    yield student.fetch(held), positions


@exercise.satisfies("Attention", kind="E", points=1, sizes=ONE, dtype="float32")
def attention_follows_its_device(student, x, weights, config):
    """What forward makes itself is on the device of x."""
    device = student.library("torch.device")("meta")
    layer = student.keep(made(student, "Attention", config).to, device)
    there = student.keep(student.part(student.hold(x), "to"), device)
    return not raises(RuntimeError, student.keep, layer, there)


# Block


def new_block(student, config, weights, dtype="float64"):
    """A Block with the weights of one of Volume 1."""
    return filled(student, made(student, "Block", config), here(BLOCK, weights), dtype)


@exercise.satisfies("Block", kind="R", points=1, rtol=RTOL)
def a_block_as_in_volume_1(student, x, weights, config, positions):
    """The output is that of Volume 1, with positions given and without."""
    layer = new_block(student, config, weights)
    yield layer(x), block(x, weights, config, np.arange(x.shape[1]))[0]
    yield layer(x, positions), block(x, weights, config, positions)[0]


@exercise.satisfies("Block", kind="R", points=2, sizes=ONE, rtol=RTOL)
def a_block_adds_what_its_parts_give(student, x, weights, config, rows):
    """The output is what your own four parts give, put together, whatever they compute."""
    layer = new_block(student, config, weights)
    normed = layer.input_layernorm(x)
    middle = x + layer.self_attn(normed, rows)
    seen = layer.post_attention_layernorm(middle)
    want = middle + layer.mlp(seen)
    # Parts that do nothing would make this say nothing.
    for before, after in ((x, normed), (x, middle), (middle, seen), (middle, want)):
        yield np.abs(after - before).max() > 1e-3
    yield layer(x, rows), want


@exercise.satisfies("Block", kind="R", points=1, sizes=ONE, rtol=RTOL)
def block_gradients_are_those_of_volume_1(student, x, dout, weights, config, positions):
    """The gradients of x and of all nine parameters are those of Volume 1."""
    layer, held = new_block(student, config, weights), learning(student, x)
    out = student.keep(layer, held, positions)
    learned, got = gradients(student, layer, out, dout, ["x", *BLOCK], held)
    yield learned
    _, cache = block(x, weights, config, positions)
    dx, dparams = block_backward(dout, cache)
    yield got, (dx, *here(BLOCK, dparams).values())


@exercise.satisfies("Block", points=1, sizes=ONE)
def a_block_has_nine_parameters(student, weights, config):
    """The parameters have the nine names and shapes of a layer of LlamaForCausalLM."""
    yield from is_outlined(student, made(student, "Block", config), here(BLOCK, weights))


@exercise.satisfies("Block", kind="E", points=1, sizes=ONE, dtype="float32")
def a_block_keeps_float32_and_its_input(student, x, weights, config, rows):
    """float32 stays float32; the stream that comes in is left as it was."""
    layer = new_block(student, config, weights, "float32")
    double = {name: w.astype(np.float64) for name, w in weights.items()}
    want = block(x.astype(np.float64), double, config, rows)[0]
    yield from keeps_its_input(student, layer, x, want, rows)


# Llama


def new_llama(student, config, params, dtype="float64"):
    """A Llama with the parameters of a model of Volume 1."""
    weights = here(names_of_llama(config), params)
    return filled(student, made(student, "Llama", config), weights, dtype)


def of_each_row(params, ids, config, rows):
    """The logits of Volume 1 with positions of each row's own."""
    x = params["embedding"][ids]
    for i in range(config.n_layers):
        prefix = f"blocks.{i}."
        own = {n.removeprefix(prefix): w for n, w in params.items() if n.startswith(prefix)}
        x, _ = block(x, own, config, rows)
    return rmsnorm(x, params["final_norm"], config.norm_eps) @ params["head"]


def all_gradients(student, model, config, params, ids, targets):
    """The gradients of the loss by every parameter, theirs and ours."""
    logits = student.keep(student.keep(model, ids).transpose, 1, 2)
    loss = student.keep(student.library("torch.nn.functional.cross_entropy"), logits, targets)
    names = names_of_llama(config)
    learned, got = gradients(student, model, loss, None, list(names))
    yield learned
    _, grads = loss_and_grads(params, ids, targets, config)
    yield got, tuple(here(names, grads).values())


@exercise.satisfies("Llama", kind="R", points=3, rtol=RTOL)
def logits_are_those_of_volume_1(student, params, config, ids):
    """The logits are those of Volume 1."""
    return new_llama(student, config, params)(ids), llama(params, ids, config)[0]


@exercise.satisfies("Llama", kind="R", points=2, sizes=ONE, rtol=RTOL)
def a_model_runs_its_own_blocks(student, params, config, ids, rows):
    """The logits are what your own embedding, blocks, norm and head give, one after the other."""
    model = new_llama(student, config, params)
    x, inner = params["embedding"][ids], model.model
    for i in range(config.n_layers):
        before, x = x, inner.layers[i](x, rows)
        yield np.abs(x - before).max() > 1e-3
    normed = inner.norm(x)
    yield np.abs(normed - x).max() > 1e-3
    yield model(ids, rows), normed @ params["head"]


@exercise.satisfies("Llama", kind="R", points=2, sizes=ONE, rtol=RTOL)
def every_gradient_is_that_of_volume_1(student, params, config, ids, targets):
    """The gradient of the loss by every parameter is that of Volume 1."""
    model = new_llama(student, config, params)
    yield from all_gradients(student, model, config, params, ids, targets)


@exercise.satisfies("Llama", kind="R", points=2, sizes=ONE, rtol=RTOL)
def a_tied_model_has_one_table(student, params, config, ids, targets):
    """Tied, the head is the embedding: one parameter, with the sum of both gradients."""
    config = replace(config, tied=True)
    params = {name: w for name, w in params.items() if name != "head"}
    model = new_llama(student, config, params)
    yield model(ids), llama(params, ids, config)[0]
    yield from all_gradients(student, model, config, params, ids, targets)


@exercise.satisfies("Llama", kind="R", points=1, sizes=ONE, rtol=RTOL)
def positions_reach_every_layer(student, params, config, ids, rows):
    """Positions may be given, for each row of the batch."""
    return new_llama(student, config, params)(ids, rows), of_each_row(params, ids, config, rows)


@exercise.satisfies("Llama", points=1, sizes=ONE)
def names_are_those_of_checkpoints(student, params, config):
    """Parameters have the names and shapes of LlamaForCausalLM; no mask or table is saved."""
    for one in (config, replace(config, tied=True)):
        weights = here(names_of_llama(one), params)
        saved = {*weights, "lm_head.weight"}
        yield from is_outlined(student, made(student, "Llama", one), weights, saved)


@exercise.satisfies(
    "Llama",
    points=1,
    sizes=ONE | {"d_head": [12], "n_kv_heads": [3], "d_ff": [40], "vocab_size": [50]},
)
def a_new_model_is_small_and_random(student, config, rng):
    """Matrices begin as N(0, 0.02 ** 2) from PyTorch's generator, gains as ones."""
    number = int(rng.integers(2**31))
    drawn = []
    for start in (number, number, number + 1):
        seed(student, start)
        names, tensors = parameters(student, made(student, "Llama", config))
        drawn.append(student.fetch(tensors, record=False))
    facts = []
    for one, again, other in zip(*drawn, strict=True):
        if one.ndim == 2:
            small = 0.016 < one.std() < 0.024 and abs(one.mean()) < 0.005
            facts.append([small, (one == again).all(), (one != other).any(), one.std() > 0.004])
        else:
            facts.append([(one == 1).all()])
    matrices = [one[0, 0] for one in drawn[0] if one.ndim == 2]
    facts = [bool(fact) for some in facts for fact in some]
    facts.append(len(set(matrices)) == len(matrices))
    # In the place of the random numbers, so that mistakes can be told apart.
    student.transcript.append([*names, *facts])
    return all(facts)


@exercise.satisfies("Llama", points=1, sizes=ONE, rtol=RTOL)
def the_past_ignores_the_future(student, params, config, ids, rng):
    """Later tokens change no earlier logits, and no row of the batch knows of another."""
    model = new_llama(student, config, params)
    logits = model(ids)
    other = ids.copy()
    other[:, 2:] = (ids[:, 2:] + 1) % config.vocab_size
    yield model(other)[:, :2], logits[:, :2]
    yield model(ids[1:]), logits[1:]


@exercise.satisfies("Llama", kind="E", points=1, sizes=ONE, dtype="float32")
def a_model_keeps_float32(student, params, config, ids):
    """float32 parameters give float32 logits; the ids are left as they were."""
    model = new_llama(student, config, params, "float32")
    held = student.hold(ids)
    double = {name: w.astype(np.float64) for name, w in params.items()}
    yield model(held), llama(double, ids, config)[0]
    yield student.fetch(held), ids


# load_numpy


def as_numpy(student, params):
    """The parameters as a dict of NumPy arrays on the student's side."""
    each, every = student.library("builtins.map"), student.library("builtins.list")
    tensors = student.hold([np.ascontiguousarray(w) for w in params.values()])
    arrays = student.keep(every, student.keep(each, student.library("torch.Tensor.numpy"), tensors))
    pairs = student.keep(student.library("builtins.zip"), list(params), arrays)
    return student.keep(student.library("builtins.dict"), pairs)


def loaded(student, config, params, dtype="float64"):
    """A model of the student's, its parameters before, and after `load_numpy`."""
    seed(student, 0)  # what a mistake leaves as it was is the same in two runs of it
    model = made(student, "Llama", config)
    if dtype == "float64":
        student.keep(model.double)
    names, tensors = parameters(student, model)
    if set(names) != set(names_of_llama(config)):
        raise KeyError(f"the parameters are {names}")
    arrays = as_numpy(student, params)
    yield model, names, tensors
    yield arrays, student.load_numpy(model, arrays)


def now(student, names, tensors):
    """The values of parameters by name."""
    return dict(zip(names, student.fetch(tensors), strict=True))


def in_order(values, config):
    return tuple(values[name] for name in names_of_llama(config))


@exercise.satisfies("load_numpy", kind="R", points=3)
def every_parameter_is_loaded(student, params, config):
    """Every parameter has its values, and None is returned."""
    (model, *_), (_, result) = loaded(student, config, params)
    got = now(student, *parameters(student, model))
    yield in_order(got, config), tuple(here(names_of_llama(config), params).values())
    yield result is None


@exercise.satisfies("load_numpy", points=1, sizes=ONE)
def a_tied_model_is_loaded(student, params, config):
    """A tied model is loaded from a dict without a head, and is tied afterwards."""
    config = replace(config, tied=True)
    params = {name: w for name, w in params.items() if name != "head"}
    (model, *_), _ = loaded(student, config, params)
    got = now(student, *parameters(student, model))
    yield in_order(got, config), tuple(here(names_of_llama(config), params).values())
    same = student.library("operator.is_")
    head, table = "lm_head.weight", "model.embed_tokens.weight"
    yield same(*[student.keep(model.get_parameter, name) for name in (head, table)])


@exercise.satisfies("load_numpy", points=2, sizes=ONE)
def parameters_stay_the_same_objects(student, params, config):
    """It writes into the parameters that are there, unseen by autograd: they are still trained."""
    (_, names, tensors), _ = loaded(student, config, params)
    got = now(student, names, tensors)
    yield in_order(got, config), tuple(here(names_of_llama(config), params).values())
    every, each = student.library("builtins.list"), student.library("builtins.map")
    for fact in ("is_leaf", "requires_grad"):
        read = student.library("operator.attrgetter")(fact)
        yield all(every(student.keep(each, read, tensors)))


@exercise.satisfies("load_numpy", kind="E", points=1, sizes=ONE)
def a_float32_model_stays_float32(student, params, config):
    """The dtype of the model stays, whatever that of the arrays is."""
    (model, *_), _ = loaded(student, config, params, "float32")
    got = now(student, *parameters(student, model))
    yield {value.dtype.name for value in got.values()} == {"float32"}
    want = here(names_of_llama(config), params)
    for name, value in want.items():
        yield np.abs(got[name] - value).max() < 1e-6 * np.abs(value).max()


@exercise.satisfies("load_numpy", kind="E", points=1, sizes=ONE)
def nothing_is_shared_with_the_arrays(student, params, config):
    """The arrays are left as they were, and what is written into them later changes no model."""
    (model, *_), (arrays, _) = loaded(student, config, params)
    after = student.fetch(arrays)
    yield tuple(after[name] for name in params), tuple(params.values())
    every, each = student.library("builtins.list"), student.library("builtins.map")
    zeros = student.keep(student.library("itertools.repeat"), 0.0)
    fill = student.library("numpy.ndarray.fill")
    student.keep(every, student.keep(each, fill, arrays.values(), zeros))
    got = now(student, *parameters(student, model))
    yield in_order(got, config), tuple(here(names_of_llama(config), params).values())


# Solutions that know nothing


@exercise.null("RMSNorm")
class norm_that_only_scales(modules.RMSNorm):
    def forward(self, x):
        return x * self.weight


@exercise.null("RMSNorm")
class norm_of_zeros(modules.RMSNorm):
    def forward(self, x):
        return 0 * super().forward(x)


@exercise.null("SwiGLU")
class linear_only(modules.SwiGLU):
    def forward(self, x):
        return self.down_proj(self.gate_proj(x) + self.up_proj(x))


@exercise.null("Attention")
class nobody_looks_around(modules.Attention):
    def forward(self, x, positions=None):
        v = self.v_proj(x).unflatten(-1, (self.n_kv_heads, -1))
        v = v.repeat_interleave(self.n_heads // self.n_kv_heads, dim=2)
        return self.o_proj(v.flatten(2)) + 0 * (self.q_proj(x).sum() + self.k_proj(x).sum())


@exercise.null("Block")
class idle_block(modules.Block):
    def forward(self, x, positions=None):
        return 1 * x


@exercise.null("Block")
class twice_the_block(modules.Block):
    def forward(self, x, positions=None):
        return 2 * super().forward(x, positions)


@exercise.null("Llama")
class even_odds(modules.Llama):
    def forward(self, ids, positions=None):
        return 0 * super().forward(ids, positions)


@exercise.null("Llama")
class without_blocks(modules.Llama):
    def forward(self, ids, positions=None):
        return self.lm_head(self.model.norm(self.model.embed_tokens(ids)))


@exercise.null("load_numpy")
def fills_with_zeros(model, params):
    for parameter in model.parameters():
        parameter.data.zero_()


# Mistakes: RMSNorm

KERNEL = "F.rms_norm(x, self.weight.shape, self.weight, self.eps)"
MEAN = "x.square().mean(dim=-1, keepdim=True)"

exercise.slip(
    "RMSNorm",
    "eps_left_out",
    KERNEL,
    "F.rms_norm(x, self.weight.shape, self.weight)",
    "eps is not passed on. Left out, F.rms_norm takes the smallest step of the dtype, which is "
    "practically 0.",
)
exercise.slip(
    "RMSNorm",
    "gain_left_out",
    KERNEL,
    "F.rms_norm(x, self.weight.shape, eps=self.eps) + 0 * self.weight",
    "The normalised token is not multiplied by the gain.",
)
exercise.slip(
    "RMSNorm",
    "layer_norm",
    KERNEL,
    "F.layer_norm(x, self.weight.shape, self.weight, eps=self.eps)",
    "The mean is subtracted: this is LayerNorm. RMSNorm only scales.",
)
exercise.slip(
    "RMSNorm",
    "eps_outside_the_root",
    KERNEL,
    f"x / ({MEAN}.sqrt() + self.eps) * self.weight",
    "eps is added to the root. It belongs under the root, to the mean of the squares.",
)
exercise.slip(
    "RMSNorm",
    "sum_for_mean",
    KERNEL,
    "x * (x.square().sum(dim=-1, keepdim=True) + self.eps).rsqrt() * self.weight",
    "Under the root there is the sum of the squares; it is their mean.",
)
exercise.slip(
    "RMSNorm",
    "means_over_all_tokens",
    KERNEL,
    "x * (x.square().mean() + self.eps).rsqrt() * self.weight",
    "One root mean square is taken of all tokens together. Each token has its own: a mean over the "
    "last axis that keeps this axis.",
)
exercise.slip(
    "RMSNorm",
    "one_plus_the_gain",
    KERNEL,
    "F.rms_norm(x, self.weight.shape, 1 + self.weight, self.eps)",
    "The gain is 1 + weight here, as in Gemma. In LLaMA it is the weight itself.",
)
exercise.slip(
    "RMSNorm",
    "gain_begins_at_zero",
    "torch.ones(d_model)",
    "torch.zeros(d_model)",
    "A new gain is zero, so that nothing gets through. It begins as ones.",
)
exercise.slip(
    "RMSNorm",
    "gain_is_no_parameter",
    "self.weight = nn.Parameter(torch.ones(d_model))",
    "self.weight = torch.ones(d_model)",
    "`weight` is a plain tensor: no optimizer finds it, no checkpoint has it. Make it an "
    "nn.Parameter.",
)
exercise.slip(
    "RMSNorm",
    "gain_has_another_name",
    "self.weight = nn.Parameter(torch.ones(d_model))",
    "self.gain = nn.Parameter(torch.ones(d_model))",
    "The gain has another name than `weight`. Checkpoints are read by name.",
    within="RMSNorm",
)
exercise.slip(
    "RMSNorm",
    "another_default_for_eps",
    "eps: float = 1e-5",
    "eps: float = 1e-6",
    "eps is 1e-5 unless it is given; yours is another number.",
)
exercise.slip(
    "RMSNorm",
    "always_in_float32",
    KERNEL,
    "F.rms_norm(x.float(), self.weight.shape, self.weight.float(), self.eps)",
    "The result is float32 whatever the dtype of x is. Go back to the dtype of x at the end.",
)
exercise.slip(
    "RMSNorm",
    "always_in_float64",
    KERNEL,
    "F.rms_norm(x.double(), self.weight.shape, self.weight.double(), self.eps)",
    "The result is float64 for a float32 x. It has the dtype of x.",
)
exercise.slip(
    "RMSNorm",
    "divides_in_place",
    KERNEL,
    f"x.data.mul_(({MEAN} + self.eps).rsqrt().data) * self.weight",
    "x is changed by the call, and autograd does not see it. Others still read x: compute a new "
    "tensor.",
)
exercise.slip(
    "RMSNorm",
    "scale_cut_off",
    KERNEL,
    f"x * ({MEAN} + self.eps).rsqrt().detach() * self.weight",
    "The root mean square is detached, so that x gets only a part of its gradient. It depends on "
    "x, too.",
)


# Mistakes: SwiGLU

GATED = "F.silu(self.gate_proj(x)) * self.up_proj(x)"

exercise.slip(
    "SwiGLU",
    "gate_and_up_exchanged",
    GATED,
    "self.gate_proj(x) * F.silu(self.up_proj(x))",
    "silu is applied to the up branch. It belongs on the gate.",
)
exercise.slip(
    "SwiGLU",
    "silu_on_both",
    GATED,
    "F.silu(self.gate_proj(x)) * F.silu(self.up_proj(x))",
    "Both branches go through silu. Only the gate does.",
)
exercise.slip(
    "SwiGLU",
    "silu_of_the_product",
    GATED,
    "F.silu(self.gate_proj(x) * self.up_proj(x))",
    "silu is applied to the product. It belongs on the gate alone, before the product.",
)
exercise.slip(
    "SwiGLU",
    "no_silu",
    GATED,
    "self.gate_proj(x) * self.up_proj(x)",
    "There is no silu: the gate is a plain linear branch.",
)
exercise.slip(
    "SwiGLU",
    "sigmoid_gate",
    GATED,
    "torch.sigmoid(self.gate_proj(x)) * self.up_proj(x)",
    "The gate is a sigmoid, which makes it GLU. silu(z) is z times the sigmoid of z.",
)
exercise.slip(
    "SwiGLU",
    "gelu_gate",
    GATED,
    "F.gelu(self.gate_proj(x)) * self.up_proj(x)",
    "The gate goes through GELU, which makes it GeGLU. Here it is silu.",
)
exercise.slip(
    "SwiGLU",
    "adds_the_branches",
    GATED,
    "F.silu(self.gate_proj(x)) + self.up_proj(x)",
    "The two branches are added. They are multiplied, entry by entry.",
)
exercise.slip(
    "SwiGLU",
    "has_biases",
    "self.up_proj = nn.Linear(d_model, d_ff, bias=False)",
    "self.up_proj = nn.Linear(d_model, d_ff)",
    "A layer has a bias. nn.Linear makes one unless it is told not to; this model has none.",
)
exercise.slip(
    "SwiGLU",
    "has_dropout",
    f"self.down_proj({GATED})",
    f"self.down_proj(F.dropout({GATED}, 0.1, self.training))",
    "There is dropout in the layer; it has none.",
)
exercise.slip(
    "SwiGLU",
    "adds_the_input",
    "return out",
    "return x + out",
    "The input is added to the output. That sum is the block's.",
)
exercise.slip(
    "SwiGLU",
    "gate_cut_off",
    "F.silu(self.gate_proj(x))",
    "F.silu(self.gate_proj(x).detach())",
    "The gate is detached, so that gate_proj never learns.",
)
exercise.slip(
    "SwiGLU",
    "returns_float64",
    "return out",
    "return out.double()",
    "float32 becomes float64. The result has the dtype of x.",
)


# Mistakes: Attention

TURNED = "q, k = (_rotated(heads, positions, self.theta) for heads in (q, k))"
CALL = "F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)"
ANGLES = "positions[..., None, None] * theta ** (-pairs / x.shape[-1])"
PAIRED = "a, b = x[..., ::2], x[..., 1::2]"
STACKED = "torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)"

exercise.slip(
    "Attention",
    "sees_the_future",
    CALL,
    "F.scaled_dot_product_attention(q, k, v, enable_gqa=True)",
    "Every token sees the whole sequence, later ones too. The kernel is causal only if it is told.",
)
exercise.slip(
    "Attention",
    "no_scale",
    CALL,
    CALL.replace("is_causal", "scale=1.0, is_causal"),
    "The scores are not divided by the square root of d_head.",
)
exercise.slip(
    "Attention",
    "scaled_by_d_head",
    CALL,
    CALL.replace("is_causal", "scale=1 / q.shape[-1], is_causal"),
    "The scores are divided by d_head. It is its square root; and the kernel divides by itself, "
    "unless it is given another scale.",
)
exercise.slip(
    "Attention",
    "scaled_by_d_model",
    CALL,
    CALL.replace("is_causal", "scale=x.shape[-1] ** -0.5, is_causal"),
    "The scores are divided by the square root of d_model. A dot product of one head has d_head "
    "terms.",
)
exercise.slip(
    "Attention",
    "groups_dealt_out",
    CALL,
    "F.scaled_dot_product_attention(q, *(h.repeat(1, self.n_heads // self.n_kv_heads, 1, 1) for h "
    "in (k, v)), is_causal=True)",
    "Key heads are dealt out like cards, 0 1 0 1: `repeat` does that. Heads of one group stand "
    "side by side and share a key head, 0 0 1 1.",
)
exercise.slip(
    "Attention",
    "not_turned",
    TURNED,
    "pass",
    "Queries and keys are not turned, so that the order of the tokens hardly matters.",
)
exercise.slip(
    "Attention",
    "only_queries_turned",
    TURNED,
    "q = _rotated(q, positions, self.theta)",
    "Only the queries are turned. Scores depend on distances if keys are turned as well.",
)
exercise.slip(
    "Attention",
    "values_turned",
    TURNED,
    "q, k, v = (_rotated(heads, positions, self.theta) for heads in (q, k, v))",
    "The values are turned, too. Positions belong into scores: queries and keys alone.",
)
exercise.slip(
    "Attention",
    "turned_before_the_projection",
    TURNED,
    "turned = _rotated(x.unflatten(-1, (self.n_heads, -1)), positions, self.theta).flatten(2)\n"
    "        q = self.q_proj(turned).unflatten(-1, (self.n_heads, -1))\n"
    "        k = self.k_proj(turned).unflatten(-1, (self.n_kv_heads, -1))",
    "x is turned before the projections, which mix its features again. Turn queries and keys.",
)
exercise.slip(
    "Attention",
    "turned_by_heads",
    "q, k, v = (heads.transpose(1, 2) for heads in (q, k, v))",
    "q, k, v = (h.transpose(1, 2) for h in (self.q_proj(x).unflatten(-1, (self.n_heads, -1)), "
    "self.k_proj(x).unflatten(-1, (self.n_kv_heads, -1)), v))\n"
    "        q, k = (_rotated(h, torch.arange(h.shape[1]), self.theta) for h in (q, k))",
    "The angle grows from head to head instead of from token to token: when RoPE is applied, heads "
    "and positions have already changed places.",
)
exercise.slip(
    "Attention",
    "pairs_of_halves",
    STACKED,
    "(lambda a, b: torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1))(*x.chunk(2, -1))",
    "Feature i is paired with i + d_head / 2, as in Hugging Face's code. Here neighbours are a "
    "pair, 2i and 2i + 1.",
    within="_rotated",
)
exercise.slip(
    "Attention",
    "turns_backwards",
    STACKED,
    "torch.stack((a * cos + b * sin, b * cos - a * sin), dim=-1).flatten(-2)",
    "The pairs are turned the other way round: (a, b) becomes (a cos - b sin, a sin + b cos).",
    within="_rotated",
)
exercise.slip(
    "Attention",
    "frequencies_by_d_model",
    ANGLES,
    "positions[..., None, None] * theta ** (-pairs / (x.shape[-1] * x.shape[-2]))",
    "The frequencies are those of a wider vector: the exponent has d_model where d_head belongs.",
    within="_rotated",
)
exercise.slip(
    "Attention",
    "frequencies_too_low",
    ANGLES,
    "positions[..., None, None] * theta ** (-2 * pairs / x.shape[-1])",
    "The exponent is twice what it should be: -2i / d_head for pair i, where 2i runs 0, 2, 4, ...",
    within="_rotated",
)
exercise.slip(
    "Attention",
    "one_frequency",
    ANGLES,
    "positions[..., None, None] * (1 + 0 * pairs)",
    "All pairs turn equally fast. Pair i turns by theta ** (-2i / d_head) per position.",
    within="_rotated",
)
exercise.slip(
    "Attention",
    "theta_is_fixed",
    "self.theta = config.rope_theta",
    "self.theta = 10000.0",
    "theta is 10,000 whatever the config says.",
)
exercise.slip(
    "Attention",
    "counts_from_one",
    "torch.arange(x.shape[1], device=x.device)",
    "2 * torch.arange(x.shape[1], device=x.device)",
    "Without positions they are 0, 1, 2, ...; yours are further apart.",
)
exercise.slip(
    "Attention",
    "ignores_positions",
    "if positions is None:",
    "if True:",
    "The positions that are given have no effect: they are always 0, 1, 2, ...",
)
exercise.slip(
    "Attention",
    "positions_of_the_first_row",
    TURNED,
    "positions = positions if positions.ndim == 1 else positions[0]\n        " + TURNED,
    "All rows of the batch get the positions of the first one.",
)
exercise.slip(
    "Attention",
    "angles_in_float32",
    "dtype=torch.float64, device",
    "dtype=torch.float32, device",
    "The angles are computed in float32: a float64 model gets only seven digits of them.",
    within="_rotated",
)
exercise.slip(
    "Attention",
    "heads_mixed_up_at_the_end",
    "heads.transpose(1, 2).flatten(2)",
    "heads.reshape(*x.shape[:2], -1)",
    "The heads are put together in the wrong order: after attention the axes are (B, n, T, "
    "d_head), and a reshape alone does not exchange two of them.",
)
exercise.slip(
    "Attention",
    "heads_cut_wrongly",
    "q = self.q_proj(x).unflatten(-1, (self.n_heads, -1))",
    "q = self.q_proj(x).unflatten(-1, (-1, self.n_heads)).transpose(-1, -2)",
    "Queries are cut into heads the wrong way: head h has d_head neighbouring columns, not every "
    "n_heads-th one.",
)
exercise.slip(
    "Attention",
    "no_output_projection",
    "self.o_proj(heads.transpose(1, 2).flatten(2))",
    "heads.transpose(1, 2).flatten(2)",
    "o_proj is not applied.",
)
exercise.slip(
    "Attention",
    "adds_the_input",
    "return out",
    "return x + out",
    "The input is added to the output. That sum is the block's.",
)
exercise.slip(
    "Attention",
    "has_biases",
    "self.o_proj = nn.Linear(d_model, d_model, bias=False)",
    "self.o_proj = nn.Linear(d_model, d_model)",
    "A projection has a bias. nn.Linear makes one unless it is told not to; this model has none.",
)
exercise.slip(
    "Attention",
    "names_of_volume_1",
    "self.q_proj = nn.Linear(d_model, d_model, bias=False)",
    "self.w_q = self.__dict__['q_proj'] = nn.Linear(d_model, d_model, bias=False)",
    "A projection has another name than it should: q_proj, k_proj, v_proj, o_proj. Checkpoints are "
    "read by name.",
)
exercise.slip(
    "Attention",
    "as_many_key_heads_as_queries",
    "self.n_heads, self.n_kv_heads = config.n_heads, config.n_kv_heads",
    "self.n_heads, self.n_kv_heads = config.n_heads, config.n_heads",
    "k_proj and v_proj make n_heads heads. They make n_kv_heads, which queries share.",
)
exercise.slip(
    "Attention",
    "table_is_saved",
    "self.theta = config.rope_theta",
    "self.theta = config.rope_theta\n"
    "        self.register_buffer('table', torch.ones(config.max_T, 2))",
    "`state_dict()` has an entry that no checkpoint has: a table or a mask. A buffer with "
    "persistent=False is not saved.",
)
exercise.slip(
    "Attention",
    "table_is_trained",
    "self.theta = config.rope_theta",
    "self.theta = config.rope_theta\n"
    "        self.table = nn.Parameter(torch.ones(config.max_T, 2))",
    "There is a parameter too many. What is not learned (angles, a mask) must not be one.",
)
exercise.slip(
    "Attention",
    "made_on_the_cpu",
    "torch.arange(x.shape[1], device=x.device)",
    "torch.arange(x.shape[1])",
    "A tensor that forward makes is on the CPU whatever the device of x is.",
)
exercise.slip(
    "Attention",
    "keys_cut_off",
    CALL,
    CALL.replace("k, v", "k.detach(), v"),
    "The keys are detached, so that k_proj never learns.",
)
exercise.slip(
    "Attention",
    "writes_into_the_positions",
    TURNED,
    "positions += 5\n        " + TURNED,
    "The positions are changed by the call. The next layer reads them again.",
)


# Mistakes: Block

FIRST = "x = x + self.self_attn(self.input_layernorm(x), positions)"
SECOND = "x + self.mlp(self.post_attention_layernorm(x))"

exercise.slip(
    "Block",
    "norms_after_the_sums",
    f"{FIRST}\n        out: torch.Tensor = {SECOND}",
    "x = self.input_layernorm(x + self.self_attn(x, positions))\n"
    "        out: torch.Tensor = self.post_attention_layernorm(x + self.mlp(x))",
    "This is a post-norm block. The norms stand before the sublayers, and nothing on the stream.",
)
exercise.slip(
    "Block",
    "norm_on_the_stream",
    FIRST,
    "x = self.input_layernorm(x)\n        x = x + self.self_attn(x, positions)",
    "The normalised token replaces the stream. Only the sublayer reads it; what is added to is x.",
)
exercise.slip(
    "Block",
    "attention_not_added",
    FIRST,
    "x = self.self_attn(self.input_layernorm(x), positions)",
    "What attention gives replaces the stream. It is added to it.",
)
exercise.slip(
    "Block",
    "swiglu_not_added",
    SECOND,
    SECOND.removeprefix("x + "),
    "What SwiGLU gives replaces the stream. It is added to it.",
)
exercise.slip(
    "Block",
    "side_by_side",
    f"{FIRST}\n        out: torch.Tensor = {SECOND}",
    "out: torch.Tensor = x + self.self_attn(self.input_layernorm(x), positions) + self.mlp("
    "self.post_attention_layernorm(x))",
    "Attention and SwiGLU both read the incoming stream. SwiGLU reads it after attention has added "
    "to it.",
)
exercise.slip(
    "Block",
    "norms_exchanged",
    f"{FIRST}\n        out: torch.Tensor = {SECOND}",
    "x = x + self.self_attn(self.post_attention_layernorm(x), positions)\n"
    "        out: torch.Tensor = x + self.mlp(self.input_layernorm(x))",
    "The two norms have changed places: input_layernorm is the one before attention.",
)
exercise.slip(
    "Block",
    "second_norm_missing",
    SECOND,
    "x + self.mlp(x)",
    "SwiGLU reads the stream as it is. It reads a normalised copy.",
)
exercise.slip(
    "Block",
    "first_norm_missing",
    "self.self_attn(self.input_layernorm(x), positions)",
    "self.self_attn(x, positions)",
    "Attention reads the stream as it is. It reads a normalised copy.",
)
exercise.slip(
    "Block",
    "swiglu_first",
    f"{FIRST}\n        out: torch.Tensor = {SECOND}",
    "x = x + self.mlp(self.post_attention_layernorm(x))\n"
    "        out: torch.Tensor = x + self.self_attn(self.input_layernorm(x), positions)",
    "SwiGLU comes before attention. It is the other way round.",
)
exercise.slip(
    "Block",
    "positions_stay_here",
    "(self.input_layernorm(x), positions)",
    "(self.input_layernorm(x))",
    "The positions are not passed on to attention.",
)
exercise.slip(
    "Block",
    "eps_stays_here",
    "self.input_layernorm = RMSNorm(config.d_model, config.norm_eps)",
    "self.input_layernorm = RMSNorm(config.d_model)",
    "A norm has its default eps. The config says which, `norm_eps`.",
)
exercise.slip(
    "Block",
    "adds_in_place",
    FIRST,
    "x += self.self_attn(self.input_layernorm(x), positions)",
    "`+=` writes into the stream that came in, which belongs to the caller. x = x + ... makes a "
    "new tensor.",
)
exercise.slip(
    "Block",
    "shared_norm",
    "self.post_attention_layernorm = RMSNorm(config.d_model, config.norm_eps)",
    "self.post_attention_layernorm = self.input_layernorm",
    "Both norms are one module, so that they share a gain. They are two.",
)


# Mistakes: Llama

TIES = "if config.tied:"
DRAWS = "nn.init.normal_(parameter, std=0.02)"
TWO_TABLES = (
    "A tied model has two tables, one for each end. Tied means that the head has the very "
    "nn.Parameter of the embedding; a copy is another one."
)
LOGITS = "self.lm_head(self.model(ids, positions))"

exercise.slip(
    "Llama",
    "last_norm_missing",
    "= self.norm(x)",
    "= x + 0 * self.norm(x)",
    "The last norm, between the blocks and the head, is missing.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "embedding_scaled",
    "x = self.embed_tokens(ids)",
    "x = self.embed_tokens(ids) * self.embed_tokens.embedding_dim**0.5",
    "The embedding is multiplied by the root of d_model. LLaMA takes its rows as they are.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "positions_are_added",
    "x = self.embed_tokens(ids)",
    "x = self.embed_tokens(ids)\n        x = x + torch.arange(ids.shape[1]).to(x.dtype)[:, None]",
    "Something is added to the embedding by position. In LLaMA positions come in with RoPE alone.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "positions_stay_here",
    "x = layer(x, positions)",
    "x = layer(x)",
    "The positions are not passed on to the blocks.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "one_block_for_all",
    "nn.ModuleList(Block(config) for _ in range(config.n_layers))",
    "nn.ModuleList([Block(config)] * config.n_layers)",
    "All layers are one and the same block: `[block] * n` is a list of n references. Make a new "
    "one for each layer.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "layers_in_a_list",
    "nn.ModuleList(Block(config) for _ in range(config.n_layers))",
    "[Block(config) for _ in range(config.n_layers)]",
    "The blocks are in a Python list, where PyTorch does not find their parameters. Use an "
    "nn.ModuleList.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "a_block_too_few",
    "for layer in self.layers:",
    "for layer in self.layers[:-1]:",
    "The last block is left out.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "blocks_backwards",
    "for layer in self.layers:",
    "for layer in reversed(self.layers):",
    "The blocks run from the last to the first.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "first_block_again_and_again",
    "x = layer(x, positions)",
    "x = self.layers[0](x, positions) + 0 * layer(x, positions)",
    "The first block runs again and again instead of each in its turn.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "eps_stays_here",
    "self.norm = RMSNorm(config.d_model, config.norm_eps)",
    "self.norm = RMSNorm(config.d_model)",
    "The last norm has its default eps. The config says which, `norm_eps`.",
    within="_Stack",
)
exercise.slip(
    "Llama",
    "never_tied",
    TIES,
    "if False:",
    TWO_TABLES,
)
exercise.slip(
    "Llama",
    "always_tied",
    TIES,
    "if True:",
    "Every model is tied, whatever the config says.",
)
exercise.slip(
    "Llama",
    "tied_by_a_copy",
    "self.lm_head.weight = self.model.embed_tokens.weight",
    "self.lm_head.weight = nn.Parameter(self.model.embed_tokens.weight.clone())",
    TWO_TABLES,
)
exercise.slip(
    "Llama",
    "tied_one_way",
    LOGITS,
    "nn.functional.linear(self.model(ids, positions), self.lm_head.weight.detach() if "
    "self.lm_head.weight is self.model.embed_tokens.weight else self.lm_head.weight)",
    "In a tied model the head gives no gradient to the table. Both ends do, and they add up.",
)
exercise.slip(
    "Llama",
    "head_with_bias",
    "nn.Linear(config.d_model, config.vocab_size, bias=False)",
    "nn.Linear(config.d_model, config.vocab_size)",
    "The head has a bias. nn.Linear makes one unless it is told not to.",
)
exercise.slip(
    "Llama",
    "returns_probabilities",
    LOGITS,
    "self.lm_head(self.model(ids, positions)).softmax(dim=-1)",
    "The result goes through softmax. Logits are what comes out of the head.",
)
exercise.slip(
    "Llama",
    "returns_log_probabilities",
    LOGITS,
    "self.lm_head(self.model(ids, positions)).log_softmax(dim=-1)",
    "The result goes through log_softmax. The loss does that itself; logits are what comes out of "
    "the head.",
)
exercise.slip(
    "Llama",
    "only_the_last_token",
    LOGITS,
    "self.lm_head(self.model(ids, positions)[:, -1:])",
    "Only the last token gets logits. Every position does: each of them is trained.",
)
exercise.slip(
    "Llama",
    "another_name_in_between",
    "self.model = _Stack(config)",
    "self.transformer = self.__dict__['model'] = _Stack(config)",
    "The parameters have other names than those of LlamaForCausalLM: embed_tokens, layers and norm "
    "are children of `model`.",
)
exercise.slip(
    "Llama",
    "begins_as_the_library_does",
    DRAWS,
    "pass",
    "The weights begin as nn.Linear and nn.Embedding draw them. Here every matrix is N(0, 0.02 ** "
    "2).",
)
exercise.slip(
    "Llama",
    "variance_for_deviation",
    DRAWS,
    "nn.init.normal_(parameter, std=0.02**2)",
    "The standard deviation is 0.0004. In N(0, 0.02 ** 2) the second number is the variance.",
)
exercise.slip(
    "Llama",
    "seeds_the_generator_itself",
    "self.model = _Stack(config)",
    "torch.manual_seed(0)\n        self.model = _Stack(config)",
    "Every new model has the same weights, as if the generator were seeded inside. Seeding is up "
    "to the caller.",
)
exercise.slip(
    "Llama",
    "gains_drawn_too",
    "if parameter.ndim == 2:",
    "if True:",
    "The gains are drawn at random, too. They begin as ones.",
)
exercise.slip(
    "Llama",
    "returns_float64",
    "return logits",
    "return logits.double()",
    "float32 becomes float64. The logits have the dtype of the parameters.",
)


# Mistakes: load_numpy

TURN = 'turned = weight.T if last.startswith("w_") or last == "head" else weight'
COPY = ".copy_(turned)"
TARGET = 'model.get_parameter(f"{layer}{_NAMES[last]}.weight")'
ENTRIES = "for key, array in params.items():"


def replacing(value):
    """A body that puts something in the place of each parameter."""
    return (
        "path = f'{layer}{_NAMES[last]}'\n"
        f"            model.get_submodule(path).weight = {value}"
    )


exercise.slip(
    "load_numpy",
    "embedding_turned_too",
    TURN,
    f"{TURN}\n            if key == 'embedding' and len(weight) == weight.shape[1]:\n"
    "                turned = weight.T",
    "The embedding is transposed, too. It is (vocab_size, d_model) in both volumes.",
)
exercise.slip(
    "load_numpy",
    "turned_only_where_it_must",
    TURN,
    f"there = {TARGET}\n            turned = weight if weight.shape == there.shape else weight.T",
    "Square matrices are not transposed. A fitting shape does not say that a matrix lies the right "
    "way round: weights are (in, out) in Volume 1 and (out, in) here.",
)
exercise.slip(
    "load_numpy",
    "reshaped",
    TURN,
    f"turned = weight.reshape({TARGET}.shape)",
    "The matrices are reshaped. That gives the right shape and puts every number in a wrong place; "
    "they have to be transposed.",
)
exercise.slip(
    "load_numpy",
    "gate_and_up_exchanged",
    f"{TARGET}{COPY}",
    "name = {'w_gate': 'w_up', 'w_up': 'w_gate'}.get(last, last)\n"
    '            model.get_parameter(f"{layer}{_NAMES[name]}.weight").copy_(turned)',
    "w_gate and w_up have changed places.",
)
exercise.slip(
    "load_numpy",
    "norms_exchanged",
    f"{TARGET}{COPY}",
    "name = {'attn_norm': 'mlp_norm', 'mlp_norm': 'attn_norm'}.get(last, last)\n"
    '            model.get_parameter(f"{layer}{_NAMES[name]}.weight").copy_(turned)',
    "The two norms of a block have changed places: attn_norm is input_layernorm.",
)
exercise.slip(
    "load_numpy",
    "every_block_the_first",
    'f"model.layers.{block[1]}."',
    '"model.layers.0."',
    "All blocks of the dict are loaded into the first layer.",
)
exercise.slip(
    "load_numpy",
    "gains_left_out",
    ENTRIES,
    f"{ENTRIES}\n            if array.ndim == 1:\n                continue",
    "The gains of the norms are not loaded.",
)
exercise.slip(
    "load_numpy",
    "last_norm_left_out",
    ENTRIES,
    f"{ENTRIES}\n            if key == 'final_norm':\n                continue",
    "final_norm is not loaded.",
)
exercise.slip(
    "load_numpy",
    "head_left_out",
    ENTRIES,
    f"{ENTRIES}\n            if key == 'head':\n                continue",
    "The head is not loaded.",
)
exercise.slip(
    "load_numpy",
    "half_split",
    TURN,
    f"{TURN}\n"
    "            if last in ('w_q', 'w_k'):\n"
    "                pairs = turned.unflatten(0, (-1, 2))\n"
    "                turned = torch.cat((pairs[:, 0], pairs[:, 1]))",
    "The rows of q_proj and k_proj are reordered. That is for checkpoints of Hugging Face, and "
    "happens when one is saved or loaded; here both sides pair neighbours.",
)
exercise.slip(
    "load_numpy",
    "new_parameters",
    f"{TARGET}{COPY}",
    replacing("nn.Parameter(turned.clone())"),
    "Every parameter is replaced by a new one: an optimizer that has the old ones moves nothing "
    "any more, and what was tied is tied no longer. Write into those that are there.",
)
exercise.slip(
    "load_numpy",
    "shares_memory",
    f"weight = torch.tensor(array)\n            # A row of the embedding is a token in both "
    f"volumes; all other matrices are (in, out).\n            {TURN}\n            {TARGET}{COPY}",
    f"weight = torch.from_numpy(array)\n            {TURN}\n            {TARGET}.data = turned",
    "The parameters share their memory with the arrays: a step of the optimizer changes `params`, "
    "too. Copy the numbers.",
)
exercise.slip(
    "load_numpy",
    "takes_over_the_dtype",
    f"{TARGET}{COPY}",
    f"{TARGET}.data = turned.clone()",
    "The parameters take over the dtype of the arrays: float64 in a model that was float32.",
)
exercise.slip(
    "load_numpy",
    "freezes_the_model",
    f"{TARGET}{COPY}",
    f"{TARGET}.requires_grad_(False){COPY}",
    "The parameters require no gradient afterwards, so that the model cannot be trained.",
)
exercise.slip(
    "load_numpy",
    "returns_the_model",
    f"{TARGET}{COPY}",
    f"{TARGET}{COPY}\n        return model",
    "The model is returned. What works in place returns None.",
)
exercise.slip(
    "load_numpy",
    "turns_the_arrays",
    TURN,
    "if key == 'head':\n                params[key] = array.T\n            " + TURN,
    "The dict is changed by the call. It belongs to the caller.",
)
