"""The same with PyTorch inside."""

import numpy as np
import torch


def sample_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    z = torch.tensor(np.ascontiguousarray(logits))
    ranked, order = torch.sort(z, dim=-1, descending=True, stable=True)
    if temperature == 0:
        probs = torch.nn.functional.one_hot(order[:, 0], z.shape[-1]).to(z.dtype)
        return probs.numpy()
    ranked = ranked / temperature
    if top_k > 0:
        ranked[:, top_k:] = -torch.inf
    probs = torch.softmax(ranked, dim=-1)
    if top_p < 1:
        before = probs.cumsum(dim=-1) - probs
        dropped = before >= top_p
        dropped[:, 0] = False
        probs = probs.masked_fill(dropped, 0.0)
        probs = probs / probs.sum(dim=-1, keepdim=True)
    return torch.zeros_like(probs).scatter(1, order, probs).numpy()


def draw(probs, u):
    p = torch.tensor(np.ascontiguousarray(probs), dtype=torch.float64)
    at = torch.tensor(np.array(u), dtype=torch.float64).unsqueeze(-1)
    ids = torch.searchsorted(p.cumsum(dim=-1).contiguous(), at.contiguous(), right=True).squeeze(-1)
    places = torch.arange(p.shape[-1]).expand_as(p)
    last = torch.where(p > 0, places, -1).amax(dim=-1)
    return torch.minimum(ids, last).numpy()


def repetition_penalty(logits, ids, penalty):
    z = torch.tensor(np.ascontiguousarray(logits))
    at = torch.tensor(np.ascontiguousarray(ids))
    score = z.gather(1, at)
    score = torch.where(score > 0, score / penalty, score * penalty)
    return z.scatter(1, at, score).numpy()


def min_p(probs, p):
    q = torch.tensor(np.ascontiguousarray(probs))
    q = q.masked_fill(q < p * q.amax(dim=-1, keepdim=True), 0.0)
    return (q / q.sum(dim=-1, keepdim=True)).numpy()
