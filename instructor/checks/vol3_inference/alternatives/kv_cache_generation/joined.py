"""Everything written anew: tables of angles, keys that are joined, scores by einsum, slots."""

import json
import pathlib
import struct
from types import SimpleNamespace

import numpy as np

KINDS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}
LAYER = (
    ("attn_norm", "input_layernorm", "d"),
    ("w_q", "self_attn.q_proj", "dd"),
    ("w_k", "self_attn.k_proj", "kd"),
    ("w_v", "self_attn.v_proj", "kd"),
    ("w_o", "self_attn.o_proj", "dd"),
    ("mlp_norm", "post_attention_layernorm", "d"),
    ("w_gate", "mlp.gate_proj", "fd"),
    ("w_up", "mlp.up_proj", "fd"),
    ("w_down", "mlp.down_proj", "df"),
)


def read_file(path):
    with open(path, "rb") as file:
        data = file.read()
    (n,) = struct.unpack("<Q", data[:8])
    if n > len(data) - 8:
        raise ValueError("the header is longer than the file")
    entries = json.loads(data[8 : 8 + n].decode("utf-8"))
    if type(entries) is not dict:
        raise ValueError("the header is no object")
    found = {}
    for name in entries:
        if name == "__metadata__":
            continue
        kind = KINDS[entries[name]["dtype"]]
        begin, stop = entries[name]["data_offsets"]
        shape = tuple(entries[name]["shape"])
        count = int(np.prod(shape, dtype=np.int64))
        size = count * np.dtype(kind).itemsize
        if begin < 0 or stop - begin != size or 8 + n + stop > len(data):
            raise ValueError(f"{name} does not lie in the file")
        x = np.frombuffer(data, kind, count, offset=8 + n + begin).reshape(shape).copy()
        if kind is np.uint16:
            wide = np.zeros((*shape, 2), dtype=np.uint16)
            wide[..., 1] = x
            x = wide.view(np.float32)[..., 0].copy()
        elif kind is np.float16:
            x = np.float32(x)
        found[name] = x
    return found


def load_checkpoint(folder):
    try:
        return load(pathlib.Path(folder))
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"{folder} cannot be loaded: {error!r}") from None


def load(folder):
    says = json.loads((folder / "config.json").read_text())
    rope = says.get("rope_parameters") or {}
    d, heads = says["hidden_size"], says["num_attention_heads"]
    wrong = [
        says.get("model_type", "llama") != "llama",
        says.get("hidden_act", "silu") != "silu",
        says.get("rope_scaling") is not None,
        rope.get("rope_type", "default") != "default",
        bool(says.get("attention_bias")),
        bool(says.get("mlp_bias")),
        says.get("head_dim", d // heads) != d // heads,
    ]
    if any(wrong):
        raise ValueError("this is another kind of model")
    config = SimpleNamespace(
        vocab_size=says["vocab_size"],
        d_model=d,
        n_layers=says["num_hidden_layers"],
        n_heads=heads,
        n_kv_heads=says.get("num_key_value_heads") or heads,
        d_ff=says["intermediate_size"],
        max_T=says.get("max_position_embeddings", 2048),
        rope_theta=says["rope_theta"] if "rope_theta" in says else rope.get("rope_theta", 10000.0),
        norm_eps=says.get("rms_norm_eps", 1e-6),
        tied=bool(says.get("tie_word_embeddings")),
    )
    tensors = {}
    if (folder / "model.safetensors").is_file():
        tensors = read_file(folder / "model.safetensors")
    else:
        where = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
        for file in {*where.values()}:
            if "/" in file or "\\" in file or file in (".", ".."):
                raise ValueError("the index leads out of the folder")
            tensors.update(read_file(folder / file))
    sides = {"d": d, "k": d // heads * config.n_kv_heads, "f": config.d_ff, "v": config.vocab_size}

    def take(name, letters):
        x = tensors[name + ".weight"]
        if x.shape != tuple(sides[c] for c in letters):
            raise ValueError(f"{name} has another shape")
        return x

    params = {"embedding": take("model.embed_tokens", "vd"), "final_norm": take("model.norm", "d")}
    if not config.tied:
        params["head"] = take("lm_head", "vd").T
    half = d // heads // 2
    order = np.arange(2 * half).reshape(2, half).T.ravel()  # place in the file of each feature
    for i in range(config.n_layers):
        for ours, theirs, letters in LAYER:
            w = take(f"model.layers.{i}.{theirs}", letters).T
            if ours in ("w_q", "w_k"):
                starts = np.arange(0, w.shape[1], 2 * half)
                w = w[:, (starts[:, None] + order).ravel()]
            params[f"blocks.{i}.{ours}"] = w
    return SimpleNamespace(config=config, params=params)


class Engine:
    def __init__(self, model):
        self.model = model
        c = model.config
        self.d_head = c.d_model // c.n_heads
        powers = np.arange(self.d_head // 2) * 2 / self.d_head
        self.angles = np.outer(np.arange(c.max_T), c.rope_theta**-powers)
        self.past = []

    def reset(self):
        self.past = []

    @property
    def length(self):
        return self.past[0][0].shape[1] if self.past else 0

    @property
    def cache_nbytes(self):
        return sum(k.nbytes + v.nbytes for k, v in self.past)

    def norm(self, x, gain):
        mean = np.mean(np.square(x), axis=-1, keepdims=True) + self.model.config.norm_eps
        return (x / np.sqrt(mean) * gain).astype(x.dtype)

    def turn(self, x, start):
        angles = self.angles[start : start + x.shape[1], None]
        wave = np.stack([np.cos(angles), np.sin(angles)], axis=-1).astype(x.dtype)
        cross = np.stack([-x[..., 1::2], x[..., 0::2]], axis=-1).reshape(x.shape)
        cos, sin = (np.repeat(wave[..., n], 2, axis=-1) for n in (0, 1))
        return x * cos + cross * sin

    def forward(self, tokens):
        c, p, start = self.model.config, self.model.params, self.length
        B, T = tokens.shape
        if start + T > c.max_T:
            raise ValueError("too long")
        if ((tokens < 0) | (tokens >= c.vocab_size)).any():
            raise ValueError("unknown id")
        if self.past and self.past[0][0].shape[0] != B:
            raise ValueError("another batch")
        x = np.take(p["embedding"], tokens, axis=0)
        groups, new = c.n_heads // c.n_kv_heads, []
        hidden = np.arange(start + T) > np.arange(start, start + T)[:, None]
        for i in range(c.n_layers):
            w = {name: p[f"blocks.{i}.{name}"] for name, _, _ in LAYER}
            h = self.norm(x, w["attn_norm"])
            q = self.turn((h @ w["w_q"]).reshape(B, T, c.n_heads, -1), start)
            k = self.turn((h @ w["w_k"]).reshape(B, T, c.n_kv_heads, -1), start)
            v = (h @ w["w_v"]).reshape(B, T, c.n_kv_heads, -1)
            if self.past:
                k = np.concatenate([self.past[i][0], k], axis=1)
                v = np.concatenate([self.past[i][1], v], axis=1)
            new.append((k, v))
            q = q.reshape(B, T, c.n_kv_heads, groups, -1)
            scores = np.einsum("btkgd,bskd->bkgts", q, k) / self.d_head**0.5
            scores[..., hidden] = -np.inf
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            probs = scores / scores.sum(axis=-1, keepdims=True)
            x = x + np.einsum("bkgts,bskd->btkgd", probs, v).reshape(x.shape) @ w["w_o"]
            h = self.norm(x, w["mlp_norm"])
            gate = h @ w["w_gate"]
            x = x + (gate / (1 + np.exp(-gate)) * (h @ w["w_up"])) @ w["w_down"]
        self.past = new
        head = p["embedding"].T if c.tied else p["head"]
        return self.norm(x, p["final_norm"]) @ head

    def choose(self, logits, temperature, top_k, top_p, u):
        picked = np.empty(len(logits), dtype=np.int64)
        for b, row in enumerate(logits):
            if temperature == 0:
                picked[b] = row.argmax()
                continue
            order = sorted(range(len(row)), key=lambda i: (-row[i], i))
            kept = order[: top_k or None]
            weights = np.exp((row[kept] - row[kept[0]]) / temperature)
            weights = weights / weights.sum()
            before = np.cumsum(weights) - weights
            if top_p < 1:
                count = max(1, int((before < top_p).sum()))
                kept, weights = kept[:count], weights[:count] / weights[:count].sum()
            total, left = 0.0, sorted(zip(kept, weights, strict=True))
            for i, weight in left:
                total += weight
                picked[b] = i
                if total > u[b]:
                    break
        return picked

    def generate(
        self, prompt, max_new_tokens, eos=None, temperature=0.0, top_k=0, top_p=1.0, rng=None
    ):
        ids = np.array(prompt)
        for column in self.stream(ids, max_new_tokens, eos, temperature, top_k, top_p, rng):
            ids = np.hstack([ids, column[:, None]])
        return ids

    def stream(
        self, prompt, max_new_tokens, eos=None, temperature=0.0, top_k=0, top_p=1.0, rng=None
    ):
        P = prompt.shape[1]
        if P < 1 or P + max_new_tokens > self.model.config.max_T + 1:
            raise ValueError("the prompt is empty, or too long")
        return self.columns(prompt, max_new_tokens, eos, temperature, top_k, top_p, rng)

    def columns(self, prompt, left, eos, temperature, top_k, top_p, rng):
        self.reset()
        rng = rng if rng is not None else np.random.default_rng()
        going, tokens = np.ones(len(prompt), dtype=bool), prompt
        while left and going.any():
            logits = self.forward(tokens)[:, -1]
            column = self.choose(logits, temperature, top_k, top_p, rng.random(len(prompt)))
            if eos is not None:
                column[~going] = eos
                going &= column != eos
            left -= 1
            yield column.astype(prompt.dtype)
            tokens = column.reshape(-1, 1)
