"""Helper functions, functional linears, and a path that is dropped when it has been merged."""

import torch
from torch import nn
from torch.nn import functional


def _frozen(layer):
    layer.weight.requires_grad = False
    if layer.bias is not None:
        layer.bias.requires_grad = False
    return layer


def _matrix(rows, columns, like):
    return nn.Parameter(torch.zeros((rows, columns), dtype=like.dtype, device=like.device))


class LoRALinear(nn.Module):
    def __init__(self, base: nn.Linear, r: int, alpha: float):
        super().__init__()
        if r < 1:
            raise ValueError(f"rank {r}")
        self.base = _frozen(base)
        self.lora_A = _matrix(r, base.in_features, base.weight)
        self.lora_B = _matrix(base.out_features, r, base.weight)
        nn.init.uniform_(self.lora_A, -0.3, 0.3)
        self.scaling = float(alpha) / r
        self.path = self._change

    def _change(self, x):
        return functional.linear(functional.linear(x * self.scaling, self.lora_A), self.lora_B)

    def forward(self, x):
        base = functional.linear(x, self.base.weight, self.base.bias)
        return base if self.path is None else base + self.path(x)

    def merge(self):
        if self.path is None:
            return self.base
        self.path = None
        with torch.no_grad():
            torch.addmm(
                self.base.weight,
                self.lora_B,
                self.lora_A,
                alpha=self.scaling,
                out=self.base.weight,
            )
        return self.base
