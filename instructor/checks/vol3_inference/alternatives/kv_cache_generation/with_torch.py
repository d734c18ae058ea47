"""PyTorch inside: safetensors' own reader, fused attention, room for all; the prompt in pieces."""

import json
import os
from dataclasses import dataclass

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional as F

from .sampling import draw, sample_probs

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


@dataclass
class Sizes:
    vocab_size: int
    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_ff: int
    max_T: int
    rope_theta: float
    norm_eps: float
    tied: bool


class Model:
    def __init__(self, config, params):
        self.config, self.params = config, params


def json_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError:
        raise ValueError(f"{path} is missing") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is no object")
    return found


def sizes_of(found):
    rope = found.get("rope_parameters") or {}
    plain = (
        found.get("model_type", "llama") == "llama"
        and found.get("hidden_act", "silu") == "silu"
        and not found.get("attention_bias")
        and not found.get("mlp_bias")
        and not found.get("rope_scaling")
        and rope.get("rope_type") in (None, "default")
    )
    if not plain:
        raise ValueError("config.json describes another model")
    try:
        heads = found["num_attention_heads"]
        sizes = Sizes(
            found["vocab_size"],
            found["hidden_size"],
            found["num_hidden_layers"],
            heads,
            found.get("num_key_value_heads", heads),
            found["intermediate_size"],
            found.get("max_position_embeddings", 2048),
            found.get("rope_theta", rope.get("rope_theta", 10000.0)),
            found.get("rms_norm_eps", 1e-6),
            found.get("tie_word_embeddings", False),
        )
    except KeyError as error:
        raise ValueError(f"config.json lacks {error}") from None
    if found.get("head_dim") not in (None, sizes.d_model // heads):
        raise ValueError("config.json asks for heads of another width")
    return sizes


def files_of(folder):
    if os.path.exists(os.path.join(folder, "model.safetensors")):
        return ["model.safetensors"]
    named = json_of(os.path.join(folder, "model.safetensors.index.json"))
    files = sorted(set(named.get("weight_map", {}).values()))
    if any(os.path.basename(file) != file for file in files):
        raise ValueError("the index leads elsewhere")
    return files


def load_checkpoint(folder):
    folder = os.fspath(folder)
    config, state = sizes_of(json_of(os.path.join(folder, "config.json"))), {}
    for file in files_of(folder):
        try:
            state.update(load_file(os.path.join(folder, file)))
        except (OSError, SafetensorError, ValueError) as error:
            raise ValueError(f"{file} is no safetensors: {error}") from None
    wanted = {"embedding": "model.embed_tokens", "final_norm": "model.norm"}
    if not config.tied:
        wanted["head"] = "lm_head"
    for i in range(config.n_layers):
        for ours, theirs in NAMES.items():
            wanted[f"blocks.{i}.{ours}"] = f"model.layers.{i}.{theirs}"
    d, wide = config.d_model, config.d_ff
    narrow = d // config.n_heads * config.n_kv_heads
    shapes = {"embedding": (config.vocab_size, d), "head": (config.vocab_size, d)}
    shapes |= {"w_k": (narrow, d), "w_v": (narrow, d), "w_gate": (wide, d), "w_up": (wide, d)}
    shapes |= {"w_down": (d, wide), "w_q": (d, d), "w_o": (d, d)}
    params = {}
    for ours, theirs in wanted.items():
        tensor, kind = state.get(theirs + ".weight"), ours.split(".")[-1]
        if tensor is None or tuple(tensor.shape) != shapes.get(kind, (d,)):
            raise ValueError(f"{theirs} is missing or does not fit")
        if tensor.dtype in (torch.float16, torch.bfloat16):
            tensor = tensor.float()
        heads = {"w_q": config.n_heads, "w_k": config.n_kv_heads}.get(kind)
        if heads:
            tensor = tensor.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
        array = tensor.numpy()
        params[ours] = array.copy() if kind == "embedding" else array.T.copy()
    return Model(config, params)


class Engine:
    PIECE = 3

    def __init__(self, model):
        self.config, self.params = model.config, model.params
        self.w = {
            name: torch.from_numpy(np.array(w))
            for name, w in model.params.items()
            if name != "embedding" or model.config.tied
        }
        self.reset()

    def reset(self):
        self.keys = self.values = None
        self.filled = 0

    @property
    def cache_nbytes(self):
        if self.keys is None:
            return 0
        return 2 * self.keys[:, :, :, : self.filled].numel() * self.keys.element_size()

    def turned(self, x, positions):
        half = torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1]
        angles = positions[:, None] * self.config.rope_theta**-half
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        a, b = x[..., ::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)

    def norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], self.w[name], self.config.norm_eps)

    def forward(self, tokens):
        c, (B, T) = self.config, tokens.shape
        end = self.filled + T
        if end > c.max_T or tokens.min() < 0 or tokens.max() >= c.vocab_size:
            raise ValueError("too many tokens, or ids that are not there")
        if self.filled and self.keys.shape[1] != B:
            raise ValueError("call reset first")
        x = torch.from_numpy(np.array(self.params["embedding"][tokens]))
        if not self.filled:
            shape = (c.n_layers, B, c.n_kv_heads, c.max_T, c.d_model // c.n_heads)
            self.keys, self.values = (torch.empty(shape, dtype=x.dtype) for _ in range(2))
        positions = torch.arange(self.filled, end)
        mask = torch.arange(end) <= positions[:, None]
        for i in range(c.n_layers):
            h, at = self.norm(x, f"blocks.{i}.attn_norm"), f"blocks.{i}."
            q, k, v = (
                (h @ self.w[at + name]).unflatten(-1, (n, -1)).transpose(1, 2)
                for name, n in (("w_q", c.n_heads), ("w_k", c.n_kv_heads), ("w_v", c.n_kv_heads))
            )
            self.keys[i, :, :, self.filled : end] = self.turned(k, positions)
            self.values[i, :, :, self.filled : end] = v
            k, v = self.keys[i, :, :, :end], self.values[i, :, :, :end]
            out = F.scaled_dot_product_attention(
                self.turned(q, positions), k, v, attn_mask=mask, enable_gqa=True
            )
            x = x + out.transpose(1, 2).flatten(-2) @ self.w[at + "w_o"]
            h = self.norm(x, at + "mlp_norm")
            h = F.silu(h @ self.w[at + "w_gate"]) * (h @ self.w[at + "w_up"])
            x = x + h @ self.w[at + "w_down"]
        self.filled = end
        head = self.w["embedding"].T if c.tied else self.w["head"]
        return (self.norm(x, "final_norm") @ head).numpy()

    def stream(
        self, prompt, max_new_tokens, eos=None, temperature=0.0, top_k=0, top_p=1.0, rng=None
    ):
        B, P = prompt.shape
        if P == 0 or P + max_new_tokens > self.config.max_T + 1:
            raise ValueError("the prompt is empty, or all that is asked for is too much")
        self.reset()
        rng, ended = rng or np.random.default_rng(), np.zeros(B, dtype=bool)
        fresh = prompt
        for left in range(max_new_tokens, 0, -1):
            for start in range(0, fresh.shape[1], self.PIECE):
                logits = self.forward(fresh[:, start : start + self.PIECE])
            ids = draw(sample_probs(logits[:, -1], temperature, top_k, top_p), rng.random(B))
            if eos is not None:
                ids = np.where(ended, eos, ids)
                ended = ended | (ids == eos)
            fresh = ids[:, None].astype(prompt.dtype)
            yield fresh[:, 0].copy()
            if left == 1 or ended.all():
                return

    def generate(self, prompt, *args, **kwargs):
        new = [column[:, None] for column in self.stream(prompt, *args, **kwargs)]
        return np.concatenate([np.array(prompt), *new], axis=1)
