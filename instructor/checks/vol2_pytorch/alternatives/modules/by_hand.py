"""Nothing from torch.nn.functional: sums, masks and rotations written out."""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self, rows, columns):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, columns).normal_(0.0, 0.02))

    def forward(self, x):
        return x @ self.weight.transpose(0, 1)


class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.register_parameter("weight", nn.Parameter(torch.ones((d_model,))))
        self.eps = eps

    def forward(self, x):
        wide = x if x.dtype == torch.float64 else x.float()
        square = torch.mean(wide * wide, dim=-1, keepdim=True)
        return (wide / torch.sqrt(square + self.eps)).to(x.dtype) * self.weight


class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        self.gate_proj, self.up_proj = Scale(d_ff, d_model), Scale(d_ff, d_model)
        self.down_proj = Scale(d_model, d_ff)

    def forward(self, x):
        gate = self.gate_proj(x)
        return self.down_proj(gate * torch.sigmoid(gate) * self.up_proj(x))


def turned(x, positions, theta):
    """x (B, T, heads, d_head), the first and the second features of all pairs apart."""
    half = x.shape[-1] // 2
    speed = torch.tensor([theta ** (-i / half) for i in range(half)], dtype=torch.float64)
    angle = (positions.to(torch.float64).unsqueeze(-1) * speed.to(x.device)).unsqueeze(-2)
    cos, sin = torch.cos(angle).to(x.dtype), torch.sin(angle).to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.sizes = config.n_heads, config.n_kv_heads, config.d_model // config.n_heads
        self.theta = config.rope_theta
        heads, kv_heads, width = self.sizes
        self.q_proj = Scale(heads * width, config.d_model)
        self.k_proj = Scale(kv_heads * width, config.d_model)
        self.v_proj = Scale(kv_heads * width, config.d_model)
        self.o_proj = Scale(config.d_model, config.d_model)

    def forward(self, x, positions=None):
        heads, kv_heads, width = self.sizes
        B, T, _ = x.shape
        if positions is None:
            positions = torch.tensor(range(T), device=x.device)
        q = turned(self.q_proj(x).view(B, T, heads, width), positions, self.theta)
        k = turned(self.k_proj(x).view(B, T, kv_heads, width), positions, self.theta)
        v = self.v_proj(x).view(B, T, kv_heads, width)
        q = q.view(B, T, kv_heads, heads // kv_heads, width)
        scores = torch.einsum("btgrd,bsgd->bgrts", q, k) / width**0.5
        future = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        probs = torch.softmax(scores.masked_fill(future, float("-inf")), dim=-1)
        return self.o_proj(torch.einsum("bgrts,bsgd->btgrd", probs, v).reshape(B, T, -1))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.mlp = SwiGLU(config.d_model, config.d_ff)
        self.self_attn = Attention(config)
        self.input_layernorm = RMSNorm(config.d_model, eps=config.norm_eps)
        self.post_attention_layernorm = RMSNorm(config.d_model, eps=config.norm_eps)

    def forward(self, x, positions=None):
        middle = self.self_attn(self.input_layernorm(x), positions) + x
        return self.mlp(self.post_attention_layernorm(middle)) + middle


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        table = nn.Embedding(config.vocab_size, config.d_model)
        torch.nn.init.normal_(table.weight, 0.0, 0.02)
        parts = OrderedDict(embed_tokens=table)
        parts["layers"] = nn.ModuleList([Block(config) for _ in range(config.n_layers)])
        parts["norm"] = RMSNorm(config.d_model, config.norm_eps)
        self.model = nn.ModuleDict(parts)
        self.lm_head = Scale(config.vocab_size, config.d_model)
        if config.tied:
            self.lm_head.weight = table.weight

    def forward(self, ids, positions=None):
        x = self.model["embed_tokens"](ids)
        for block in self.model["layers"]:
            x = block(x, positions)
        return self.lm_head(self.model["norm"](x))


def load_numpy(model, params):
    table = {"embedding": "model.embed_tokens.weight", "final_norm": "model.norm.weight"}
    if not model.config.tied:
        table["head"] = "lm_head.weight"
    inside = {
        "attn_norm": "input_layernorm",
        "mlp_norm": "post_attention_layernorm",
        **{f"w_{c}": f"self_attn.{c}_proj" for c in "qkvo"},
        **{f"w_{c}": f"mlp.{c}_proj" for c in ("gate", "up", "down")},
    }
    for i in range(model.config.n_layers):
        for here, there in inside.items():
            table[f"blocks.{i}.{here}"] = f"model.layers.{i}.{there}.weight"
    if set(table) != set(params):
        raise ValueError(f"names that differ: {sorted(set(table) ^ set(params))}")
    todo = []
    for here, there in table.items():
        array = np.asarray(params[here])
        array = array.T if array.ndim == 2 and here != "embedding" else array
        target = model.get_parameter(there)
        if tuple(target.shape) != array.shape:
            raise ValueError(f"{here} has the wrong shape")
        todo.append((target, torch.tensor(array.tolist(), dtype=torch.float64)))
    for target, values in todo:
        target.data.copy_(values)
