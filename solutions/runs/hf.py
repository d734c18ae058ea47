"""Checkpoints in the layout of Hugging Face: config.json, model.safetensors, tokenizer.json.

There RoPE turns feature i together with feature i + d_head / 2, here 2i with 2i + 1. The rows of
q_proj and k_proj are permuted on the way out and back on the way in, here and nowhere else.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from starter_code.given.checkpoint import (
    WORDS,
    byte_letters,
    described,
    half_split,
    rows_of_heads,
    save_tokenizer,
)
from starter_code.given.checkpoint import load_tokenizer as load_all

from ..vol2_pytorch.modules import Config, Llama

__all__ = ["byte_letters", "half_split", "load_hf", "load_tokenizer", "save_hf", "save_tokenizer"]


def save_hf(model: Llama, folder: Path, *, eos: int | None = None) -> None:
    """Write config.json and model.safetensors, float32."""
    config = model.config
    folder.mkdir(parents=True, exist_ok=True)
    record = json.dumps(described(config, eos), indent=2)
    (folder / "config.json").write_text(record + "\n", encoding="utf-8")
    tensors = {  # a tied head is named once
        name: torch.from_numpy(
            np.ascontiguousarray(
                half_split(w.detach().float().numpy(), rows_of_heads(name, config))
            )
        )
        for name, w in model.named_parameters()
    }
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


def load_hf(folder: Path) -> Llama:
    """The model that a folder holds.

    Raises:
        ValueError: It is no model of this course's kind, or a tensor is missing or does not fit.
    """
    record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if record.get("model_type") != "llama":
        raise ValueError(f"{folder} holds a {record.get('model_type')}, expected a llama")
    config = Config(**{ours: record[theirs] for ours, theirs in WORDS.items()})
    model, tensors = Llama(config), load_file(folder / "model.safetensors")
    own = dict(model.named_parameters())
    if {n: w.shape for n, w in tensors.items()} != {n: w.shape for n, w in own.items()}:
        raise ValueError(f"{folder}: the tensors do not have the names and shapes of config.json")
    with torch.no_grad():
        for name, w in tensors.items():
            own[name].copy_(_from_half_split(w, rows_of_heads(name, config)))
    return model


def _from_half_split(w: torch.Tensor, n_heads: int) -> torch.Tensor:
    return w.view(n_heads, 2, -1, w.shape[-1]).transpose(1, 2).reshape(w.shape) if n_heads else w


def load_tokenizer(folder: Path) -> tuple[dict[int, bytes], list[tuple[int, int]]]:
    """The vocabulary and the merges of tokenizer.json, as `encode` and `decode` take them."""
    vocab, merges, _ = load_all(folder)
    return vocab, merges
