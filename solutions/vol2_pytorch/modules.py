"""The whole model as PyTorch modules, with the names that a Hugging Face checkpoint has."""

# %%
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

Floats = NDArray[np.floating[Any]]


# %%
@dataclass(frozen=True)
class Config:
    """The sizes of a model, and the constants that are not learned; the one of Volume 1.

    Args:
        vocab_size: How many different tokens there are.
        d_model: Width of a token.
        n_layers: How many blocks.
        n_heads: Query heads; d_head is d_model // n_heads, and even.
        n_kv_heads: Heads of keys and values; divides n_heads.
        d_ff: Hidden width of the feed-forward layer.
        max_T: The longest sequence.
        rope_theta: Base of the frequencies in RoPE.
        norm_eps: What RMSNorm adds under its root.
        tied: The head is the embedding's own table.
    """

    vocab_size: int
    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_ff: int
    max_T: int
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    tied: bool = False


# %%
class RMSNorm(nn.Module):
    """Bring every token to root mean square 1, then scale each feature.

    Args:
        d_model: Width of a token.
        eps: What is added to the mean square.

    Attributes:
        weight: nn.Parameter (d_model,), the gain; ones at the start.

    Source:
        Zhang and Sennrich 2019, equation 4 (arXiv:1910.07467).
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.weight = nn.Parameter(torch.ones(d_model))
        self.eps = eps
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the norm.

        Args:
            x: (..., d_model).

        Returns:
            out: (..., d_model), dtype of `x`.
        """
        ### BEGIN SOLUTION
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)
        ### END SOLUTION


# %%
class SwiGLU(nn.Module):
    """The gated feed-forward layer, without biases.

    Args:
        d_model: Width of a token.
        d_ff: Hidden width.

    Attributes:
        gate_proj, up_proj: nn.Linear from d_model to d_ff.
        down_proj: nn.Linear from d_ff to d_model.

    Source:
        Shazeer 2020, equation 6 (arXiv:2002.05202).
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.gate_proj = nn.Linear(d_model, d_ff, bias=False)
        self.up_proj = nn.Linear(d_model, d_ff, bias=False)
        self.down_proj = nn.Linear(d_ff, d_model, bias=False)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the layer.

        Args:
            x: (..., d_model).

        Returns:
            out: (..., d_model), dtype of `x`.
        """
        ### BEGIN SOLUTION
        out: torch.Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out
        ### END SOLUTION


# %%
### BEGIN SOLUTION
def _rope(x: torch.Tensor, positions: torch.Tensor, theta: float) -> torch.Tensor:
    """Turn neighbouring features of x (B, T, heads, d_head) by their positions."""
    d_head = x.shape[-1]
    pairs = torch.arange(0, d_head, 2, dtype=torch.float64, device=x.device)
    angles = positions[..., None, None] * theta ** (-pairs / d_head)  # (..., T, 1, d_head / 2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


### END SOLUTION


class Attention(nn.Module):
    """Causal multi-head attention with grouped queries and RoPE, without biases.

    Args:
        config: Gives d_model, n_heads, n_kv_heads and rope_theta.

    Attributes:
        q_proj, o_proj: nn.Linear from d_model to d_model.
        k_proj, v_proj: nn.Linear from d_model to n_kv_heads * d_head.

    Source:
        Ainslie et al. 2023, section 2.2 (arXiv:2305.13245); Su et al. 2021 (arXiv:2104.09864).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.d_head = config.d_model // config.n_heads
        self.theta = config.rope_theta
        narrow = config.n_kv_heads * self.d_head
        self.q_proj = nn.Linear(config.d_model, config.d_model, bias=False)
        self.k_proj = nn.Linear(config.d_model, narrow, bias=False)
        self.v_proj = nn.Linear(config.d_model, narrow, bias=False)
        self.o_proj = nn.Linear(config.d_model, config.d_model, bias=False)
        ### END SOLUTION

    def forward(self, x: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        """Let every token read itself and the tokens before it.

        Args:
            x: (B, T, d_model).
            positions: (T,) or (B, T), int64: where each token stands, for RoPE. 0, ..., T - 1 if
                None. The mask goes by the order in x, whatever the positions are.

        Returns:
            out: (B, T, d_model), dtype of `x`.
        """
        ### BEGIN SOLUTION
        if positions is None:
            positions = torch.arange(x.shape[1], device=x.device)
        q, k, v = (
            project(x).unflatten(-1, (-1, self.d_head))  # (B, T, heads, d_head)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = _rope(q, positions, self.theta), _rope(k, positions, self.theta)
        q, k, v = (a.transpose(1, 2) for a in (q, k, v))
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        out: torch.Tensor = self.o_proj(heads.transpose(1, 2).flatten(-2))
        return out
        ### END SOLUTION


# %%
class Block(nn.Module):
    """Attention and SwiGLU, each on the normed stream and added to it.

    Args:
        config: Gives all sizes, rope_theta and norm_eps.

    Attributes:
        input_layernorm, post_attention_layernorm: RMSNorm, before attention and before SwiGLU.
        self_attn: Attention.
        mlp: SwiGLU.

    Source:
        Touvron et al. 2023, section 2.2 (arXiv:2302.13971).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.input_layernorm = RMSNorm(config.d_model, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.d_model, config.norm_eps)
        self.mlp = SwiGLU(config.d_model, config.d_ff)
        ### END SOLUTION

    def forward(self, x: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        """Apply the block.

        Args:
            x: (B, T, d_model).
            positions: (T,) or (B, T), int64; 0, ..., T - 1 if None.

        Returns:
            out: (B, T, d_model), dtype of `x`.
        """
        ### BEGIN SOLUTION
        x = x + self.self_attn(self.input_layernorm(x), positions)
        out: torch.Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out
        ### END SOLUTION


# %%
### BEGIN SOLUTION
class _Stack(nn.Module):
    """Everything below the head; a module of its own because checkpoints call it `model`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = RMSNorm(config.d_model, config.norm_eps)

    def forward(self, ids: torch.Tensor, positions: torch.Tensor | None) -> torch.Tensor:
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, positions)
        out: torch.Tensor = self.norm(x)
        return out


### END SOLUTION


class Llama(nn.Module):
    """The language model. Weights are N(0, 0.02**2) at the start, gains are ones.

    Args:
        config: All sizes, and whether the head is tied.

    Attributes:
        config: The config.
        model: Holds `embed_tokens` (nn.Embedding), `layers` (nn.ModuleList of Block) and `norm`.
        lm_head: nn.Linear from d_model to vocab_size without bias; when tied, its weight is
            embed_tokens.weight itself.

    Source:
        Touvron et al. 2023, section 2.2 (arXiv:2302.13971).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.config = config
        self.model = _Stack(config)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)
        ### END SOLUTION

    def forward(self, ids: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        """Score, for every position, each token as the one that comes next.

        Args:
            ids: (B, T), int64.
            positions: (T,) or (B, T), int64; 0, ..., T - 1 if None.

        Returns:
            logits: (B, T, vocab_size), dtype of the parameters.
        """
        ### BEGIN SOLUTION
        logits: torch.Tensor = self.lm_head(self.model(ids, positions))
        return logits
        ### END SOLUTION


# %%
### BEGIN SOLUTION
_OUTSIDE = {"embedding": "model.embed_tokens", "final_norm": "model.norm", "head": "lm_head"}
_IN_BLOCK = {
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


def _torch_name(name: str) -> str:
    """What a parameter of Volume 1 is called here."""
    if not name.startswith("blocks."):
        return _OUTSIDE.get(name, name) + ".weight"
    _, i, rest = name.split(".")
    return f"model.layers.{i}.{_IN_BLOCK.get(rest, rest)}.weight"


### END SOLUTION


def load_numpy(model: Llama, params: Mapping[str, Floats]) -> None:
    """Give the model the parameters of a model from Volume 1, in place.

    Args:
        model: Keeps its parameters, their dtype and device; only the numbers in them change.
        params: The arrays of Volume 1 by their names; weights are (in, out). Left as they are.

    Raises:
        ValueError: A name is missing or unknown, or a shape does not fit. The model is as before.
    """
    ### BEGIN SOLUTION
    given = {
        _torch_name(name): torch.tensor(w if name == "embedding" else w.T)
        for name, w in params.items()
    }
    own = dict(model.named_parameters())  # a tied head is not named again
    if {n: w.shape for n, w in given.items()} != {n: w.shape for n, w in own.items()}:
        raise ValueError("params do not have the names and shapes of the model")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(given[name])
    ### END SOLUTION
