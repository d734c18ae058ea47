"""The corpus of stories as the runs need it: texts, and how probable new stories are."""

import importlib.util
import math
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

DATASETS = Path(__file__).parents[2] / "datasets"


@cache
def grammar_module() -> Any:
    """datasets/stories.py, which is no package."""
    spec = importlib.util.spec_from_file_location("_stories", DATASETS / "stories.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def corpus_text(size: str) -> str:
    """The text of one size."""
    return (DATASETS / "stories" / f"{size}.txt").read_text(encoding="utf-8")


def held_out(size: str, count: int, seed: int) -> tuple[list[str], float]:
    """New stories, which the corpus was not drawn with, and the nats nobody can save on them."""
    module = grammar_module()
    grammar, rng = module.SIZES[size], Random(seed)
    drawn = [module.draw(grammar, rng) for _ in range(count)]
    floor = -sum(module.log_probability(grammar, story) for story in drawn)
    return [module.text(story) for story in drawn], floor


@torch.no_grad()
def surprise(model: nn.Module, stories: list[list[int]], start: int) -> float:
    """The nats of all stories, each read from its beginning after the token `start`."""
    wide = max(map(len, stories))
    x = torch.full((len(stories), wide), start)
    y = torch.full((len(stories), wide), -100)
    for row, ids in enumerate(stories):
        y[row, : len(ids)] = torch.tensor(ids)
        x[row, 1 : len(ids)] = y[row, : len(ids) - 1]
    was = model.training
    model.eval()
    total = 0.0
    for at in range(0, len(x), 64):
        logits, targets = model(x[at : at + 64]), y[at : at + 64]
        total += float(F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"))
    model.train(was)
    return total


def bits_above(nats: float, floor: float, texts: list[str]) -> float:
    """How far `nats` are above the floor, in bits per character."""
    return (nats - floor) / math.log(2) / sum(map(len, texts))
