"""The names and the order of the library's own code, with a step that is a tensor."""

import math

import torch


class AdamW(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        if lr < 0 or eps < 0 or weight_decay < 0 or not all(0 <= b < 1 for b in betas):
            raise ValueError("a setting is out of range")
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    def _init_group(self, group):
        for p in group["params"]:
            if p.grad is None:
                continue
            state = self.state[p]
            if len(state) == 0:
                state["step"] = torch.tensor(0.0)
                state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.zeros_like(p, memory_format=torch.preserve_format)
            yield p, state["exp_avg"], state["exp_avg_sq"], state["step"]

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p, exp_avg, exp_avg_sq, count in self._init_group(group):
                count += 1
                t = count.item()
                p.mul_(1 - group["lr"] * group["weight_decay"])
                exp_avg.lerp_(p.grad, 1 - beta1)
                exp_avg_sq.mul_(beta2).addcmul_(p.grad, p.grad.conj(), value=1 - beta2)
                step_size = group["lr"] / (1 - beta1**t)
                denominator = exp_avg_sq.sqrt() / math.sqrt(1 - beta2**t)
                p.addcdiv_(exp_avg, denominator.add_(group["eps"]), value=-step_size)
        return loss


def decay_groups(model, weight_decay):
    by_name = {n: p for n, p in model.named_parameters() if p.requires_grad}
    decay = sorted(n for n, p in by_name.items() if p.dim() >= 2)
    no_decay = sorted(n for n, p in by_name.items() if p.dim() < 2)
    return [
        {"params": [by_name[n] for n in decay], "weight_decay": weight_decay},
        {"params": [by_name[n] for n in no_decay], "weight_decay": 0.0},
    ]
