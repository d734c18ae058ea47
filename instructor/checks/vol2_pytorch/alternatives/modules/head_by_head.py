"""Rotations as small matrices, attention head by head, the table of angles made anew each time."""

import torch
from torch import nn
from torch.nn import functional as F


class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.full((d_model,), 1.0))

    def forward(self, x):
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * x.shape[-1] ** -0.5
        return self.weight * x * (size * size + self.eps).rsqrt()


class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        self.gate_proj = nn.Linear(d_model, d_ff, bias=False)
        self.up_proj = nn.Linear(d_model, d_ff, bias=False)
        self.down_proj = nn.Linear(d_ff, d_model, bias=False)
        self.activation = nn.SiLU()

    def forward(self, x):
        hidden = self.up_proj(x) * self.activation(self.gate_proj(x))
        return self.down_proj(hidden)


def rotations(positions, d_head, theta):
    """(..., T, d_head / 2, 2, 2): one matrix for each pair."""
    pair = torch.arange(d_head // 2, dtype=torch.float64, device=positions.device)
    angle = positions.unsqueeze(-1) / theta ** (2 * pair / d_head)
    rows = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=-1)
    return rows.unflatten(-1, (2, 2))


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_heads, self.n_kv_heads = config.n_heads, config.n_kv_heads
        self.d_head, self.theta = config.d_model // config.n_heads, config.rope_theta
        self.q_proj = nn.Linear(config.d_model, config.d_model, bias=False)
        self.k_proj = nn.Linear(config.d_model, self.n_kv_heads * self.d_head, bias=False)
        self.v_proj = nn.Linear(config.d_model, self.n_kv_heads * self.d_head, bias=False)
        self.o_proj = nn.Linear(config.d_model, config.d_model, bias=False)

    def forward(self, x, positions=None):
        T, width = x.shape[1], self.d_head
        if positions is None:
            positions = torch.arange(T, device=x.device)
        turn = rotations(positions, width, self.theta).to(x.dtype)

        def turned(head):
            pairs = head.unflatten(-1, (width // 2, 2, 1))
            return (turn @ pairs).flatten(-3)

        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        keys = [turned(k[..., i * width : (i + 1) * width]) for i in range(self.n_kv_heads)]
        values = v.split(width, dim=-1)
        future = torch.full((T, T), float("-inf"), dtype=x.dtype, device=x.device).triu(1)
        outs = []
        for h in range(self.n_heads):
            group = h * self.n_kv_heads // self.n_heads
            query = turned(q[..., h * width : (h + 1) * width]) * width**-0.5
            probs = F.softmax(query @ keys[group].mT + future, dim=-1)
            outs.append(probs @ values[group])
        return self.o_proj(torch.cat(outs, dim=-1))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RMSNorm(config.d_model, config.norm_eps)
        self.post_attention_layernorm = RMSNorm(config.d_model, config.norm_eps)
        self.self_attn = Attention(config)
        self.mlp = SwiGLU(config.d_model, config.d_ff)

    def forward(self, x, positions=None):
        found = self.self_attn(self.input_layernorm(x), positions)
        return x + found + self.mlp(self.post_attention_layernorm(x + found))


class Below(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        blocks = [Block(config) for _ in range(config.n_layers)]
        self.layers, self.norm = nn.Sequential(*blocks), RMSNorm(config.d_model, config.norm_eps)


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, self.model = config, Below(config)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if "norm" not in name:
                    parameter.copy_(0.02 * torch.randn_like(parameter))

    def forward(self, ids, positions=None):
        x = self.model.embed_tokens.weight[ids]
        for layer in self.model.layers:
            x = layer(x, positions)
        return self.lm_head(self.model.norm(x))


PLACES = {
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


def load_numpy(model, params):
    below, pairs = model.model, []
    left = dict(params)
    try:
        pairs.append((below.embed_tokens.weight, left.pop("embedding")))
        pairs.append((below.norm.weight, left.pop("final_norm")))
        for i, layer in enumerate(below.layers):
            for here, there in PLACES.items():
                own = layer.get_submodule(there).weight
                pairs.append((own, left.pop(f"blocks.{i}.{here}").T))
        if not model.config.tied:
            pairs.append((model.lm_head.weight, left.pop("head").T))
    except KeyError as missing:
        raise ValueError(f"{missing} is missing") from missing
    if left or any(own.shape != w.shape for own, w in pairs):
        raise ValueError("params do not fit the model")
    with torch.no_grad():
        for own, w in pairs:
            own.set_(own.new_tensor(w.tolist()))
