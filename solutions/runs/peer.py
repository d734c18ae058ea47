"""What we compare with: a plain GPT of PyTorch's own modules, as nanoGPT lays it out, and its loop.

Learned positions, LayerNorm, GELU, one projection for q, k and v, no biases, no dropout, a tied
head; torch.optim.AdamW, a rate that is set by hand.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

NOTHING = nullcontext()


@dataclass(frozen=True)
class PeerConfig:
    """Sizes, in nanoGPT's words."""

    vocab_size: int
    block_size: int
    n_layer: int
    n_head: int
    n_embd: int


class _Block(nn.Module):
    def __init__(self, config: PeerConfig) -> None:
        super().__init__()
        d = config.n_embd
        self.n_head = config.n_head
        self.ln_1, self.ln_2 = nn.LayerNorm(d, bias=False), nn.LayerNorm(d, bias=False)
        self.qkv, self.proj = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)
        self.up, self.down = nn.Linear(d, 4 * d, bias=False), nn.Linear(4 * d, d, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        B, T, d = x.shape
        q, k, v = self.qkv(self.ln_1(x)).view(B, T, 3, self.n_head, -1).permute(2, 0, 3, 1, 4)
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(heads.transpose(1, 2).reshape(B, T, d))
        out: torch.Tensor = x + self.down(F.gelu(self.up(self.ln_2(x))))
        return out


class GPT(nn.Module):
    """The peer; initialised as nanoGPT does."""

    def __init__(self, config: PeerConfig) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, bias=False)
        for name, p in self.named_parameters():
            if p.ndim > 1:
                ends_a_branch = name.endswith(("proj.weight", "down.weight"))
                std = 0.02 / math.sqrt(2 * config.n_layer) if ends_a_branch else 0.02
                nn.init.normal_(p, std=std)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.ln_f(x), self.wte.weight)


def count(model: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(p.numel() for p in model.parameters())


def plain_step(
    model: nn.Module,
    train: torch.Tensor,
    batch_size: int,
    T: int,
    cast: AbstractContextManager[object] = NOTHING,
) -> Callable[[float], torch.Tensor]:
    """One update of nanoGPT's loop, as a function of the learning rate; forward inside `cast`."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": decayed, "weight_decay": 0.1},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))

    def step(lr: float) -> torch.Tensor:
        for group in optimizer.param_groups:
            group["lr"] = lr
        at = torch.randint(len(train) - T, (batch_size,))
        x = torch.stack([train[i : i + T] for i in at])
        y = torch.stack([train[i + 1 : i + 1 + T] for i in at])
        with cast:
            loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return step
