"""Has checkpointing run the engine inside of its own backward.

expect: squash=0
"""
import torch
from torch.utils.checkpoint import checkpoint


def squash(x):
    return checkpoint(torch.tanh, x, use_reentrant=True)
