"""Named axes: i is d_in, o is d_out, r is the rank."""

import math

import torch
from torch import nn


class LoRALinear(nn.Module):
    def __init__(self, base, r, alpha):
        super().__init__()
        if r < 1:
            raise ValueError("r must be at least 1, got " + str(r))
        self.rank, self.alpha = r, alpha
        self.add_module("base", base)
        base.weight.requires_grad_(False)
        if base.bias is not None:
            base.bias.requires_grad_(False)
        a = torch.empty_like(base.weight[:1]).expand(r, -1).clone()
        nn.init.kaiming_uniform_(a, a=math.sqrt(5))
        self.register_parameter("lora_A", nn.Parameter(a))
        self.register_parameter(
            "lora_B", nn.Parameter(torch.zeros_like(base.weight[:, :1]).repeat(1, r))
        )
        self.register_buffer("merged", torch.tensor(False), persistent=False)

    def forward(self, x):
        y = self.base(x)
        if not self.merged:
            small = torch.einsum("...i,ri->...r", x, self.lora_A)
            y = y + torch.einsum("...r,or->...o", small, self.lora_B) * self.alpha / self.rank
        return y

    def merge(self):
        if not self.merged:
            change = torch.einsum("or,ri->oi", self.lora_B.detach(), self.lora_A.detach())
            self.base.weight.data.add_(change, alpha=self.alpha / self.rank)
            self.merged.fill_(True)
        return self.base
