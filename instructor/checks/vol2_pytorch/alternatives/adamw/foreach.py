"""All parameters of a group at once: lists of tensors instead of a loop."""

import torch


class AdamW(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        defaults = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = closure() if closure is not None else None
        with torch.no_grad():
            for group in self.param_groups:
                self.step_group(group)
        return loss

    def step_group(self, group):
        params = [p for p in group["params"] if p.grad is not None]
        if not params:
            return
        grads = [p.grad for p in params]
        for p in params:
            if "moments" not in self.state[p]:
                self.state[p].update(count=0, moments=(p.new_zeros(p.shape), p.new_zeros(p.shape)))
            self.state[p]["count"] += 1
        b1, b2 = group["betas"]
        first = [self.state[p]["moments"][0] for p in params]
        second = [self.state[p]["moments"][1] for p in params]
        torch._foreach_lerp_(first, grads, 1 - b1)
        torch._foreach_mul_(second, b2)
        torch._foreach_addcmul_(second, grads, grads, 1 - b2)
        torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
        counts = [self.state[p]["count"] for p in params]
        steps = [-group["lr"] / (1 - b1**t) for t in counts]
        scales = [(1 - b2**t) ** 0.5 for t in counts]
        roots = torch._foreach_div(torch._foreach_sqrt(second), scales)
        torch._foreach_add_(roots, group["eps"])
        torch._foreach_addcdiv_(params, first, roots, steps)


def decay_groups(model, weight_decay):
    groups = [
        {"params": [], "weight_decay": weight_decay},
        {"params": [], "weight_decay": 0.0},
    ]
    for _, p in model.named_parameters():
        if p.requires_grad:
            groups[p.dim() < 2]["params"].append(p)
    return groups
