"""Writes no Function at all: autograd records the operation and differentiates it.

expect: squash=0
"""
import torch


def squash(x):
    return torch.tanh(x)
