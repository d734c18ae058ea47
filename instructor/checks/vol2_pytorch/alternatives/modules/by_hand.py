"""No library kernels: everything as on paper, with complex numbers for the rotation."""

import math

import torch
from torch import nn


class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.full((d_model,), 1.0))

    def forward(self, x):
        mean_square = torch.einsum("...d,...d->...", x, x) / x.shape[-1]
        return x / (mean_square + self.eps).sqrt().unsqueeze(-1) * self.weight


class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        self.gate_proj, self.up_proj = (nn.Linear(d_model, d_ff, bias=False) for _ in range(2))
        self.down_proj = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x):
        gate = x @ self.gate_proj.weight.T
        hidden = gate / (1 + torch.exp(-gate)) * (x @ self.up_proj.weight.T)
        return hidden @ self.down_proj.weight.T


def turn(x, positions, theta):
    """x (B, T, n, d_head): neighbours are the parts of a complex number."""
    d_head = x.shape[-1]
    i = torch.arange(d_head // 2, device=x.device).double()
    angles = positions.double()[..., None] * theta ** (-2 * i / d_head)
    turns = torch.polar(torch.ones_like(angles), angles).unsqueeze(-2)
    numbers = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(numbers * turns).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.d_head = config.d_model // config.n_heads
        narrow = config.n_kv_heads * self.d_head
        self.q_proj = nn.Linear(config.d_model, config.d_model, bias=False)
        self.k_proj = nn.Linear(config.d_model, narrow, bias=False)
        self.v_proj = nn.Linear(config.d_model, narrow, bias=False)
        self.o_proj = nn.Linear(config.d_model, config.d_model, bias=False)

    def forward(self, x, positions=None):
        b, t, _ = x.shape
        theta = self.config.rope_theta
        if positions is None:
            positions = torch.arange(t, device=x.device)
        q = turn(self.q_proj(x).view(b, t, -1, self.d_head), positions, theta)
        k = turn(self.k_proj(x).view(b, t, -1, self.d_head), positions, theta)
        v = self.v_proj(x).view(b, t, -1, self.d_head)
        group = self.config.n_heads // self.config.n_kv_heads
        k, v = k.repeat_interleave(group, dim=2), v.repeat_interleave(group, dim=2)
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(self.d_head)
        later = torch.ones(t, t, dtype=torch.bool, device=x.device).triu(1)
        probs = scores.masked_fill(later, -math.inf).softmax(dim=-1)
        out = torch.einsum("bhqk,bkhd->bqhd", probs, v)
        return self.o_proj(out.reshape(b, t, -1))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn, self.mlp = Attention(config), SwiGLU(config.d_model, config.d_ff)
        for name in ("input_layernorm", "post_attention_layernorm"):
            self.add_module(name, RMSNorm(config.d_model, config.norm_eps))

    def forward(self, x, positions=None):
        middle = self.self_attn(self.input_layernorm(x), positions) + x
        return self.mlp(self.post_attention_layernorm(middle)) + middle


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        table = nn.Embedding(config.vocab_size, config.d_model)
        self.model = nn.Module()
        self.model.embed_tokens = table
        self.model.layers = nn.ModuleList()
        for _ in range(config.n_layers):
            self.model.layers.append(Block(config))
        self.model.norm = RMSNorm(config.d_model, config.norm_eps)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.apply(self.draw)
        if config.tied:
            self.lm_head.weight = table.weight

    @staticmethod
    def draw(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data = 0.02 * torch.randn_like(module.weight)

    def forward(self, ids, positions=None):
        stream = self.model.embed_tokens.weight[ids]
        for block in self.model.layers:
            stream = block(stream, positions)
        return self.model.norm(stream) @ self.lm_head.weight.T


def load_numpy(model, params):
    def put(module, array):
        module.weight.data.copy_(torch.tensor(array))

    put(model.model.embed_tokens, params["embedding"])
    for i, block in enumerate(model.model.layers):
        own = {key.split(".")[-1]: w for key, w in params.items() if key.startswith(f"blocks.{i}.")}
        put(block.input_layernorm, own["attn_norm"])
        put(block.self_attn.q_proj, own["w_q"].T)
        put(block.self_attn.k_proj, own["w_k"].T)
        put(block.self_attn.v_proj, own["w_v"].T)
        put(block.self_attn.o_proj, own["w_o"].T)
        put(block.post_attention_layernorm, own["mlp_norm"])
        put(block.mlp.gate_proj, own["w_gate"].T)
        put(block.mlp.up_proj, own["w_up"].T)
        put(block.mlp.down_proj, own["w_down"].T)
    put(model.model.norm, params["final_norm"])
    if "head" in params:
        put(model.lm_head, params["head"].T)
