"""One weight, built afresh for every call; a merged change is one that is zero from then on."""

import torch
import torch.nn.functional as F
from torch import nn


class LoRALinear(nn.Module):
    def __init__(self, base, r, alpha):
        if r <= 0:
            raise ValueError("the rank must be positive")
        super().__init__()
        for parameter in base.parameters():
            parameter.requires_grad = False
        self.base = base
        d_out, d_in = base.weight.shape
        kind = {"dtype": base.weight.dtype, "device": base.weight.device}
        self.lora_A = nn.Parameter(torch.randn(r, d_in, **kind) * 0.02)
        self.lora_B = nn.Parameter(torch.zeros(d_out, r, **kind))
        self.factor = alpha / r

    def change(self):
        return self.factor * self.lora_B @ self.lora_A

    def forward(self, x):
        return F.linear(x, self.base.weight + self.change(), self.base.bias)

    @torch.no_grad()
    def merge(self):
        self.base.weight.add_(self.change())
        self.lora_B.zero_()
        return self.base
