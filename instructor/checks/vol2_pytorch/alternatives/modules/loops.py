"""One head, one pair and one token at a time where that is clearer; helpers instead of kernels."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import linear, sigmoid


def no_bias(d_in, d_out):
    return nn.Linear(in_features=d_in, out_features=d_out, bias=False)


class RMSNorm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.register_buffer("eps", torch.tensor(eps, dtype=torch.float64), persistent=False)

    def forward(self, x):
        scale = (x.pow(2).mean(-1, keepdim=True) + self.eps.item()).pow(-0.5)
        return self.weight * (x * scale)


class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        self.gate_proj = no_bias(d_model, d_ff)
        self.up_proj = no_bias(d_model, d_ff)
        self.down_proj = no_bias(d_ff, d_model)

    def forward(self, x):
        both = linear(x, torch.cat((self.gate_proj.weight, self.up_proj.weight)))
        gate, up = both.chunk(2, dim=-1)
        return self.down_proj(gate * sigmoid(gate) * up)


def rotation(positions, d_head, theta):
    """Cosines and sines, (..., T, d_head / 2), computed by NumPy in float64."""
    frequencies = np.array([theta ** (-2 * i / d_head) for i in range(d_head // 2)])
    angles = positions[..., None] * torch.from_numpy(frequencies).to(positions.device)
    return torch.cos(angles), torch.sin(angles)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_heads, self.n_kv_heads = config.n_heads, config.n_kv_heads
        self.theta, self.d_head = config.rope_theta, config.d_model // config.n_heads
        self.q_proj = no_bias(config.d_model, config.n_heads * self.d_head)
        self.k_proj = no_bias(config.d_model, config.n_kv_heads * self.d_head)
        self.v_proj = no_bias(config.d_model, config.n_kv_heads * self.d_head)
        self.o_proj = no_bias(config.n_heads * self.d_head, config.d_model)

    def head(self, projected, number):
        start = number * self.d_head
        return projected[:, :, start : start + self.d_head]

    def turned(self, head, cos, sin):
        columns = []
        for i in range(self.d_head // 2):
            a, b = head[..., 2 * i], head[..., 2 * i + 1]
            columns.append(a * cos[..., i] - b * sin[..., i])
            columns.append(a * sin[..., i] + b * cos[..., i])
        return torch.stack(columns, dim=-1)

    def forward(self, x, positions=None):
        if positions is None:
            positions = torch.zeros(x.shape[1], dtype=torch.int64, device=x.device)
            positions = (positions + 1).cumsum(0) - 1
        cos, sin = (t.to(x.dtype) for t in rotation(positions, self.d_head, self.theta))
        queries, keys, values = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        results = []
        for h in range(self.n_heads):
            shared = h * self.n_kv_heads // self.n_heads
            q = self.turned(self.head(queries, h), cos, sin)
            k = self.turned(self.head(keys, shared), cos, sin)
            scores = torch.bmm(q, k.transpose(1, 2)) * self.d_head**-0.5
            block = torch.full_like(scores, float("-inf")).triu(diagonal=1)
            results.append(torch.softmax(scores + block, -1) @ self.head(values, shared))
        return self.o_proj(torch.cat(results, dim=-1))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RMSNorm(config.d_model, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.d_model, eps=config.norm_eps)
        self.mlp = SwiGLU(config.d_model, config.d_ff)

    def forward(self, x, positions=None):
        for norm, sublayer in (
            (self.input_layernorm, lambda y: self.self_attn(y, positions)),
            (self.post_attention_layernorm, self.mlp),
        ):
            x = x + sublayer(norm(x))
        return x


class Decoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.Sequential(*[Block(config) for _ in range(config.n_layers)])
        self.norm = RMSNorm(config.d_model, config.norm_eps)


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.model = Decoder(config)
        self.lm_head = no_bias(config.d_model, config.vocab_size)
        if config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, 0.0, 0.02)

    def forward(self, ids, positions=None):
        rows = [self.model.embed_tokens(row) for row in ids]
        x = torch.stack(rows)
        for i in range(len(self.model.layers)):
            x = self.model.layers[i](x, positions=positions)
        return self.lm_head(self.model.norm(x))


@torch.no_grad()
def load_numpy(model, params):
    short = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "mlp_norm",
        "embed_tokens": "embedding",
        "norm": "final_norm",
        "lm_head": "head",
    }
    for name, parameter in model.named_parameters():
        path = name.split(".")
        role = path[-2]
        key = short.get(role, "w_" + role.removesuffix("_proj"))
        if "layers" in path:
            key = f"blocks.{path[2]}.{key}"
        array = params[key]
        if role.endswith("_proj") or role == "lm_head":
            array = np.swapaxes(array, 0, 1)
        parameter[...] = torch.as_tensor(array.copy(), dtype=parameter.dtype)
