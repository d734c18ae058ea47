"""A sum of r terms, one direction of the input and one of the output each; gone after the merge."""

import torch
from torch import nn


class LoRALinear(nn.Module):
    lora_A: nn.Parameter | None
    lora_B: nn.Parameter | None

    def __init__(self, base, r, alpha):
        super().__init__()
        if not r >= 1:
            raise ValueError("LoRA needs a rank of 1 or more")
        self.base = base
        for parameter in self.base.parameters():
            parameter.requires_grad_(False)
        like = base.weight
        rows = [torch.randn(base.in_features).to(like) / base.in_features**0.5 for _ in range(r)]
        columns = [torch.zeros(base.out_features).to(like) for _ in range(r)]
        self.lora_A = nn.Parameter(torch.stack(rows))
        self.lora_B = nn.Parameter(torch.stack(columns, dim=1))
        self.r, self.alpha = r, alpha

    def forward(self, x):
        out = self.base(x)
        if self.lora_A is None:
            return out
        for k in range(self.r):
            along = (x * self.lora_A[k]).sum(dim=-1, keepdim=True)
            out = out + self.alpha * along * self.lora_B[:, k] / self.r
        return out

    def merge(self):
        if self.lora_A is not None:
            a, b = self.lora_A.detach(), self.lora_B.detach()
            total = sum(torch.outer(b[:, k], a[k]) for k in range(self.r))
            self.base.weight.copy_(self.base.weight + total * (self.alpha / self.r))
            self.lora_A = self.lora_B = None
        return self.base
