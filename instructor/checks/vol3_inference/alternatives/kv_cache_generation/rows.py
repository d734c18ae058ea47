"""Row by row within a layer, halves instead of neighbours inside, the loop in generate."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ..vol1_numpy.rmsnorm import rmsnorm
from .kv_cache import KVCache
from .sampling import draw, sample_probs

DEFAULTS = {
    "num_key_value_heads": None,
    "max_position_embeddings": 2048,
    "rope_theta": 10000.0,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
    "hidden_act": "silu",
    "model_type": "llama",
    "attention_bias": False,
    "mlp_bias": False,
    "rope_scaling": None,
    "rope_type": "default",
}
SIZE = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


def tensors_in(path):
    raw = memoryview(path.read_bytes())
    length = sum(byte << 8 * i for i, byte in enumerate(raw[:8]))
    header = json.loads(bytes(raw[8 : 8 + length]))
    body = raw[8 + length :]
    for name, about in header.items():
        if name.startswith("__"):
            continue
        low, high = about["data_offsets"]
        kind, shape = about["dtype"], about["shape"]
        right = math.prod(shape) * SIZE[kind] == high - low
        if not (right and low >= 0 and high <= len(body)):
            raise ValueError(f"{name} is damaged")
        part = body[low:high]
        if kind == "BF16":
            pairs = np.frombuffer(part, np.uint8).reshape(-1, 2)
            wide = np.concatenate([np.zeros_like(pairs), pairs], axis=1)
            yield name, wide.reshape(-1).view("<f4").reshape(shape)
        else:
            plain = np.frombuffer(part, f"<f{SIZE[kind]}").reshape(shape)
            yield name, plain.astype(np.float64 if kind == "F64" else np.float32)


def load_checkpoint(folder):
    try:
        folder = Path(folder)
        with (folder / "config.json").open() as file:
            record = json.load(file)
        record = DEFAULTS | (record.get("rope_parameters") or {}) | record
        names = [folder / "model.safetensors"]
        index = folder / "model.safetensors.index.json"
        if index.exists():
            found = json.loads(index.read_text())["weight_map"].values()
            if not {Path(name).parts == (name,) for name in found} <= {True}:
                raise ValueError("the index leads out of the folder")
            names = [folder / name for name in set(found)]
        tensors = {}
        for name in names:
            tensors |= dict(tensors_in(name))
        return model_from(record, tensors)
    except (OSError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"this is no checkpoint: {error}") from error


def model_from(r, tensors):
    for name in ("model_type", "hidden_act", "attention_bias", "mlp_bias", "rope_scaling"):
        if r[name] != DEFAULTS[name]:
            raise ValueError(f"{name} is {r[name]}")
    d, H, f = r["hidden_size"], r["num_attention_heads"], r["intermediate_size"]
    K, V, L = r["num_key_value_heads"] or H, r["vocab_size"], r["num_hidden_layers"]
    if r["rope_type"] != "default" or r.get("head_dim", d // H) * H != d:
        raise ValueError("positions or heads of another kind")
    e = d // H

    def get(name, *shape):
        w = tensors[f"{name}.weight"]
        if w.shape != shape:
            raise ValueError(f"{name}: {w.shape}, expected {shape}")
        return w

    def neighbours(w, n):
        out = np.empty_like(w)
        for h in range(n):
            for i in range(e // 2):
                out[h * e + 2 * i] = w[h * e + i]
                out[h * e + 2 * i + 1] = w[h * e + e // 2 + i]
        return out

    params = {"embedding": get("model.embed_tokens", V, d), "final_norm": get("model.norm", d)}
    if not r["tie_word_embeddings"]:
        params["head"] = get("lm_head", V, d).T.copy()
    for i in range(L):
        here, there = f"blocks.{i}.", f"model.layers.{i}."
        params[here + "w_q"] = neighbours(get(there + "self_attn.q_proj", d, d), H).T.copy()
        params[here + "w_k"] = neighbours(get(there + "self_attn.k_proj", K * e, d), K).T.copy()
        params[here + "w_v"] = get(there + "self_attn.v_proj", K * e, d).T.copy()
        params[here + "w_o"] = get(there + "self_attn.o_proj", d, d).T.copy()
        params[here + "w_gate"] = get(there + "mlp.gate_proj", f, d).T.copy()
        params[here + "w_up"] = get(there + "mlp.up_proj", f, d).T.copy()
        params[here + "w_down"] = get(there + "mlp.down_proj", d, f).T.copy()
        params[here + "attn_norm"] = get(there + "input_layernorm", d)
        params[here + "mlp_norm"] = get(there + "post_attention_layernorm", d)
    config = SimpleNamespace(vocab_size=V, d_model=d, n_layers=L, n_heads=H, n_kv_heads=K, d_ff=f)
    config.max_T, config.rope_theta = r["max_position_embeddings"], r["rope_theta"]
    config.norm_eps, config.tied = r["rms_norm_eps"], r["tie_word_embeddings"]
    return SimpleNamespace(config=config, params=params)


def linear(x, w):
    return np.tensordot(x, w, axes=1)


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


class Engine:
    def __init__(self, model):
        self.c, self.p = model.config, model.params
        self.e = self.c.d_model // self.c.n_heads
        self.dtype = self.p["final_norm"].dtype
        self.B = self.seen = 0
        self.cache = None

    def reset(self):
        self.B = self.seen = 0

    @property
    def cache_nbytes(self):
        width = self.c.n_kv_heads * self.e
        return 2 * self.c.n_layers * self.B * self.seen * width * self.dtype.itemsize

    def halves(self, w, n):
        """Columns in the order of halves: the scores do not care."""
        return w.reshape(-1, n, self.e // 2, 2).swapaxes(2, 3).reshape(w.shape)

    def turn(self, x, positions):
        half = self.e // 2
        angles = np.outer(positions, self.c.rope_theta ** (-np.arange(half) / half))
        cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
        return np.concatenate(
            [x[..., :half] * cos - x[..., half:] * sin, x[..., half:] * cos + x[..., :half] * sin],
            axis=-1,
        )

    def forward(self, tokens):
        c, p, (B, T) = self.c, self.p, tokens.shape
        if self.seen + T > c.max_T or not set(np.unique(tokens).tolist()) <= set(
            range(c.vocab_size)
        ):
            raise ValueError("this does not fit")
        if self.seen == 0:
            self.cache = KVCache(c.n_layers, B, c.n_kv_heads, c.max_T, self.e, self.dtype)
        elif B != self.B:
            raise ValueError("another batch")
        x = p["embedding"][tokens.ravel()].reshape(B, T, -1)
        positions = np.arange(self.seen, self.seen + T)
        allowed = np.tri(T, self.seen + T, self.seen, dtype=bool)
        for i in range(c.n_layers):
            w = {n.split(".")[2]: v for n, v in p.items() if n.startswith(f"blocks.{i}.")}
            h = rmsnorm(x, w["attn_norm"], c.norm_eps)
            q, k = (
                self.turn(
                    linear(h, self.halves(w[name], n))
                    .reshape(B, T, n, self.e)
                    .transpose(0, 2, 1, 3),
                    positions,
                )
                for name, n in (("w_q", c.n_heads), ("w_k", c.n_kv_heads))
            )
            v = linear(h, w["w_v"]).reshape(B, T, c.n_kv_heads, self.e).transpose(0, 2, 1, 3)
            keys, values = self.cache.append(i, k, v)
            merged = np.empty((B, T, c.d_model), dtype=x.dtype)
            for b in range(B):
                for head in range(c.n_heads):
                    own = head * c.n_kv_heads // c.n_heads
                    scores = q[b, head] @ keys[b, own].T * self.e**-0.5
                    probs = softmax(np.where(allowed, scores, np.finfo(x.dtype).min))
                    at = slice(head * self.e, (head + 1) * self.e)
                    merged[b, :, at] = probs @ values[b, own]
            x = x + linear(merged, w["w_o"])
            h = rmsnorm(x, w["mlp_norm"], c.norm_eps)
            gate = linear(h, w["w_gate"])
            x = x + linear(
                gate * 0.5 * (1 + np.tanh(gate * 0.5)) * linear(h, w["w_up"]), w["w_down"]
            )
        self.B, self.seen = B, self.seen + T
        final = rmsnorm(x, p["final_norm"], c.norm_eps)
        return linear(final, p["embedding"].T if c.tied else p["head"])

    def generate(
        self, prompt, max_new_tokens, eos=None, temperature=0.0, top_k=0, top_p=1.0, rng=None
    ):
        text = np.empty((len(prompt), prompt.shape[1] + max_new_tokens), dtype=prompt.dtype)
        text[:, : prompt.shape[1]] = prompt
        end = prompt.shape[1]
        for column in self.stream(prompt, max_new_tokens, eos, temperature, top_k, top_p, rng):
            text[:, end] = column
            end += 1
        return text[:, :end].copy()

    def stream(
        self, prompt, max_new_tokens, eos=None, temperature=0.0, top_k=0, top_p=1.0, rng=None
    ):
        B, P = prompt.shape
        if not P:
            raise ValueError("no tokens")
        if P + max_new_tokens - 1 > self.c.max_T:
            raise ValueError("too many tokens")
        self.reset()
        rng = np.random.default_rng() if rng is None else rng
        ended, count = [False] * B, 0
        last = None
        while count < max_new_tokens and not all(ended):
            logits = self.forward(prompt if last is None else last)
            probs = sample_probs(logits[:, -1], temperature, top_k, top_p)
            last = draw(probs, rng.random(B)).reshape(B, 1)
            for b in range(B):
                if eos is not None:
                    last[b] = eos if ended[b] else last[b]
                    ended[b] = bool(last[b, 0] == eos)
            count += 1
            yield last[:, 0].astype(prompt.dtype)
