"""PyTorch's own norm, attention and SiLU, and a mask that is written out."""

import numpy as np
import torch
from torch.nn import functional as F


def prefill(params, config, cache, tokens, chunk=None):
    if tokens.shape[1] == 0 or (chunk is not None and chunk < 1):
        raise ValueError("nothing to read")
    w = {name: torch.tensor(np.ascontiguousarray(value)) for name, value in params.items()}
    ids = torch.tensor(np.ascontiguousarray(tokens))
    for piece in ids.split(chunk or ids.shape[1], dim=1):
        x = stream(w, config, cache, piece)
    return head(w, config, x[:, -1])


def decode(params, config, cache, tokens):
    w = {name: torch.tensor(np.ascontiguousarray(value)) for name, value in params.items()}
    ids = torch.tensor(np.ascontiguousarray(tokens))
    return head(w, config, stream(w, config, cache, ids[:, None])[:, 0])


def head(w, config, x):
    x = F.rms_norm(x, x.shape[-1:], w["final_norm"], config.norm_eps)
    return F.linear(x, w["embedding"] if config.tied else w["head"].T).numpy()


def stream(w, config, cache, ids):
    T, s = ids.shape[1], cache.length
    x = F.embedding(ids, w["embedding"])
    positions = torch.arange(s, s + T)
    mask = torch.arange(s + T) <= positions[:, None]
    for i in range(config.n_layers):
        block = {n.split(".")[2]: p for n, p in w.items() if n.startswith(f"blocks.{i}.")}
        h = F.rms_norm(x, x.shape[-1:], block["attn_norm"], config.norm_eps)
        q, k, v = (
            (h @ block[name]).unflatten(-1, (heads, -1)).transpose(1, 2)
            for name, heads in (
                ("w_q", config.n_heads),
                ("w_k", config.n_kv_heads),
                ("w_v", config.n_kv_heads),
            )
        )
        q, k = (turn(a, positions, config.rope_theta) for a in (q, k))
        both = cache.append(i, k.numpy(), v.numpy())
        k, v = (
            torch.tensor(a).repeat_interleave(config.n_heads // config.n_kv_heads, dim=1)
            for a in both
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + mixed.transpose(1, 2).flatten(2) @ block["w_o"]
        h = F.rms_norm(x, x.shape[-1:], block["mlp_norm"], config.norm_eps)
        x = x + (F.silu(h @ block["w_gate"]) * (h @ block["w_up"])) @ block["w_down"]
    return x


def turn(x, positions, theta):
    """Pairs as complex numbers; (B, heads, T, d_head)."""
    d_head = x.shape[-1]
    angles = torch.outer(
        positions.double(), theta ** (-torch.arange(0, d_head, 2).double() / d_head)
    )
    factors = torch.polar(torch.ones_like(angles), angles)
    pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * factors).flatten(-2).to(x.dtype)
