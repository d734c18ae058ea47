"""Windows as a view of the tensor; PyTorch sorts out equal rows."""

import torch


def bits_per_character(nats_per_token, characters_per_token):
    per_character = torch.tensor(nats_per_token, dtype=torch.float64) / characters_per_token
    return (per_character * torch.log2(torch.tensor(torch.e, dtype=torch.float64))).item()


def distinct_n(tokens, n):
    if len(tokens) < n:
        return 0.0
    windows = tokens.unfold(0, n, 1)
    return torch.unique(windows, dim=0).shape[0] / windows.shape[0]


def repetition(tokens, n):
    if len(tokens) < n:
        return 0.0
    windows = tokens.unfold(0, n, 1)
    equal = (windows[:, None] == windows[None]).all(dim=-1)
    return equal.tril(-1).any(dim=1).double().mean().item()
