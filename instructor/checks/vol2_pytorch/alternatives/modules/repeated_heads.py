"""Heads repeated before attention, half the angles kept as Python numbers, state dict loading."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class RMSNorm(nn.RMSNorm):
    def __init__(self, d_model, eps=1e-5):
        super().__init__(d_model, eps=eps)


class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        self.gate_proj = nn.Linear(d_model, d_ff, False)
        self.up_proj = nn.Linear(d_model, d_ff, False)
        self.down_proj = nn.Linear(d_ff, d_model, False)

    def forward(self, x):
        both = F.linear(x, torch.cat([self.gate_proj.weight, self.up_proj.weight]))
        gate, up = both.chunk(2, dim=-1)
        return self.down_proj(F.silu(gate).mul(up))


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        d = config.d_model
        self.config, self.d_head = config, d // config.n_heads
        self.q_proj = nn.Linear(d, config.n_heads * self.d_head, bias=False)
        self.k_proj = nn.Linear(d, config.n_kv_heads * self.d_head, bias=False)
        self.v_proj = nn.Linear(d, config.n_kv_heads * self.d_head, bias=False)
        self.o_proj = nn.Linear(config.n_heads * self.d_head, d, bias=False)
        self.speeds = [
            math.exp(-2 * i / self.d_head * math.log(config.rope_theta))
            for i in range(self.d_head // 2)
        ]

    def angles(self, positions):
        speeds = torch.tensor(self.speeds, dtype=torch.double, device=positions.device)
        each = torch.einsum("...t,p->...tp", positions.double(), speeds)
        each = each.repeat_interleave(2, dim=-1)
        return each[None, None] if positions.ndim == 1 else each[:, None]

    def heads(self, layer, x):
        return layer(x).reshape(x.shape[0], x.shape[1], -1, self.d_head).permute(0, 2, 1, 3)

    def forward(self, x, positions=None):
        T = x.size(1)
        positions = torch.arange(0, T, device=x.device) if positions is None else positions
        angles = self.angles(positions)
        cos, sin = torch.cos(angles).type_as(x), torch.sin(angles).type_as(x)

        def rotate(a):
            crossed = torch.stack((-a[..., 1::2], a[..., ::2]), -1).reshape(a.shape)
            return a * cos + crossed * sin

        group = self.config.n_heads // self.config.n_kv_heads
        q = rotate(self.heads(self.q_proj, x))
        k = rotate(self.heads(self.k_proj, x)).repeat_interleave(group, dim=1)
        v = self.heads(self.v_proj, x).repeat_interleave(group, dim=1)
        mask = torch.tril(torch.ones(T, T, device=x.device)) == 1
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.o_proj(out.permute(0, 2, 1, 3).reshape(x.shape))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RMSNorm(config.d_model, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.d_model, config.norm_eps)
        self.mlp = SwiGLU(config.d_model, config.d_ff)

    def forward(self, x, positions=None):
        x = torch.add(x, self.self_attn(self.input_layernorm(x), positions))
        return torch.add(x, self.mlp(self.post_attention_layernorm(x)))


def start(module):
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, mean=0.0, std=0.02)


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.model.layers = nn.ModuleList()
        for _ in range(config.n_layers):
            self.model.layers.append(Block(config))
        self.model.norm = RMSNorm(config.d_model, config.norm_eps)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.apply(start)
        if config.tied:
            self.model.embed_tokens.weight = self.lm_head.weight

    def forward(self, ids, positions=None):
        x = F.embedding(ids, self.model.embed_tokens.weight)
        for layer in self.model.layers:
            x = layer(x, positions=positions)
        return F.linear(self.model.norm(x), self.lm_head.weight)


WORDS = {
    "attn_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "w_gate": "mlp.gate_proj",
    "w_up": "mlp.up_proj",
    "w_down": "mlp.down_proj",
}


def renamed(name):
    if name.startswith("blocks."):
        block, word = name.removeprefix("blocks.").rsplit(".", 1)
        return f"model.layers.{block}." + WORDS.get(word, f"self_attn.{word[2:]}_proj") + ".weight"
    return {"embedding": "model.embed_tokens", "final_norm": "model.norm"}.get(
        name, "lm_head" if name == "head" else name
    ) + ".weight"


def load_numpy(model, params):
    state = {}
    for name, array in params.items():
        values = torch.tensor(array.copy())
        if name != "embedding" and values.dim() == 2:
            values = values.t()
        state[renamed(name)] = values
    if model.config.tied and "embedding" in params and "head" not in params:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    there = model.state_dict()
    if state.keys() != there.keys():
        raise ValueError("names")
    if any(state[name].shape != there[name].shape for name in there):
        raise ValueError("shapes")
    model.load_state_dict(state)
