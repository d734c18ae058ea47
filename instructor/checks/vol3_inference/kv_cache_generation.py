"""Hidden checks for vol3_inference/kv_cache_generation.

Values are compared with the model of Volume 1, which has no cache. How much work is done is seen
where no code of a student's can write: a `forward` that is served here takes the place of the
engine's own and notes every token; the embedding is a table that is served here and notes every
lookup; and the processor time of a step is read from outside.

Checkpoints are written from here, by a writer of our own, and the arrays that must come out are
those it was given. One check reads them as the file means them, with halves turned, and must agree.
"""

import json
import pickle
import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from autograder import Callback, Exercise, StudentRaised, Table, derived, laid, raises
from solutions.vol1_numpy.llama import init_params, llama
from solutions.vol1_numpy.multi_head import Config
from solutions.vol1_numpy.rope import to_half_split
from solutions.vol3_inference import kv_cache_generation
from solutions.vol3_inference.generate import generate
from solutions.vol3_inference.sampling import draw, sample_probs

EXACT = 1e-10


def draw_config(rng, V, L, H, K, D, F, M, tied):
    """Sizes; what is usually left at its default is far from it."""
    theta, eps = float(rng.uniform(5.0, 50.0)), float(rng.uniform(0.05, 0.3))
    return Config(V, H * D, L, H, K, F, M, rope_theta=theta, norm_eps=eps, tied=bool(tied))


def draw_params(rng, config):
    """Weights with which attention matters and logits are a few units apart."""
    return {
        name: 1.0 + 0.3 * rng.standard_normal(w.shape)
        if name.endswith("norm")
        else rng.standard_normal(w.shape) * (1.0 if name == "embedding" else 1.5 / len(w) ** 0.5)
        for name, w in init_params(config, rng).items()
    }


def draw_ids(rng, B, T, V):
    """Ids of which the lowest and the highest occur."""
    ids = rng.integers(V, size=(B, T))
    ids.flat[0], ids.flat[-1] = V - 1, 0
    return ids


def draw_world(rng, V):
    """What every token says about the one that comes next, by how far back it stands."""
    return rng.standard_normal((40, V, V))


def draw_cycle(rng, V):
    """A random cycle through all ids: what follows each, and the ids in order."""
    order = rng.permutation(V)
    following = np.empty(V, dtype=np.int64)
    following[order] = np.roll(order, -1)
    return following, order


def draw_ends(rng, cycle, V):
    """Prompts whose rows reach one id after different numbers of tokens, the id, the numbers."""
    order, at = cycle[1], int(rng.integers(V))
    middle = rng.permutation([3, 4])
    steps = np.array([middle[0], *rng.permutation([1, 6]), middle[1]])
    prompt = rng.integers(V, size=(4, 3))
    prompt[:, -1] = order[(at - steps) % V]
    prompt[0, 0] = prompt[-1, -2] = order[at]  # in a prompt it ends nothing
    return prompt, int(order[at]), steps


exercise = Exercise(
    "vol3_inference/kv_cache_generation",
    solution=kv_cache_generation,
    difficulty=5,
    minutes=300,
    scratch=8 << 20,
    inputs={
        "config": derived(draw_config),
        "params": derived(draw_params),
        "ids": derived(draw_ids),
        "world": derived(draw_world),
        "cycle": derived(draw_cycle),
        "ends": derived(draw_ends),
    },
    sizes={
        "B": [3, 1, 2],
        "T": [10, 7, 9],
        "n": [6, 4, 5],
        "V": [13, 9, 17],
        "L": [2, 3, 1],
        "H": [4, 3, 2],
        "K": [2, 1, 2],
        "D": [6, 4, 2],
        "F": [10, 7, 5],
        "M": [16, 12, 20],
        "tied": [0, 1, 0],
    },
)


def sizes(*columns, **changed):
    """Some of the columns above, with changes."""
    base = {name: [column[name] for column in exercise.sizes] for name in exercise.sizes[0]}
    return {n: [changed.get(n, values[c]) for c in columns] for n, values in base.items()}


ONE, TIED, MANY = sizes(0), sizes(0, 1), sizes(0, 1, 2)


def model_of(config, params):
    return SimpleNamespace(config=config, params=params)


def engine_of(student, config, params):
    return student.keep(student.Engine, model_of(config, params))


def logits_of(config, params, ids):
    """Without a cache."""
    return llama(params, ids, config)[0]


def greedy(config, params, prompt, n, eos=None):
    """Without a cache: all tokens again for every column."""
    return generate(lambda ids: logits_of(config, params, ids), prompt, n, eos)


def pieces(engine, ids, cuts):
    """The logits of one piece after the other, joined."""
    return np.concatenate([engine.forward(ids[:, a:b]) for a, b in pairwise(cuts)], axis=1)


class Served:
    """A `forward` on our side in place of the engine's own: it notes every token.

    Args:
        model: ids (B, T) -> logits (B, T, V) of a whole text.
    """

    def __init__(self, student, engine, model):
        self.chunks, self.model = [], model
        student.library("builtins.setattr")(engine, "forward", Callback(self._forward))
        self.student = student

    def _forward(self, tokens):
        if np.ndim(tokens) != 2 or np.asarray(tokens).dtype.kind not in "iu" or not np.size(tokens):
            raise ValueError("tokens are (B, T), whole numbers, T at least 1")
        self.chunks.append(np.array(tokens))
        return self.model(np.concatenate(self.chunks, axis=1))[:, -tokens.shape[1] :]

    def seen(self):
        """All tokens so far, and forgets them; by what comes back alone, mistakes look alike."""
        chunks, self.chunks = self.chunks, []
        self.student.transcript.append([len(chunks), *chunks])
        return np.concatenate(chunks, axis=1) if chunks else None


def every_token_counts(world):
    """A model whose logits hang on each token and on how far back it stands."""

    def model(ids):
        logits = np.zeros((*ids.shape, world.shape[-1]))
        for back in range(ids.shape[1]):
            logits[:, back:] += world[back][ids[:, : ids.shape[1] - back]]
        return logits

    return model


def chain(following):
    """A model for which `following` of the last token comes next; the lowest id is the worst."""
    V = len(following)
    return lambda ids: -np.abs(np.arange(V) - following[ids][..., np.newaxis]).astype(np.float64)


def sampled(model, prompt, n, rng, eos=None, **how):
    """What `generate` must give, with chance."""
    ids, ended = prompt.copy(), np.zeros(len(prompt), dtype=bool)
    for _ in range(n):
        if ended.all():
            break
        column = draw(sample_probs(model(ids)[:, -1], **how), rng.random(len(ids)))
        if eos is not None:
            column = np.where(ended, eos, column)
            ended |= column == eos
        ids = np.concatenate([ids, column[:, np.newaxis]], axis=1)
    return ids


def held_rng(student, seed):
    """A generator on the student's side; ours has the same seed."""
    return student.keep(student.library("numpy.random.default_rng"), seed)


def columns_of(student, engine, *args, **kwargs):
    """A stream as an iterator on the student's side, and a function that pulls one column."""
    stream = student.keep(engine.stream, *args, **kwargs)
    stream = student.keep(student.library("builtins.iter"), stream)
    following = student.library("builtins.next")
    return lambda: following(stream, None)


# load_checkpoint

IN_BLOCK = {
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
ENDS = {"embedding": "model.embed_tokens", "final_norm": "model.norm", "head": "lm_head"}
CODES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def name_there(name):
    if name in ENDS:
        return f"{ENDS[name]}.weight"
    _, i, rest = name.split(".")
    return f"model.layers.{i}.{IN_BLOCK[rest]}.weight"


def tensors_of(config, params):
    """What the file holds: (out, in), halves turned."""
    heads = {"w_q": config.n_heads, "w_k": config.n_kv_heads}
    found = {}
    for name, w in params.items():
        turned = heads.get(name.rpartition(".")[2])
        w = to_half_split(w, turned) if turned else w
        found[name_there(name)] = w if name == "embedding" else w.T
    return found


def record_of(config, **changed):
    """config.json; what is changed to ... is left out."""
    record = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "intermediate_size": config.d_ff,
        "max_position_embeddings": config.max_T,
        "rope_theta": config.rope_theta,
        "rms_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tied,
        "hidden_act": "silu",
        "bos_token_id": 1,
        **changed,
    }
    return {name: value for name, value in record.items() if value is not ...}


def upper_half(w):
    """The sixteen upper bits of float32 numbers: bfloat16, rounded towards zero."""
    return (np.ascontiguousarray(w, dtype="<f4").view("<u4") >> 16).astype("<u2")


def written(tensors, kind="F32", metadata=True):
    """The bytes of a safetensors file, its tensors in another order than in the header."""
    spans, numbers = {}, b""
    for name, w in sorted(tensors.items(), key=lambda item: item[0][::-1]):
        bits = upper_half(w) if kind == "BF16" else np.ascontiguousarray(w, dtype=CODES[kind])
        spans[name] = [len(numbers), len(numbers) + bits.nbytes]
        numbers += bits.tobytes()
    header = {"__metadata__": {"format": "pt"}} if metadata else {}
    for name, w in tensors.items():
        header[name] = {"dtype": kind, "shape": list(w.shape), "data_offsets": spans[name]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + numbers


class Checkpoint:
    """Folders on the student's side, each with what is in it."""

    def __init__(self, student, config, params):
        self.student, self.config = student, config
        self.params = {name: w.astype(np.float32) for name, w in params.items()}
        self.tensors, self.count = tensors_of(config, self.params), 0

    def folder(self, files=None, **changed):
        """A new folder: config.json with changes, and model.safetensors or other files."""
        self.count += 1
        name = f"checkpoint {self.count}"
        if files is None:
            files = {"model.safetensors": written(self.tensors)}
        record = json.dumps(record_of(self.config, **changed)).encode()
        files = {"config.json": record} | files
        put = {f"{name}/{file}": data for file, data in files.items() if data is not None}
        self.student.put_files(put)
        return f"{self.student.folder}/{name}"

    def loads(self, folder):
        """Config and params that come out, or None if it raises: that counts as a wrong value."""
        try:
            return loaded(self.student, folder)
        except StudentRaised as error:
            if error.exception == "NotImplementedError":
                raise
            self.student.transcript.append("refused")
            return None

    def agrees(self, folder, config=None, params=None):
        """Does this come out?"""
        found = self.loads(folder)
        if found is None:
            return False
        wanted = (config or self.config, params or self.params)
        same = found[0] == fields(wanted[0]) and found[1].keys() == wanted[1].keys()
        return same and all(
            w.dtype == wanted[1][n].dtype and np.array_equal(w, wanted[1][n])
            for n, w in found[1].items()
        )

    def refuses(self, folder):
        found = raises(ValueError, self.student.load_checkpoint, folder)
        self.student.transcript.append(found)
        return found


FIELDS = ("vocab_size", "d_model", "n_layers", "n_heads", "n_kv_heads", "d_ff", "max_T")
FIELDS = (*FIELDS, "rope_theta", "norm_eps", "tied")


def fields(config):
    """The sizes as a dict."""
    return {name: getattr(config, name) for name in FIELDS}


def loaded(student, folder):
    """The sizes and the arrays of a loaded model, as they are on our side."""
    model = student.keep(student.load_checkpoint, folder)
    config, params = model.config, student.library("builtins.dict")(model.params)
    return fields(config), params


@exercise.satisfies("load_checkpoint", kind="R", points=4, rtol=0.0, dtype="float32", sizes=MANY)
def gives_sizes_and_arrays(student, config, params):
    """The sizes, and every array by its name here: (in, out), with neighbours turned."""
    folder = Checkpoint(student, config, params).folder()
    found, arrays = loaded(student, folder)
    yield list(found), list(FIELDS)
    for name, value in fields(config).items():
        yield found[name] == value
    yield sorted(arrays), sorted(params)
    for name, w in params.items():
        yield arrays[name], w


def half_split_logits(tensors, record, ids):
    """The model as the file means it, in float64: (out, in), features i and i + d_head / 2."""
    heads, groups = record["num_attention_heads"], record["num_key_value_heads"]
    w = {name.removesuffix(".weight"): t.astype(np.float64) for name, t in tensors.items()}
    x, half = w["model.embed_tokens"][ids], record["hidden_size"] // heads // 2
    angles = np.outer(np.arange(ids.shape[1]), record["rope_theta"] ** (-np.arange(half) / half))
    cos, sin = np.cos(angles)[:, np.newaxis], np.sin(angles)[:, np.newaxis]

    def norm(x, gain):
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + record["rms_norm_eps"]) * gain

    def turn(x):
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)

    for i in range(record["num_hidden_layers"]):
        at = f"model.layers.{i}."
        h = norm(x, w[f"{at}input_layernorm"])
        q, k, v = (
            (h @ w[f"{at}self_attn.{name}_proj"].T).reshape(*ids.shape, n, 2 * half)
            for name, n in (("q", heads), ("k", groups), ("v", groups))
        )
        q, k = turn(q), turn(k).repeat(heads // groups, axis=2)
        scores = np.einsum("bqhd,bkhd->bhqk", q, k) / (2 * half) ** 0.5
        scores = np.where(np.tri(ids.shape[1], dtype=bool), scores, -np.inf)
        probs = np.exp(scores - scores.max(axis=-1, keepdims=True))
        probs /= probs.sum(axis=-1, keepdims=True)
        out = np.einsum("bhqk,bkhd->bqhd", probs, v.repeat(heads // groups, axis=2))
        x = x + out.reshape(x.shape) @ w[f"{at}self_attn.o_proj"].T
        h = norm(x, w[f"{at}post_attention_layernorm"])
        gate = h @ w[f"{at}mlp.gate_proj"].T
        gate = gate / (1 + np.exp(-gate)) * (h @ w[f"{at}mlp.up_proj"].T)
        x = x + gate @ w[f"{at}mlp.down_proj"].T
    head = w["model.embed_tokens" if record["tie_word_embeddings"] else "lm_head"]
    return norm(x, w["model.norm"]) @ head.T


@exercise.satisfies("load_checkpoint", kind="P", points=2, sizes=MANY)
def the_model_means_the_same(student, config, params, ids):
    """With what comes out, the model of Volume 1 gives the logits that the file stands for."""
    checkpoint = Checkpoint(student, config, params)
    found, arrays = loaded(student, checkpoint.folder())
    arrays = {name: w.astype(np.float64) for name, w in arrays.items()}
    want = half_split_logits(checkpoint.tensors, record_of(config), ids)
    return logits_of(Config(**found), arrays, ids), want


@exercise.satisfies("load_checkpoint", kind="R", points=1, sizes=TIED)
def a_head_is_there_when_it_is_one(student, config, params):
    """A tied model has no head, whether the file repeats the embedding as one or not."""
    tied = Config(**{**fields(config), "tied": True})
    params = {name: w for name, w in params.items() if name != "head"}
    checkpoint = Checkpoint(student, tied, params)
    head = {"lm_head.weight": checkpoint.tensors["model.embed_tokens.weight"]}
    twice = {"model.safetensors": written(checkpoint.tensors | head)}
    yield checkpoint.agrees(checkpoint.folder(twice))
    yield checkpoint.agrees(checkpoint.folder())


@exercise.satisfies("load_checkpoint", kind="R", points=2, sizes=ONE)
def what_is_not_said_is_the_default(student, config, params, H):
    """Entries that config.json leaves out have the library's defaults; rope_theta may be inside of
    rope_parameters."""
    checkpoint = Checkpoint(student, config, params)
    for theirs, ours, default in (
        ("max_position_embeddings", "max_T", 2048),
        ("rope_theta", "rope_theta", 10000.0),
        ("rms_norm_eps", "norm_eps", 1e-6),
        ("tie_word_embeddings", "tied", False),
    ):
        other = Config(**{**fields(config), ours: default})
        yield checkpoint.agrees(checkpoint.folder(**{theirs: ...}), other)
    inside = {"rope_theta": 77.0, "rope_type": "default"}
    other = Config(**{**fields(config), "rope_theta": 77.0})
    yield checkpoint.agrees(checkpoint.folder(rope_theta=..., rope_parameters=inside), other)
    inside = {"rope_theta": ..., "rope_parameters": {"rope_type": "default"}}
    other = Config(**{**fields(config), "rope_theta": 10000.0})
    yield checkpoint.agrees(checkpoint.folder(**inside), other)
    yield checkpoint.agrees(
        checkpoint.folder(
            **{"rope_parameters": None, "rope_scaling": None, "head_dim": config.d_model // H},
            **{"attention_bias": False, "mlp_bias": False, "hidden_act": ...},
        )
    )


@exercise.satisfies("load_checkpoint", kind="R", points=1, sizes=ONE)
def as_many_key_heads_as_heads(student, config, rng, H):
    """Without num_key_value_heads there are as many as query heads."""
    config = Config(**{**fields(config), "n_kv_heads": H})
    checkpoint = Checkpoint(student, config, draw_params(rng, config))
    yield checkpoint.agrees(checkpoint.folder(num_key_value_heads=...))


@exercise.satisfies("load_checkpoint", kind="R", points=2, sizes=ONE)
def every_dtype_is_read(student, config, params):
    """F64 stays float64; F16 and BF16 become float32, bit for bit; no metadata is needed."""
    checkpoint = Checkpoint(student, config, params)

    def stored(change):
        return {name: change(w) for name, w in checkpoint.params.items()}

    def cut(w):
        return (upper_half(w).astype("<u4") << 16).view("<f4")

    for kind, change in (
        ("F64", lambda w: w.astype(np.float64) * (1 + 1e-12)),
        ("F16", lambda w: w.astype(np.float16).astype(np.float32)),
        ("BF16", cut),
    ):
        arrays = stored(change)
        data = written(tensors_of(config, arrays), kind, metadata=kind == "F16")
        yield checkpoint.agrees(checkpoint.folder({"model.safetensors": data}), params=arrays)


@exercise.satisfies("load_checkpoint", kind="E", points=2, sizes=ONE)
def a_model_may_come_in_pieces(student, config, params, rng):
    """With an index, each tensor is taken from the file that it names, and from this folder only;
    what the index names is complete, or refused."""
    checkpoint = Checkpoint(student, config, params)
    names = [str(name) for name in rng.permutation(list(checkpoint.tensors))]
    parts = [names[:7], names[7:11], names[11:]]
    files, where = {}, {}
    for number, part in enumerate(parts, start=1):
        file = f"model-0000{number}-of-00003.safetensors"
        files[file] = written({name: checkpoint.tensors[name] for name in part})
        where |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": 1}, "weight_map": where}
    key = "model.safetensors.index.json"
    yield checkpoint.agrees(checkpoint.folder({**files, key: json.dumps(index).encode()}))
    first = checkpoint.folder({**files, key: b"{}"})
    yield checkpoint.refuses(first)
    last = sorted(files)[-1]
    yield checkpoint.refuses(
        checkpoint.folder({**files, last: None, key: json.dumps(index).encode()})
    )
    other = first.rpartition("/")[2]
    away = {name: f"../{other}/{file}" for name, file in where.items()}
    yield checkpoint.refuses(checkpoint.folder({key: json.dumps({"weight_map": away}).encode()}))


def damaged(data):
    """A file that was good, in many ways no longer."""
    length = int.from_bytes(data[:8], "little")
    header, numbers = json.loads(data[8 : 8 + length]), data[8 + length :]

    def with_header(change):
        other = json.loads(json.dumps(header))
        change(other)
        text = json.dumps(other).encode()
        return len(text).to_bytes(8, "little") + text + numbers

    last = max(entry.get("data_offsets", [0])[-1] for entry in header.values())
    inner = [n for n, e in header.items() if e.get("data_offsets", [0, last])[1] < last]
    first = inner[0]
    yield b""
    yield data[:5]
    yield data[: 8 + length // 2]
    yield data[:-1]
    yield data[: len(data) // 2]
    yield (1 << 40).to_bytes(8, "little") + data[8:]
    yield (3).to_bytes(8, "little") + data[8:]
    yield len(b"[1, 2]").to_bytes(8, "little") + b"[1, 2]" + numbers
    yield with_header(lambda h: h[first].update(data_offsets=[0, len(numbers) + 4]))
    start, end = header[first]["data_offsets"]
    size = end - start
    whole = len(numbers)
    yield (length + (1 << 60)).to_bytes(8, "little") + data[8:]
    yield with_header(lambda h: h[first].update(data_offsets=[start - whole, end]))
    yield with_header(lambda h: h[first].update(data_offsets=[start, end - whole]))
    yield with_header(lambda h: h[first].update(data_offsets=[-size - 4, -4]))
    yield with_header(lambda h: h[first].update(shape=[1, 1]))
    yield with_header(lambda h: h[first].update(dtype="Q4"))
    yield with_header(lambda h: h[first].pop("shape"))


@exercise.satisfies("load_checkpoint", kind="E", points=2, sizes=ONE)
def damage_is_refused(student, config, params):
    """A file that is cut short, a header that is none, offsets beyond the end: ValueError."""
    checkpoint = Checkpoint(student, config, params)
    for data in damaged(written(checkpoint.tensors)):
        yield checkpoint.refuses(checkpoint.folder({"model.safetensors": data}))


@exercise.satisfies("load_checkpoint", kind="E", points=1, sizes=ONE)
def tensors_fit_the_sizes(student, config, params):
    """A tensor that is missing or has another shape than config.json says: ValueError. One that
    nobody needs is left alone."""
    checkpoint = Checkpoint(student, config, params)
    for name, w in checkpoint.tensors.items():
        fewer = {n: t for n, t in checkpoint.tensors.items() if n != name}
        yield checkpoint.refuses(checkpoint.folder({"model.safetensors": written(fewer)}))
        for shape in ((w.shape[0] + 1, *w.shape[1:]), (*w.shape, 1), w.shape[::-1]):
            if shape != w.shape:
                other = {**checkpoint.tensors, name: np.resize(w, shape)}
                data = {"model.safetensors": written(other)}
                yield checkpoint.refuses(checkpoint.folder(data))
        student.empty_folder()
    old = {"model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(3)}
    more = {"model.safetensors": written(checkpoint.tensors | old)}
    yield checkpoint.agrees(checkpoint.folder(more))


@exercise.satisfies("load_checkpoint", kind="E", points=1, sizes=ONE)
def what_we_do_not_have_is_refused(student, config, params):
    """config.json that asks for something else than this model, or does not say its sizes, or is
    missing or no object: ValueError."""
    checkpoint = Checkpoint(student, config, params)
    for changed in (
        {"model_type": "gpt2"},
        {"hidden_act": "gelu"},
        {"attention_bias": True},
        {"mlp_bias": True},
        {"head_dim": config.d_model // config.n_heads + 2},
        {"rope_scaling": {"type": "linear", "factor": 2.0}},
        {"rope_parameters": {"rope_type": "llama3", "factor": 8.0, "rope_theta": 10000.0}},
        *({name: ...} for name in ("vocab_size", "hidden_size", "num_hidden_layers")),
        *({name: ...} for name in ("num_attention_heads", "intermediate_size")),
    ):
        yield checkpoint.refuses(checkpoint.folder(**changed))
    for data in (None, b"", b"[]", b"{"):
        yield checkpoint.refuses(checkpoint.folder({"config.json": data}))
    yield checkpoint.refuses(checkpoint.folder({}))
    yield checkpoint.refuses(student.folder + "/nowhere")


class Opens:
    """What runs when this is unpickled: an empty file is made."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@exercise.satisfies("load_checkpoint", kind="E", points=2, sizes=ONE)
def a_pickle_is_never_opened(student, config, params):
    """pytorch_model.bin is refused, and so is a pickle that is called safetensors; nothing in it
    runs."""
    checkpoint = Checkpoint(student, config, params)
    mark = student.folder + "/was opened"
    honest = pickle.dumps({name: np.array(w) for name, w in checkpoint.tensors.items()})
    for name in ("pytorch_model.bin", "pytorch_model.pt", "model.pt", "model.safetensors"):
        for data in (honest, pickle.dumps(Opens(mark))):
            yield checkpoint.refuses(checkpoint.folder({name: data}))
            yield "was opened" not in student.files()


@exercise.satisfies("load_checkpoint", kind="E", points=1, sizes=ONE)
def the_folder_stays_as_it_is(student, config, params):
    """A Path is as good as a text; no file is changed or left behind; loading twice gives arrays of
    their own, which may be written into."""
    checkpoint = Checkpoint(student, config, params)
    folder = checkpoint.folder()
    before = student.files()
    path = student.keep(student.library("pathlib.Path"), folder)
    first = student.part(student.keep(student.load_checkpoint, path), "params")
    for name in ("embedding", "blocks.0.w_q", "final_norm"):
        array = student.keep(student.library("operator.getitem"), first, name)
        student.keep(student.library("numpy.ndarray.fill"), array, 7.0)
    yield checkpoint.agrees(folder)
    yield student.files() == before


# Engine


@exercise.satisfies("Engine", kind="R", points=3, rtol=EXACT, sizes=MANY)
def forward_gives_the_logits_of_a_text(student, config, params, ids):
    """A whole text at once gives the logits of the model of Volume 1 at every position."""
    return engine_of(student, config, params).forward(ids), logits_of(config, params, ids)


@exercise.satisfies("Engine", kind="R", points=3, rtol=EXACT, sizes=MANY)
def token_by_token_is_the_same(student, config, params, ids, T):
    """One token after another gives the logits that all at once give."""
    engine, want = engine_of(student, config, params), logits_of(config, params, ids)
    for t in range(T):
        yield engine.forward(ids[:, t : t + 1]), want[:, t : t + 1]


@exercise.satisfies("Engine", kind="P", points=3, rtol=EXACT, sizes=MANY)
def any_pieces_are_the_same(student, config, params, ids, T, rng):
    """However a text is cut, its logits are the same; long pieces may meet a warm cache."""
    want = logits_of(config, params, ids)
    cuts = [(0, 1, T), (0, T - 2, T), (0, 3, 5, T)]
    cuts += [(0, *sorted(rng.choice(np.arange(1, T), 3, replace=False).tolist()), T)]
    for each in cuts:
        engine = engine_of(student, config, params)
        for a, b in pairwise(each):
            yield engine.forward(ids[:, a:b]), want[:, a:b]


@exercise.satisfies("Engine", kind="R", points=2, sizes=MANY)
def tokens_are_those_without_a_cache(student, config, params, ids, n):
    """generate gives, token for token, what reading everything again for each column gives."""
    for P in (3, 1):
        got = engine_of(student, config, params).generate(ids[:, :P], n)
        yield got, greedy(config, params, ids[:, :P], n)


@exercise.satisfies("Engine", points=1, rtol=EXACT, sizes=ONE)
def rows_do_not_meet(student, config, params, ids, B, T, n):
    """A row gets the logits and the tokens that it gets alone, and the cache takes any batch."""
    together = pieces(engine_of(student, config, params), ids, (0, 4, 5, T))
    tokens = engine_of(student, config, params).generate(ids[:, :3], n)
    engine = engine_of(student, config, params)
    for b in range(B):
        engine.reset()
        yield pieces(engine, ids[b : b + 1], (0, 4, 5, T)), together[b : b + 1]
        yield engine.generate(ids[b : b + 1, :3], n), tokens[b : b + 1]


@exercise.satisfies("Engine", points=2, rtol=EXACT, sizes=ONE)
def a_second_call_is_like_the_first(student, config, params, ids, n):
    """Whatever the cache holds, generate begins with an empty one; after reset so does forward; and
    two engines do not share anything."""
    engine, other = (engine_of(student, config, params) for _ in range(2))
    want, logits = greedy(config, params, ids[:, :4], n), logits_of(config, params, ids)
    other.forward(ids[:2, :3])
    yield engine.generate(ids[:, :4], n), want
    yield engine.generate(ids[:, :4], n), want
    yield engine.generate(ids[:1, :4], n), want[:1]
    engine.reset()
    yield engine.forward(ids[:, :4]), logits[:, :4]
    yield tried(student, other.forward, ids[:2, 3:6]), logits[:2, 3:6]
    yield tried(student, engine.forward, ids[:, 4:5]), logits[:, 4:5]
    yield engine.generate(ids[:, :4], n), want


@exercise.satisfies("Engine", points=3, sizes=ONE)
def every_token_goes_through_forward_once(student, config, params, world, ids, B, n):
    """generate sends prompt and new tokens, all but the last column, through self.forward once, in
    order: B (P + n - 1) tokens, and none for n = 0; stream likewise."""
    engine = engine_of(student, config, params)
    served = Served(student, engine, every_token_counts(world))
    for P, most in ((4, n), (1, n), (4, 1), (5, 2)):
        got = engine.generate(ids[:, :P], most)
        seen = served.seen()
        yield got, generate(served.model, ids[:, :P], most)
        yield seen is not None
        yield seen.size, B * (P + most - 1)
        yield seen, got[:, :-1]
    yield engine.generate(ids[:, :4], 0), ids[:, :4]
    yield served.seen() is None
    pull = columns_of(student, engine, ids[:, :4], n)
    got = [pull() for _ in range(n)]
    yield pull() is None
    yield served.seen(), np.concatenate([ids[:, :4], np.transpose(got)[:, :-1]], axis=1)


@exercise.satisfies("Engine", points=3, sizes=sizes(0, 2))
def every_token_is_looked_up_once(student, config, params, ids, B, n):
    """The engine's own forward looks up the row of each token once: B (P + n - 1) lookups in the
    embedding, and none for n = 0."""
    table = Table(params["embedding"])
    model = SimpleNamespace(config=config, params={**params, "embedding": table})
    engine = student.keep(student.Engine, model)
    for P, most in ((4, n), (2, 3), (3, 1)):
        before, start = table.count, len(table.looked_up)
        got = engine.generate(ids[:, :P], most)
        rows = [np.sort(np.ravel(each)) for each in table.looked_up[start:]]
        student.transcript.append([table.count - before, *rows])
        yield got, greedy(config, params, ids[:, :P], most)
        yield table.count - before, B * (P + most - 1)
        found = np.sort(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.int64)
        yield found, np.sort(got[:, :-1].ravel())
    before = table.count
    yield engine.generate(ids[:, :3], 0), ids[:, :3]
    yield table.count, before


@exercise.satisfies("Engine", kind="P", points=3, sizes=sizes(0, B=4))
def each_row_has_its_own_end(student, config, params, cycle, ends, V):
    """A row that has generated eos is filled with it; when all have, the loop stops, and nothing
    more goes through forward."""
    prompt, eos, steps = ends
    engine = engine_of(student, config, params)
    served = Served(student, engine, chain(cycle[0]))
    for most in (9, int(steps.max()), int(steps.max()) - 1, 1):
        got = engine.generate(prompt, most, eos=eos)
        seen = served.seen()
        yield got, generate(served.model, prompt, most, eos=eos)
        yield seen is not None
        yield seen, got[:, :-1]
    yield engine.generate(prompt, 5), generate(served.model, prompt, 5)
    served.seen()
    engine = engine_of(student, config, params)
    served = Served(student, engine, chain((np.arange(V) - 1) % V))
    zeros = np.array([[1], [1]])
    yield engine.generate(zeros, 4, eos=0), np.array([[1, 0], [1, 0]])  # first of all, and id 0
    yield served.seen(), zeros


@exercise.satisfies("Engine", kind="P", points=1, sizes=ONE)
def an_end_of_its_own_without_help(student, config, params, ids, n):
    """With the engine's own forward, too, a row ends by itself and the others go on."""
    plain = greedy(config, params, ids[:, :3], n)
    for eos in sorted({int(plain[0, 3]), int(plain[1, 4]), int(plain[-1, -1])}):
        want = greedy(config, params, ids[:, :3], n, eos)
        yield engine_of(student, config, params).generate(ids[:, :3], n, eos), want


HOW = (
    {"temperature": 1.0},
    {"temperature": 0.5},
    {"temperature": 2.0, "top_k": 4},
    {"temperature": 1.5, "top_p": 0.6},
    {"temperature": 3.0, "top_k": 6, "top_p": 0.7},
    {"temperature": 1.0, "top_k": 1},
)


@exercise.satisfies("Engine", kind="P", points=3, sizes=sizes(0, n=9))
def chance_is_that_of_rng(student, config, params, world, ids, n, rng):
    """temperature, top_k and top_p make the distribution, and rng.random(B) decides: the same
    numbers give the same tokens, and one is drawn per row and column."""
    engine = engine_of(student, config, params)
    served = Served(student, engine, every_token_counts(world))
    for how in HOW:
        seed = int(rng.integers(1 << 30))
        theirs, ours = held_rng(student, seed), np.random.default_rng(seed)
        got = engine.generate(ids[:, :3], n, rng=theirs, **how)
        served.seen()
        yield got, sampled(served.model, ids[:, :3], n, ours, **how)
        yield theirs.random(3), ours.random(3)


@exercise.satisfies("Engine", kind="P", points=2, sizes=sizes(0, B=4))
def rows_that_have_ended_draw_too(student, config, params, world, ids, n, rng):
    """What a row says does not depend on when others end: every row draws in every column."""
    engine = engine_of(student, config, params)
    served = Served(student, engine, every_token_counts(world))
    for _ in range(4):
        seed = int(rng.integers(1 << 30))
        plain = sampled(served.model, ids[:, :3], n, np.random.default_rng(seed), temperature=2.0)
        eos = int(plain[int(rng.integers(4)), 4])
        theirs, ours = held_rng(student, seed), np.random.default_rng(seed)
        got = engine.generate(ids[:, :3], n, eos, 2.0, rng=theirs)
        served.seen()
        yield got, sampled(served.model, ids[:, :3], n, ours, eos, temperature=2.0)
        yield theirs.random(3), ours.random(3)


@exercise.satisfies("Engine", kind="P", points=2, sizes=sizes(0, B=4))
def a_stream_comes_column_by_column(student, config, params, cycle, world, ends, ids, n, rng):
    """stream yields the columns of generate, each before any work for the next one is done, with
    the same arguments."""
    prompt, eos, _ = ends
    engine = engine_of(student, config, params)
    served = Served(student, engine, chain(cycle[0]))
    pull = columns_of(student, engine, prompt, 9, eos)
    student.transcript.append(list(served.chunks))
    yield not served.chunks
    want = generate(served.model, prompt, 9, eos)
    for column in range(3, want.shape[1]):
        yield pull(), want[:, column]
        read = sum(chunk.shape[1] for chunk in served.chunks)
        student.transcript.append(read)
        yield read, column
    yield pull() is None
    served = Served(student, engine, every_token_counts(world))
    for how in ({"temperature": 2.0, "top_k": 5, "top_p": 0.9}, {"temperature": 3.0}):
        seed = int(rng.integers(1 << 30))
        pull = columns_of(student, engine, ids[:, :3], n, rng=held_rng(student, seed), **how)
        want = sampled(served.model, ids[:, :3], n, np.random.default_rng(seed), **how)
        for column in range(3, want.shape[1]):
            yield pull(), want[:, column]
        yield pull() is None
        served.seen()
    yield columns_of(student, engine, ids[:, :3], 0)() is None


@exercise.satisfies("Engine", kind="E", points=1, sizes=ONE)
def ties_go_to_the_lower_id(student, config, params, V):
    """With temperature 0, of several largest logits that with the lowest id is taken."""
    tied = np.zeros(V)
    tied[[2, 5, V - 1]] = 3000.0
    engine = engine_of(student, config, params)
    Served(student, engine, lambda ids: np.broadcast_to(tied, (*ids.shape, V)).copy())
    yield engine.generate(np.array([[1], [4]]), 2), np.array([[1, 2, 2], [4, 2, 2]])


def is_refused(student, call, *args):
    """Does this raise ValueError? Other exceptions, and none, count as a wrong value."""
    found = raises(ValueError, call, *args)
    student.transcript.append(found)
    return found


def tried(student, call, *args):
    """What this returns, or nothing if it raises: that counts as a wrong value."""
    try:
        return call(*args)
    except StudentRaised as error:
        if error.exception == "NotImplementedError":
            raise
        student.transcript.append("refused")
        return np.zeros(0)


def stream_is_refused(student, engine, *args):
    """Does a stream raise ValueError when it is made, or with its first column?"""

    def first():
        return columns_of(student, engine, *args)()

    return is_refused(student, first)


@exercise.satisfies("Engine", kind="E", points=1, rtol=EXACT, sizes=ONE)
def unknown_ids_are_refused(student, config, params, ids, V):
    """An id that is negative or not in the vocabulary, or an empty prompt: ValueError, and the
    cache is as it was."""
    engine, want = engine_of(student, config, params), logits_of(config, params, ids)
    yield engine.forward(ids[:, :2]), want[:, :2]
    for wrong in (V, -1, V + 1000, -V):
        tokens = ids[:, 2:4].copy()
        tokens[1, 1] = wrong
        yield is_refused(student, engine.forward, tokens)
    yield engine.forward(ids[:, 2:4]), want[:, 2:4]
    for wrong in (V, -1):
        prompt = ids[:, :3].copy()
        prompt[0, 0] = wrong
        yield is_refused(student, engine.generate, prompt, 2)
        yield stream_is_refused(student, engine, prompt, 2)
    for most in (0, 3):
        yield is_refused(student, engine.generate, ids[:, :0], most)
    yield stream_is_refused(student, engine, ids[:, :0], 3)


@exercise.satisfies("Engine", kind="E", points=2, rtol=EXACT, sizes=ONE)
def max_T_tokens_fit_and_no_more(student, config, params, rng, B, V, M):
    """Exactly max_T tokens go through forward; one more raises ValueError and changes nothing;
    generate refuses what cannot fit before it computes anything, 10,000 tokens as well."""
    ids = rng.integers(V, size=(B, M))
    want = logits_of(config, params, ids)
    engine = engine_of(student, config, params)
    yield is_refused(student, engine.forward, np.concatenate([ids, ids[:, :1]], axis=1))
    yield tried(student, engine.forward, ids[:1, : M - 1]), want[:1, : M - 1]
    yield is_refused(student, engine.forward, ids[:1, :2])
    yield tried(student, engine.forward, ids[:1, M - 1 :]), want[:1, M - 1 :]
    yield is_refused(student, engine.forward, ids[:1, :1])
    for P in (M, M - 2):
        want = greedy(config, params, ids[:, :P], M - P + 1)
        yield tried(student, engine.generate, ids[:, :P], M - P + 1), want
    served = Served(student, engine, lambda text: np.zeros((*text.shape, V)))
    for P, most in ((M, 2), (3, M - 1), (1, 10_000)):
        yield is_refused(student, engine.generate, ids[:, :P], most)
        yield stream_is_refused(student, engine, ids[:, :P], most)
    long = np.zeros((1, 10_000), dtype=np.int64)
    yield is_refused(student, engine.generate, long, 1)
    yield served.seen() is None


@exercise.satisfies("Engine", kind="E", points=1, rtol=EXACT, sizes=ONE)
def another_batch_needs_a_reset(student, config, params, ids):
    """Tokens of a batch of another size than that in the cache are refused; one row does not count
    for all."""
    engine, want = engine_of(student, config, params), logits_of(config, params, ids)
    student.keep(engine.forward, ids[:, :3])
    for rows in (1, 2):
        yield is_refused(student, engine.forward, ids[:rows, 3:4])
        at = 2 + rows
        yield tried(student, engine.forward, ids[:, at : at + 1]), want[:, at : at + 1]
    engine.reset()
    student.keep(engine.forward, ids[:1, :3])
    yield is_refused(student, engine.forward, ids[:2, 3:4])


@exercise.satisfies("Engine", kind="E", points=1, sizes=ONE)
def lengths_at_their_ends(student, config, params, ids):
    """0 new tokens give the prompt as a new array, 1 adds one; the dtype is that of the prompt."""
    engine = engine_of(student, config, params)
    for layout in ("C", "F", "strided"):
        given = laid(ids[:, :4], layout, read_only=layout == "F")
        got, after, later = student.trial(engine.generate, given, 0)
        yield got, ids[:, :4]
        yield after[0], ids[:, :4]
        yield later, ids[:, :4]
        got, after, later = student.trial(engine.generate, given, 2)
        yield got, greedy(config, params, ids[:, :4], 2)
        yield after[0], ids[:, :4]
        yield later, got
    want = greedy(config, params, ids[:, :4], 2)
    for dtype in ("int32", "uint8", "int64"):
        for most, eos in ((0, None), (2, None), (2, int(want[0, 4]))):
            got = engine.generate(ids[:, :4].astype(dtype), most, eos)
            yield np.asarray(got).dtype.name, dtype
        column = columns_of(student, engine, ids[:, :4].astype(dtype), 2)()
        yield column, want[:, 4].astype(dtype)
        yield np.asarray(column).dtype.name, dtype


@exercise.satisfies("Engine", kind="E", points=1, rtol=EXACT, sizes=TIED)
def nothing_is_written_into(student, config, params, ids, T):
    """The arrays of the model and tokens stay as they are, tokens may be read-only, and logits that
    were returned may be written into."""
    held = {name: student.hold(laid(w, "C")) for name, w in params.items()}
    record = student.library("types.SimpleNamespace")
    engine = student.keep(student.Engine, student.keep(record, config=config, params=held))
    want = logits_of(config, params, ids)
    early = student.keep(engine.forward, laid(ids[:, :3], "F", read_only=True))
    student.keep(engine.forward, laid(ids[:, 3:5], "strided", read_only=True))
    yield student.fetch(early), want[:, :3]
    student.keep(student.library("numpy.ndarray.fill"), early, 7.0)
    tokens = student.hold(ids[:, 5:])
    late = student.keep(engine.forward, tokens)
    yield student.fetch(tokens), ids[:, 5:]
    student.keep(student.library("numpy.ndarray.fill"), tokens, 0)
    yield student.fetch(late), want[:, 5:]
    student.keep(engine.generate, ids[:, :3], 3)
    for name, w in params.items():
        yield student.fetch(held[name]), w


@exercise.satisfies("Engine", kind="E", points=2, dtype="float32", sizes=TIED)
def float32_stays_float32(student, config, params, ids, T):
    """float32 parameters give float32 logits, with and without a past, as exact as float32 without
    a cache is."""
    double = {name: w.astype(np.float64) for name, w in params.items()}
    exact, single = logits_of(config, double, ids), logits_of(config, params, ids)
    noise = float(np.abs(single - exact).max())
    for cuts in ((0, T), range(T + 1), (0, 3, 5, T)):
        got = pieces(engine_of(student, config, params), ids, cuts)
        yield got.dtype.name, "float32"
        yield float(np.abs(got - exact).max()) <= 10 * noise


@exercise.satisfies("Engine", kind="E", points=2, sizes=MANY)
def the_cache_takes_what_the_formula_says(student, config, params, ids, B, T, L, K, D, n):
    """cache_nbytes is 2 n_layers B n_kv_heads length d_head itemsize: of what is filled, in the
    dtype of the parameters."""
    for dtype, itemsize in (("float64", 8), ("float32", 4)):
        given = {name: w.astype(dtype) for name, w in params.items()}
        engine = engine_of(student, config, given)
        yield engine.cache_nbytes, 0
        for a, b in pairwise((0, 3, 4, T)):
            student.keep(engine.forward, ids[:, a:b])
            yield engine.cache_nbytes, 2 * L * B * K * b * D * itemsize
        engine.reset()
        yield engine.cache_nbytes, 0
        student.keep(engine.generate, ids[:, :3], n)
        yield engine.cache_nbytes, 2 * L * B * K * (3 + n - 1) * D * itemsize


# A step at position 1,024 against one at 16, by the processor time that the worker and we took
# together: what is lent computes on our side. Measured on two busy cores: engines with a cache 1.1
# to 2.0, engines that compute the past again 15 to 35, and 90 to 230 if nothing is lent.
NEAR, FAR, PIECE, STEPS = 16, 1024, 128, 9
LONG = {"V": 32, "L": 2, "H": 4, "K": 1, "D": 24, "F": 256, "M": FAR + STEPS, "tied": 0}


def draw_long_config(rng):
    return draw_config(rng, **LONG)


def draw_long_ids(rng):
    return rng.integers(LONG["V"], size=(1, LONG["M"]))


@exercise.measures(
    "Engine",
    bands={4.0: 3},
    seconds=10.0,
    config=derived(draw_long_config),
    ids=derived(draw_long_ids),
)
def a_late_step_costs_what_an_early_one_does(student, config, params, ids):
    """A step after 1,024 tokens takes at most {} times the processor time of one after 16."""
    near, far = (engine_of(student, config, params) for _ in range(2))
    student.keep(near.forward, ids[:, : NEAR - 1])
    for start in range(0, FAR - 1, PIECE):
        student.keep(far.forward, ids[:, start : min(start + PIECE, FAR - 1)])
    early, late = [], []
    for step in range(STEPS):  # in turns, so that both have what load there is
        for engine, position, times in ((near, NEAR, early), (far, FAR, late)):
            at = position - 1 + step
            start = student.cpu_seconds() + time.thread_time()
            student.keep(engine.forward, ids[:, at : at + 1])
            times.append(student.cpu_seconds() + time.thread_time() - start)
    return np.median(late[1:]) / np.median(early[1:])  # the first ones may make room


# The leaderboard

RACED = {"V": 512, "L": 4, "H": 8, "K": 4, "D": 32, "F": 688, "M": 64, "tied": 0}
PROMPT, NEW = 8, 24


@exercise.race(unit="tokens", laps=5, seconds=10.0, sizes=RACED)
def greedy_decoding(student, config, params):
    """Greedy decoding of 24 tokens after 8, one text, 3.2 million parameters in float32."""
    single = {name: w.astype(np.float32) for name, w in params.items()}
    engine = engine_of(student, config, single)

    def lap(rng):
        prompt = rng.integers(config.vocab_size, size=(1, PROMPT))
        return NEW, engine.generate(prompt, NEW)

    return lap


# Known mistakes


def slips(function, *mistakes, within=""):
    """Edits of the reference: name, old, new, hint."""
    for name, old, new, hint in mistakes:
        exercise.slip(function, name, old, new, hint, within=within)


slips(
    "load_checkpoint",
    (
        "does_not_permute",
        "        if heads:",
        "        if False:",
        """q_proj and k_proj are taken as they are: there feature i is turned together with i +
        d_head / 2, here 2i with 2i + 1. Put the rows of each head into the order of this
        course.""",
    ),
    (
        "permutes_the_other_way",
        "w.reshape(heads, 2, -1, shape[1])",
        "w.reshape(heads, -1, 2, shape[1])",
        """The rows of q_proj and k_proj are permuted from this course's order into that of the
        file. What is read is in the file's order already: it is the way back that you need.""",
    ),
    (
        "permutes_across_heads",
        "w.reshape(heads, 2, -1, shape[1])",
        "w.reshape(1, 2, -1, shape[1])",
        """The rows are permuted as if all heads were one. Each head has its halves and its pairs:
        cut the rows into heads first.""",
    ),
    (
        "does_not_transpose",
        'w if ours == "embedding" else w.T',
        "w if w.ndim < 2 or w.shape[0] == w.shape[1] or ours == 'embedding' else w.T.copy()",
        """Square weights are not transposed. In the file all of them are (out, in), here (in, out);
        a square one fits either way and is wrong all the same.""",
    ),
    (
        "transposes_nothing",
        'w if ours == "embedding" else w.T',
        "w",
        """No weight is transposed. In the file they are (out, in), here (in, out): x @ w.""",
    ),
    (
        "transposes_the_embedding",
        'w if ours == "embedding" else w.T',
        "w.T",
        """The embedding is transposed, too. It has a row per id in both; only weights that are
        multiplied with are (out, in) there.""",
    ),
    (
        "takes_any_shape",
        "w is None or w.shape != shape",
        "w is None",
        """A tensor whose shape is not the one that config.json asks for is taken. Compare each
        shape before you use the tensor.""",
    ),
    (
        "makes_up_what_is_missing",
        'w = tensors.get(f"{theirs}.weight")',
        'w = tensors.get(f"{theirs}.weight", np.zeros(shape, np.float32))',
        """A tensor that is missing is replaced by zeros. The model would run and know nothing:
        raise ValueError.""",
    ),
    (
        "opens_a_pickle",
        "    path = Path(folder)\n",
        "    path = Path(folder)\n    for other in [*path.glob('*.bin'), *path.glob('*.pt')]:\n"
        "        import pickle\n\n        pickle.loads(other.read_bytes())\n",
        """A pickle is opened. That runs whatever program is in it, before you can look: refuse such
        files without reading them.""",
    ),
    (
        "keeps_everything_as_it_is_in_the_file",
        "params[ours] = w",
        "params[theirs] = w",
        """The arrays have the names of the file. They need those of Volume 1: embedding,
        blocks.0.w_q and so on.""",
    ),
)
slips(
    "load_checkpoint",
    (
        "does_not_permute_k",
        'turned = {"w_q": config.n_heads, "w_k": config.n_kv_heads}',
        'turned = {"w_q": config.n_heads}',
        """Only q_proj is permuted. Queries and keys are multiplied feature by feature, so k_proj
        needs the same order.""",
    ),
    (
        "permutes_k_with_the_heads_of_q",
        '"w_k": config.n_kv_heads}',
        '"w_k": config.n_heads}',
        """The rows of k_proj are cut into n_heads heads. It has n_kv_heads of them.""",
    ),
    (
        "permutes_v_too",
        '"w_k": config.n_kv_heads}',
        '"w_k": config.n_kv_heads, "w_v": config.n_kv_heads}',
        """v_proj is permuted, too. Values are not turned by RoPE, and w_o expects their order as it
        is.""",
    ),
    (
        "a_head_for_the_tied",
        '    if not config.tied:\n        yield "head", "lm_head", (config.vocab_size, d), 0',
        '    yield "head", "model.embed_tokens" if config.tied else "lm_head", '
        "(config.vocab_size, d), 0",
        """A tied model gets an array `head`. It has none: the embedding is used at both ends.""",
    ),
    (
        "needs_a_head",
        "    if not config.tied:\n",
        "    if True:\n",
        """A tied model is refused when its file has no lm_head.weight, or gets a `head`. When
        tie_word_embeddings is true there is no head.""",
    ),
    (
        "exchanges_the_norms",
        'yield f"blocks.{i}.{name}", theirs, shape',
        'yield f"blocks.{i}." + {"attn_norm": "mlp_norm", "mlp_norm": "attn_norm"}.get(name, name)'
        ", theirs, shape",
        """input_layernorm and post_attention_layernorm are exchanged. The first one stands before
        the attention.""",
    ),
    (
        "exchanges_gate_and_up",
        'yield f"blocks.{i}.{name}", theirs, shape',
        'yield f"blocks.{i}." + {"w_gate": "w_up", "w_up": "w_gate"}.get(name, name)'
        ", theirs, shape",
        """gate_proj and up_proj are exchanged. They have the same shape, but only the gate goes
        through SiLU.""",
    ),
    within="_shapes",
)
slips(
    "load_checkpoint",
    (
        "rope_theta_by_default",
        'record.get("rope_theta", turning.get("rope_theta", 10000.0))',
        "10000.0",
        """rope_theta is 10000 whatever config.json says. Every angle hangs on it: read it
        there.""",
    ),
    (
        "looks_for_rope_theta_in_one_place",
        'record.get("rope_theta", turning.get("rope_theta", 10000.0))',
        'record.get("rope_theta", 10000.0)',
        """rope_theta inside of rope_parameters is not found. Newer files have it there.""",
    ),
    (
        "norm_eps_by_default",
        'record.get("rms_norm_eps", 1e-6)',
        "1e-5",
        """norm_eps is 1e-5 whatever config.json says. Read rms_norm_eps; if it is missing, it is
        1e-6.""",
    ),
    (
        "another_default_for_norm_eps",
        'record.get("rms_norm_eps", 1e-6)',
        'record.get("rms_norm_eps", 1e-5)',
        """Where rms_norm_eps is missing, norm_eps is not 1e-6. The default of this course is
        another one than that of the file's library.""",
    ),
    (
        "max_T_by_default",
        'record.get("max_position_embeddings", 2048)',
        "2048",
        """max_T is 2048 whatever config.json says. Read max_position_embeddings.""",
    ),
    (
        "one_key_head_by_default",
        'record.get("num_key_value_heads", heads)',
        'record.get("num_key_value_heads", 1)',
        """Without num_key_value_heads there is one key head. The default is as many as query heads:
        files from before grouped queries do not have the entry.""",
    ),
    (
        "tied_by_default",
        'record.get("tie_word_embeddings", False)',
        'record.get("tie_word_embeddings", True)',
        """Without tie_word_embeddings the model is taken for tied. The default is false.""",
    ),
    (
        "never_tied",
        'record.get("tie_word_embeddings", False)',
        "False",
        """tie_word_embeddings is not read, and a tied model is refused or gets a head.""",
    ),
    (
        "takes_other_activations",
        "record.get(name, ours) != ours",
        'record.get("model_type") != "llama"',
        """config.json asks for biases, another activation or scaled positions, and is not refused.
        The model would run and be another one.""",
    ),
    (
        "takes_other_turnings",
        'turning.get("rope_type", "default") != "default"',
        "False",
        """rope_parameters asks for another kind of RoPE and is not refused. The angles would be
        wrong.""",
    ),
    (
        "takes_heads_of_any_width",
        'heads * record.get("head_dim", sizes["d_model"] // heads) != sizes["d_model"]',
        "False",
        """head_dim is not what d_model / n_heads is, and the model is not refused.""",
    ),
    (
        "a_missing_size_is_a_key_error",
        "    if missing:\n",
        "    if False:\n",
        """A size that config.json does not say ends in another exception than ValueError.""",
    ),
    within="_read_config",
)
slips(
    "load_checkpoint",
    (
        "bfloat16_in_the_lower_half",
        "(array.astype(np.uint32) << 16).view(np.float32)",
        "array.astype(np.uint32).view(np.float32)",
        """bfloat16 comes out as numbers close to 0. Its sixteen bits are the upper half of a
        float32.""",
    ),
    (
        "bfloat16_as_float16",
        "(array.astype(np.uint32) << 16).view(np.float32)",
        "array.view(np.float16).astype(np.float32)",
        """bfloat16 is read as float16. Both have sixteen bits, of which they spend different
        numbers on the exponent.""",
    ),
    (
        "float16_stays",
        "np.result_type(kind, np.float32)",
        "kind",
        """float16 stays float16: the engine would compute in it. Make it float32.""",
    ),
    (
        "float64_is_rounded",
        "np.result_type(kind, np.float32)",
        "np.float32",
        """float64 becomes float32. Keep it as it is in the file.""",
    ),
    (
        "reads_beyond_the_end",
        "    if not 0 <= start <= end <= len(numbers):\n",
        "    numbers = numbers + bytes(max(0, end - len(numbers)))\n    if False:\n",
        """A file that ends too early is filled up. Compare the offsets with the length, and refuse
        it.""",
    ),
    (
        "reads_a_negative_offset",
        "0 <= start <= end <= len(numbers)",
        "end <= len(numbers)",
        """An offset below 0 is taken: Python counts it from the end.""",
    ),
    within="_tensor",
)
slips(
    "load_checkpoint",
    (
        "takes_metadata_for_a_tensor",
        '        header.pop("__metadata__", None)\n',
        "",
        """A file with __metadata__ in its header is refused. That key is no tensor: leave it
        out.""",
    ),
    (
        "needs_metadata",
        'header.pop("__metadata__", None)',
        'header.pop("__metadata__")',
        """A file without __metadata__ in its header is refused. The key may be missing.""",
    ),
    (
        "other_exceptions_come_through",
        "except (OSError, ValueError, KeyError, TypeError, AttributeError) as error",
        "except OSError as error",
        """A damaged file ends in another exception than ValueError: a KeyError, a TypeError.
        Whatever is wrong in a file is a ValueError.""",
    ),
    within="_read_safetensors",
)
exercise.slip(
    "load_checkpoint",
    "a_missing_file_is_another_error",
    "except (OSError, ValueError) as error",
    "except ValueError as error",
    """A folder without config.json ends in another exception than ValueError.""",
    within="_read_json",
)
slips(
    "load_checkpoint",
    (
        "follows_the_index_anywhere",
        "if Path(name).name != name:",
        "if False:",
        """An index that leads out of the folder is followed. A checkpoint from somebody else could
        have any file of yours read: take names within the folder only.""",
    ),
    (
        "reads_the_first_piece",
        'set(_read_json(index).get("weight_map", {}).values())',
        'sorted(set(_read_json(index).get("weight_map", {}).values()))[:1]',
        """A model in several files is refused. model.safetensors.index.json says in which of them
        each tensor is: read all that its weight_map names.""",
    ),
    (
        "knows_no_index",
        "not index.exists()",
        "True",
        """A model in several files is refused. model.safetensors.index.json says in which of them
        each tensor is: read all that its weight_map names.""",
    ),
    (
        "reads_whatever_lies_there",
        'set(_read_json(index).get("weight_map", {}).values())',
        'sorted(p.name for p in folder.glob("*.safetensors"))',
        """The files in the folder are read, not those that the index names. Files may be missing,
        or belong to something else: the weight_map says which ones count.""",
    ),
    within="_read_tensors",
)

slips(
    "Engine",
    (
        "positions_start_again",
        "np.arange(self.length, self.length + T)",
        "np.arange(T)",
        """The positions of new tokens start from 0 on a warm cache. They go on where the cache
        ends.""",
    ),
    (
        "positions_stand_still",
        "self.length + T\n        x = rmsnorm",
        "self.length + 1\n        x = rmsnorm",
        """After a piece of several tokens the count goes up by one. It goes up by the number of
        tokens.""",
    ),
    (
        "reads_the_last_logits_only",
        "        return logits\n",
        "        return logits[:, -1:]\n",
        """forward returns the logits of the last position alone. It returns those of all tokens
        that it was given, (B, T, vocab_size).""",
    ),
    (
        "forgets_the_final_norm",
        'x = rmsnorm(x, params["final_norm"], config.norm_eps)',
        "x = x * 1.0",
        """The final norm is missing. It stands between the last block and the head.""",
    ),
    (
        "norm_eps_by_default",
        'rmsnorm(x, params["final_norm"], config.norm_eps)',
        'rmsnorm(x, params["final_norm"])',
        """The final norm uses the default eps. The model has one of its own: config.norm_eps.""",
    ),
    (
        "tied_head_the_wrong_way",
        'params["embedding"].T if config.tied else params["head"]',
        'params["embedding"].T if config.tied else params["head"][:, ::-1]',
        """The columns of the head are in another order. Column i is the score of id i.""",
    ),
    (
        "ignores_tied",
        'params["embedding"].T if config.tied else params["head"]',
        'params.get("head", params["embedding"][::-1].T)',
        """A tied model has no head: its logits are products with the rows of the embedding.""",
    ),
    (
        "keeps_float64",
        "config.d_model // config.n_heads, x.dtype)",
        "config.d_model // config.n_heads, np.float64)",
        """float32 parameters get a cache in float64: twice the memory, and everything after it is
        computed in float64. Make the cache in the dtype of the parameters.""",
    ),
    (
        "minus_one_is_the_last",
        "np.min(tokens) < 0 or np.max(tokens)",
        "np.max(tokens)",
        """A negative id is taken, since NumPy counts it from the end. Raise ValueError.""",
    ),
    (
        "unknown_ids_are_an_index_error",
        "np.min(tokens) < 0 or np.max(tokens) >= config.vocab_size",
        "np.min(tokens) < 0",
        """An id that is not in the vocabulary ends in an IndexError. Look before you look it up,
        and raise ValueError.""",
    ),
    (
        "wraps_unknown_ids",
        'params["embedding"][tokens]',
        'params["embedding"][tokens % (config.vocab_size - 1)]',
        """The highest id is mistaken for another one. Ids are 0 to vocab_size - 1.""",
    ),
    (
        "one_row_counts_for_all",
        "if self.rows not in (0, B):",
        "if False:",
        """One row of tokens is taken for a cache of several rows, since NumPy repeats it. Raise
        ValueError, and say that reset() comes first.""",
    ),
    (
        "room_for_one_less",
        "config.n_kv_heads, config.max_T)",
        "config.n_kv_heads, config.max_T - 1)",
        """There is room for one token less than max_T.""",
    ),
    (
        "room_without_an_end",
        "config.n_kv_heads, config.max_T)",
        "config.n_kv_heads, 2 * config.max_T)",
        """More than max_T tokens are taken: the model does not know such positions. Raise
        ValueError.""",
    ),
    (
        "reset_keeps_the_keys",
        "self.cache: Any = None",
        'self.cache: Any = getattr(self, "cache", None)',
        """reset leaves old keys and values in the cache: the next text is read as a continuation of
        the last one.""",
    ),
    (
        "counts_in_bits",
        "return int(numbers * self",
        "return int(8 * numbers * self",
        """cache_nbytes is eight times too large: itemsize is in bytes.""",
    ),
    (
        "counts_the_keys_alone",
        "2 * config.n_layers",
        "config.n_layers",
        """cache_nbytes counts the keys, or the values. Both are kept.""",
    ),
    (
        "counts_the_room",
        "config.n_kv_heads * self.length",
        "config.n_kv_heads * (config.max_T if self.length else 0)",
        """cache_nbytes counts the room. It is about what is filled.""",
    ),
    (
        "counts_float64",
        'self.params["final_norm"].dtype.itemsize',
        "8",
        """cache_nbytes counts eight bytes a number whatever the dtype is.""",
    ),
    (
        "forgets_to_reset",
        "        self.reset()\n        rng",
        "        rng",
        """generate goes on with what the cache holds. It begins with an empty one: a second call
        gives what the first one gave.""",
    ),
    (
        "calls_a_forward_of_its_own",
        "self.forward(tokens)[:, -1]",
        "Engine.forward(self, tokens)[:, -1]",
        """Tokens do not go through self.forward: whoever replaces it, to count or to change it,
        sees nothing. Call self.forward.""",
    ),
    (
        "reads_the_first_position",
        "self.forward(tokens)[:, -1]",
        "self.forward(tokens)[:, 0]",
        """The logits of the first position of the prompt are used. Those of the last one say what
        comes next.""",
    ),
    (
        "sends_the_last_token_twice",
        "            logits = self.forward(tokens)[:, -1]",
        "            self.forward(tokens)\n"
        "            logits = self.forward(tokens[:, -1:])[:, -1]",
        """The last token goes through forward twice, and is in the cache twice.""",
    ),
    (
        "temperature_after_the_softmax",
        "sample_probs(logits, temperature, top_k, top_p)",
        "sample_probs(sample_probs(logits), temperature, top_k, top_p)",
        """The temperature divides probabilities. It divides logits, before the softmax.""",
    ),
    (
        "multiplies_by_the_temperature",
        "sample_probs(logits, temperature, top_k, top_p)",
        "sample_probs(logits, 1 / temperature if temperature else 0.0, top_k, top_p)",
        """Logits are multiplied by the temperature. It divides them: a high one makes everything
        more alike.""",
    ),
    (
        "ignores_the_temperature",
        "sample_probs(logits, temperature, top_k, top_p)",
        "sample_probs(logits, min(temperature, 1.0), top_k, top_p)",
        """A temperature above 1 changes nothing.""",
    ),
    (
        "always_greedy",
        "sample_probs(logits, temperature, top_k, top_p)",
        "sample_probs(logits, 0.0, top_k, top_p)",
        """The largest logit is taken whatever the temperature is.""",
    ),
    (
        "ignores_top_k",
        "sample_probs(logits, temperature, top_k, top_p)",
        "sample_probs(logits, temperature, 0, top_p)",
        """top_k changes nothing.""",
    ),
    (
        "ignores_top_p",
        "sample_probs(logits, temperature, top_k, top_p)",
        "sample_probs(logits, temperature, top_k)",
        """top_p changes nothing.""",
    ),
    (
        "one_number_for_all_rows",
        "np.asarray(rng.random(B))",
        "np.full(B, rng.random())",
        """All rows of a column use the same random number. Draw rng.random(B): one for each
        row.""",
    ),
    (
        "draws_for_open_rows_only",
        "u: Floats = np.asarray(rng.random(B))",
        "u: Floats = np.zeros(B)\n            u[~ended] = rng.random(int((~ended).sum()))",
        """Rows that have ended draw no number, so what the others say hangs on when their
        neighbours end. Draw one for each row, always.""",
    ),
    (
        "its_own_chance",
        "rng = rng or np.random.default_rng()",
        "rng = np.random.default_rng(0)",
        """rng is not used: every call gives the same text, whatever generator it is given.""",
    ),
    (
        "draws_twice",
        "            u: Floats = np.asarray(rng.random(B))\n",
        "            rng.random(B)\n            u: Floats = np.asarray(rng.random(B))\n",
        """Two numbers per row and column are drawn, and the first one is thrown away.""",
    ),
    (
        "ends_with_the_first",
        "if ended.all():",
        "if ended.any():",
        """Everything stops when the first row has ended. Go on until all have.""",
    ),
    (
        "never_stops_early",
        "if ended.all():",
        "if False:",
        """When all rows have ended, columns of eos are still computed. Stop there.""",
    ),
    (
        "watches_the_first_row",
        "if ended.all():",
        "if ended[0]:",
        """The loop ends with the first row of the batch. Go on until all rows have ended.""",
    ),
    (
        "ended_rows_go_on",
        "column = np.where(ended, eos, column)",
        "column = np.asarray(column)",
        """A row that has ended goes on with what the model says. Fill it with eos.""",
    ),
    (
        "fills_with_zeros",
        "np.where(ended, eos, column)",
        "np.where(ended, 0, column)",
        """Rows that have ended are filled with 0. Fill them with eos.""",
    ),
    (
        "eos_0_is_no_eos",
        "if eos is not None:",
        "if eos:",
        """An eos with id 0 is taken for none. Ask whether it is None.""",
    ),
    (
        "eos_does_nothing",
        "if eos is not None:",
        "if False:",
        """A row goes on after its eos. Fill it with eos from there on, and stop when all have
        ended.""",
    ),
    (
        "an_eos_in_the_prompt_counts",
        "np.zeros(B, dtype=bool)",
        "(prompt == (-1 if eos is None else eos)).any(axis=1)",
        """An eos in the prompt ends its row. Only a generated one does.""",
    ),
    (
        "does_not_feed_the_fillers",
        "tokens = column[:, np.newaxis]",
        "tokens = np.where(ended, 0, column)[:, np.newaxis]",
        """What goes through forward is not what is in the text: rows that have ended send another
        token than their filler.""",
    ),
    (
        "writes_into_the_prompt",
        "            tokens = column[:, np.newaxis]",
        "            prompt[:, -1] = column\n            tokens = prompt[:, -1:]",
        """The prompt is written into. It belongs to the caller: keep new tokens in an array of your
        own.""",
    ),
    (
        "only_new_tokens",
        "np.concatenate([prompt, *(",
        "np.concatenate([prompt[:, :0], *(",
        """The result holds the new tokens alone. It is the prompt and what follows.""",
    ),
    (
        "one_column_less",
        "range(max_new_tokens)",
        "range(max_new_tokens - 1)",
        """One column is missing.""",
    ),
    (
        "one_column_more",
        "range(max_new_tokens)",
        "range(max_new_tokens + 1)",
        """There is a column too many.""",
    ),
    (
        "another_dtype",
        "column.astype(prompt.dtype)",
        "column.astype(np.int64)",
        """New tokens have another dtype than the prompt.""",
    ),
    (
        "begins_from_nothing",
        'raise ValueError("the prompt is empty")',
        "prompt = np.zeros((B, 1), dtype=prompt.dtype)",
        """An empty prompt is replaced by a token of its own choice. Raise ValueError.""",
    ),
    (
        "refuses_what_fits",
        "P + max_new_tokens - 1 > config.max_T",
        "P + max_new_tokens > config.max_T",
        """A text is refused that fits: the last column never goes through forward, so P + n - 1
        tokens have to fit.""",
    ),
    (
        "notices_too_late",
        "P + max_new_tokens - 1 > config.max_T",
        "False",
        """A text that cannot fit is computed as far as it goes, and lost. Compare before the first
        forward.""",
    ),
)
slips(
    "Engine",
    (
        "sees_the_future",
        "attention(q.swapaxes(1, 2), k, v)",
        "attention(q.swapaxes(1, 2), k, v, False)",
        """Tokens of a piece see those after them. The mask is causal.""",
    ),
    (
        "square_mask",
        "attention(q.swapaxes(1, 2), k, v)",
        "attention(q.swapaxes(1, 2), *((k[:, :, :T], v[:, :, :T]) if T > 1 else (k, v)))",
        """The mask of a piece of T tokens on a warm cache is T by T, aligned with the first keys.
        The last T columns of the matrix belong to the new tokens: align it bottom-right.""",
    ),
    (
        "a_piece_sees_itself_only",
        "attention(q.swapaxes(1, 2), k, v)",
        "attention(q.swapaxes(1, 2), *((k[:, :, -T:], v[:, :, -T:]) if T > 1 else (k, v)))",
        """A piece of several tokens does not see what is in the cache.""",
    ),
    (
        "single_tokens_see_nothing",
        "attention(q.swapaxes(1, 2), k, v)",
        "attention(q.swapaxes(1, 2), k[:, :, -T:], v[:, :, -T:])",
        """New tokens see one another and nothing of the past: use the keys and values that the
        cache returns.""",
    ),
    (
        "turned_twice",
        "    heads = attention(",
        "    k = rope(k.swapaxes(1, 2), np.arange(k.shape[2]), config.rope_theta).swapaxes(1, 2)\n"
        "    heads = attention(",
        """Keys are turned when they go into the cache, and again when they come out. Once is right:
        a key that was turned by its position stays so.""",
    ),
    (
        "turns_the_values",
        "q, k = (rope(a, positions, config.rope_theta) for a in (q, k))",
        "q, k, v = (rope(a, positions, config.rope_theta) for a in (q, k, v))",
        """Values are turned, too. Positions belong into scores: turn queries and keys.""",
    ),
    (
        "does_not_turn_queries",
        "q, k = (rope(a, positions, config.rope_theta) for a in (q, k))",
        "k = rope(k, positions, config.rope_theta)",
        """Queries are not turned: scores do not depend on the distance then. Turn queries and
        keys.""",
    ),
    (
        "turns_nothing",
        "    q, k = (rope(a, positions, config.rope_theta) for a in (q, k))\n",
        "",
        """Nothing is turned: the model does not know where a token stands.""",
    ),
    (
        "rope_theta_by_default",
        "rope(a, positions, config.rope_theta)",
        "rope(a, positions)",
        """RoPE uses its default theta. The model has one of its own: config.rope_theta.""",
    ),
    (
        "norm_eps_of_attention_by_default",
        "rmsnorm(x, attn_norm, config.norm_eps)",
        "rmsnorm(x, attn_norm)",
        """The norm before the attention uses the default eps. The model has one of its own:
        config.norm_eps.""",
    ),
    (
        "norm_eps_of_swiglu_by_default",
        "rmsnorm(x, mlp_norm, config.norm_eps)",
        "rmsnorm(x, mlp_norm)",
        """The norm before SwiGLU uses the default eps. The model has one of its own:
        config.norm_eps.""",
    ),
    (
        "one_cache_for_all_layers",
        "cache.append(i, ",
        "cache.append(0, ",
        """All layers append to layer 0 of the cache. Each has keys and values of its own.""",
    ),
    (
        "exchanges_keys_and_values",
        "k, v = cache.append(",
        "v, k = cache.append(",
        """Keys and values are exchanged when they come out of the cache.""",
    ),
    (
        "mixes_heads_and_positions",
        "heads.swapaxes(1, 2).reshape(x.shape)",
        "heads.reshape(x.shape)",
        """Heads are merged without exchanging the axes back: a reshape moves no number, so tokens
        and heads get mixed up.""",
    ),
    (
        "no_stream_past_attention",
        "    x = x + heads",
        "    x = heads",
        """The attention replaces the stream. It is added to it.""",
    ),
    within="_block",
)


Plain = kv_cache_generation.Engine


@exercise.mistake("Engine")
class repeats_heads_in_the_cache(Plain):
    """The cache has, or counts, a key for each query head: repeated before they go in, they give
    the right text for n_heads / n_kv_heads times the memory. Cache the n_kv_heads that exist."""

    @property
    def cache_nbytes(self):
        return super().cache_nbytes * self.config.n_heads // self.config.n_kv_heads


@exercise.mistake("Engine")
class computes_everything_again(Plain):
    """Every step sends all tokens so far through the model. Keep the cache, and let only new tokens
    in."""

    def reset(self):
        super().reset()
        self.text = None

    def forward(self, tokens):
        text = tokens if self.text is None else np.concatenate([self.text, tokens], axis=1)
        Plain.reset(self)
        logits = super().forward(text)
        self.text = text
        return logits[:, -tokens.shape[1] :]


@exercise.mistake("Engine")
class sends_the_whole_text_again(Plain):
    """generate empties the cache and sends the whole text for every column. The prompt goes in
    once; then each new column alone."""

    def stream(self, prompt, max_new_tokens, *args, **kwargs):
        return Plain.stream(_Again(self), prompt, max_new_tokens, *args, **kwargs)


class _Again:
    """An engine that sends everything again at each step."""

    def __init__(self, engine):
        self.engine, self.config, self.text = engine, engine.config, None

    def reset(self):
        self.text = None

    def forward(self, tokens):
        self.text = tokens if self.text is None else np.concatenate([self.text, tokens], axis=1)
        self.engine.reset()
        return self.engine.forward(self.text)


@exercise.mistake("Engine")
class one_forward_too_many(Plain):
    """The last column goes through forward, too, and its logits are thrown away."""

    def generate(self, prompt, max_new_tokens, *args, **kwargs):
        ids = super().generate(prompt, max_new_tokens, *args, **kwargs)
        if max_new_tokens and self.length < self.config.max_T:
            self.forward(ids[:, -1:])
        return ids


@exercise.mistake("Engine")
class a_forward_for_nothing(Plain):
    """With max_new_tokens=0 the prompt goes through forward. Nobody will read its logits."""

    def generate(self, prompt, max_new_tokens, *args, **kwargs):
        ids = super().generate(prompt, max_new_tokens, *args, **kwargs)
        if max_new_tokens == 0:
            self.reset()
            self.forward(prompt)
        return ids


@exercise.mistake("Engine")
class looks_up_the_prompt_twice(Plain):
    """The prompt goes through the model twice: once to look at it, and once to fill the cache."""

    def generate(self, prompt, max_new_tokens, *args, **kwargs):
        if prompt.shape[1] and max_new_tokens and prompt.shape[1] <= self.config.max_T:
            Plain.reset(self)
            Plain.forward(self, prompt)
        return super().generate(prompt, max_new_tokens, *args, **kwargs)


@exercise.mistake("Engine")
class a_stream_that_waits(Plain):
    """Nothing is yielded before everything has been generated. Yield each column when it is
    chosen."""

    def stream(self, *args, **kwargs):
        yield from list(super().stream(*args, **kwargs))


@exercise.mistake("Engine")
class a_stream_that_is_one_behind(Plain):
    """A column is held back until the next one is there. Yield it as soon as it is chosen."""

    def stream(self, *args, **kwargs):
        held = None
        for column in super().stream(*args, **kwargs):
            if held is not None:
                yield held
            held = column
        if held is not None:
            yield held


@exercise.mistake("Engine")
class a_stream_without_options(Plain):
    """stream does not pass on temperature, top_k, top_p and rng."""

    def stream(self, prompt, max_new_tokens, eos=None, *args, **kwargs):
        return super().stream(prompt, max_new_tokens, eos)

    def generate(self, *args, **kwargs):
        engine = Plain(self)
        if "forward" in vars(self):
            engine.forward = self.forward
        return engine.generate(*args, **kwargs)


@exercise.mistake("Engine")
class drops_rows_that_have_ended(Plain):
    """Rows that have ended no longer go through the model. They stay in the batch here; to drop
    them is another exercise."""

    def stream(self, prompt, max_new_tokens, eos=None, *args, **kwargs):
        if eos is None or not prompt.size:
            yield from super().stream(prompt, max_new_tokens, eos, *args, **kwargs)
            return
        rows = [
            [
                int(c[0])
                for c in Plain.stream(self, row[np.newaxis], max_new_tokens, eos, *args, **kwargs)
            ]
            for row in prompt
        ]
        for column in range(max(map(len, rows))):
            found = [row[column] if column < len(row) else eos for row in rows]
            yield np.array(found, dtype=prompt.dtype)


@exercise.mistake("Engine")
class one_cache_for_all_engines(Plain):
    """The cache belongs to the class or the module, so two engines write into one another's. Keep
    it in the instance."""

    shared = SimpleNamespace(cache=None, length=0, rows=0)

    cache = property(
        lambda self: self.shared.cache, lambda self, v: setattr(self.shared, "cache", v)
    )
    length = property(
        lambda self: self.shared.length, lambda self, v: setattr(self.shared, "length", v)
    )
    rows = property(lambda self: self.shared.rows, lambda self, v: setattr(self.shared, "rows", v))


@exercise.null("Engine")
class knows_nothing:
    """Zeros of the right shapes, and fillers."""

    def __init__(self, model):
        self.model, self.cache_nbytes = model, 0

    def reset(self):
        pass

    def forward(self, tokens):
        return np.zeros((*tokens.shape, self.model.config.vocab_size))

    def stream(self, prompt, max_new_tokens, eos=None, *args, **kwargs):
        for _ in range(max_new_tokens):
            yield np.full(len(prompt), eos or 0, dtype=prompt.dtype)

    def generate(self, prompt, max_new_tokens, eos=None, *args, **kwargs):
        new = np.full((len(prompt), max_new_tokens), eos or 0, dtype=prompt.dtype)
        return np.concatenate([prompt, new], axis=1)
