"""A table of rotations in a buffer that is not saved, dicts of modules, a state dict to load."""

import torch
from torch import nn
from torch.nn import functional


class RMSNorm(nn.RMSNorm):
    def __init__(self, d_model, eps=1e-5):
        super().__init__(d_model, eps=eps)


class SwiGLU(nn.Module):
    def __init__(self, d_model, d_ff):
        super().__init__()
        for name in ("gate_proj", "up_proj"):
            self.register_module(name, nn.Linear(d_model, d_ff, bias=False))
        self.register_module("down_proj", nn.Linear(d_ff, d_model, bias=False))

    def forward(self, x):
        return self.down_proj(self.up_proj(x).mul(functional.silu(self.gate_proj(x))))


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.h, self.g = config.n_heads, config.n_kv_heads
        d, d_head = config.d_model, config.d_model // config.n_heads
        self.q_proj = nn.Linear(d, d, bias=False)
        self.k_proj = nn.Linear(d, self.g * d_head, bias=False)
        self.v_proj = nn.Linear(d, self.g * d_head, bias=False)
        self.o_proj = nn.Linear(d, d, bias=False)
        # Each feature's own angle, and where its partner is.
        even = torch.arange(d_head) // 2 * 2
        per_position = torch.pow(
            torch.tensor(config.rope_theta, dtype=torch.float64), -even.double() / d_head
        )
        angles = torch.outer(torch.arange(config.max_T, dtype=torch.float64), per_position)
        sign = torch.tensor([-1.0, 1.0], dtype=torch.float64).repeat(d_head // 2)
        self.register_buffer("cosines", angles.cos(), persistent=False)
        self.register_buffer("sines", sign * angles.sin(), persistent=False)
        self.register_buffer("partner", torch.arange(d_head) ^ 1, persistent=False)

    def turned(self, x, where):
        cos, sin = self.cosines[where].to(x.dtype), self.sines[where].to(x.dtype)
        cos, sin = cos.unsqueeze(-2), sin.unsqueeze(-2)
        return x * cos + x[..., self.partner] * sin

    def forward(self, x, positions=None):
        where = slice(x.size(1)) if positions is None else positions
        q = self.turned(self.q_proj(x).unflatten(2, (self.h, -1)), where).movedim(2, 1)
        k = self.turned(self.k_proj(x).unflatten(2, (self.g, -1)), where).movedim(2, 1)
        v = self.v_proj(x).unflatten(2, (self.g, -1)).movedim(2, 1)
        repeats = self.h // self.g
        k, v = (t.repeat_interleave(repeats, 1) for t in (k, v))
        mask = torch.ones(x.size(1), x.size(1), dtype=torch.bool, device=x.device).tril()
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.o_proj(out.movedim(1, 2).flatten(2))


class Block(nn.ModuleDict):
    def __init__(self, config):
        super().__init__(
            {
                "input_layernorm": RMSNorm(config.d_model, config.norm_eps),
                "self_attn": Attention(config),
                "post_attention_layernorm": RMSNorm(config.d_model, config.norm_eps),
                "mlp": SwiGLU(config.d_model, config.d_ff),
            }
        )

    def forward(self, x, positions=None):
        x = x + self["self_attn"](self["input_layernorm"](x), positions)
        return torch.add(x, self["mlp"](self["post_attention_layernorm"](x)))


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.model = nn.ModuleDict(
            {
                "embed_tokens": nn.Embedding(config.vocab_size, config.d_model),
                "layers": nn.ModuleList([Block(config) for _ in range(config.n_layers)]),
                "norm": RMSNorm(config.d_model, config.norm_eps),
            }
        )
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied:
            self.model["embed_tokens"].weight = self.lm_head.weight
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if "norm" not in name:
                    parameter.normal_(0.0, 0.02)

    def forward(self, ids, positions=None):
        x = self.model["embed_tokens"](ids)
        for layer in self.model["layers"]:
            x = layer(x, positions)
        return self.lm_head(self.model["norm"](x))


TABLE = {
    "embedding": "model.embed_tokens.weight",
    "final_norm": "model.norm.weight",
    "head": "lm_head.weight",
    "attn_norm": "input_layernorm.weight",
    "mlp_norm": "post_attention_layernorm.weight",
}


def renamed(key):
    if key in TABLE:
        return TABLE[key]
    _, number, last = key.split(".")
    if last not in TABLE:
        role = last.removeprefix("w_")
        part = "self_attn" if len(role) == 1 else "mlp"
        return f"model.layers.{number}.{part}.{role}_proj.weight"
    return f"model.layers.{number}.{TABLE[last]}"


def load_numpy(model, params):
    state = {}
    for key, array in params.items():
        tensor = torch.from_numpy(array.copy())
        matrix = ".w_" in key or key == "head"
        state[renamed(key)] = tensor.T if matrix else tensor
    model.load_state_dict(state, strict=False)
