"""The powers of the betas are kept instead of a count, and the update is written as one formula."""

import torch
from torch.optim import Optimizer


class AdamW(Optimizer):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=1e-2):
        Optimizer.__init__(
            self, params, {"weight_decay": weight_decay, "eps": eps, "betas": betas, "lr": lr}
        )

    @torch.no_grad()
    def step(self, closure=None):
        result = None
        if closure:
            with torch.set_grad_enabled(True):
                result = closure()
        pairs = [(g, p) for g in self.param_groups for p in g["params"]]
        for group, p in pairs:
            if p.grad is None:
                continue
            mine = self.state[p]
            for number, beta in enumerate(group["betas"], start=1):
                key = f"mean_{number}"
                mean = mine.get(key, torch.zeros_like(p))
                mine[key] = beta * mean + (1 - beta) * p.grad**number
                # With betas that change between two steps the power is that of the present one.
                mine["steps"] = mine.get("steps", torch.tensor(0.0)) + (number == 1)
            t = int(mine["steps"])
            b1, b2 = group["betas"]
            m_hat, v_hat = mine["mean_1"] / (1 - b1**t), mine["mean_2"] / (1 - b2**t)
            shrunk = p - group["lr"] * group["weight_decay"] * p
            p.copy_(shrunk - group["lr"] * m_hat / (torch.sqrt(v_hat) + group["eps"]))
        return result


def decay_groups(model, weight_decay):
    seen = {id(p): p for m in model.modules() for p in m.parameters(recurse=False)}
    trained = [p for p in seen.values() if p.requires_grad]
    decayed = list(filter(lambda p: len(p.shape) > 1, trained))
    rest = [p for p in trained if all(p is not q for q in decayed)]
    return [
        dict(params=decayed, weight_decay=weight_decay),
        dict(params=rest, weight_decay=0.0),
    ]
