"""Checkpoints in the layout of Hugging Face: config.json, model.safetensors, tokenizer.json.

There RoPE turns feature i together with feature i + d_head / 2, here 2i with 2i + 1. The rows of
q_proj and k_proj are permuted on the way out and back on the way in, here and nowhere else.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ..vol2_pytorch.bpe import PATTERN
from ..vol2_pytorch.modules import Config, Llama

# Our word for a size, and theirs.
WORDS = {
    "vocab_size": "vocab_size",
    "d_model": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "d_ff": "intermediate_size",
    "max_T": "max_position_embeddings",
    "rope_theta": "rope_theta",
    "norm_eps": "rms_norm_eps",
    "tied": "tie_word_embeddings",
}


def save_hf(model: Llama, folder: Path, *, eos: int | None = None) -> None:
    """Write config.json and model.safetensors, float32."""
    config = model.config
    record: dict[str, Any] = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **{theirs: getattr(config, ours) for ours, theirs in WORDS.items()},
        "head_dim": config.d_model // config.n_heads,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": None,
        "eos_token_id": eos,
        "dtype": "float32",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    tensors = {  # a tied head is named once
        name: _to_half_split(w.detach().float(), _heads(name, config)).contiguous()
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
            own[name].copy_(_from_half_split(w, _heads(name, config)))
    return model


def _heads(name: str, config: Config) -> int:
    """How many heads the rows of a weight belong to, 0 if they are not turned."""
    return {"q_proj": config.n_heads, "k_proj": config.n_kv_heads}.get(name.split(".")[-2], 0)


def _to_half_split(w: torch.Tensor, n_heads: int) -> torch.Tensor:
    """Rows (head, pair, which of two) become (head, which of two, pair)."""
    return w.view(n_heads, -1, 2, w.shape[-1]).transpose(1, 2).reshape(w.shape) if n_heads else w


def _from_half_split(w: torch.Tensor, n_heads: int) -> torch.Tensor:
    return w.view(n_heads, 2, -1, w.shape[-1]).transpose(1, 2).reshape(w.shape) if n_heads else w


# The tokenizer


def byte_letters() -> list[str]:
    """A visible character for each byte, as GPT-2 chose them; files hold tokens spelled so."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) if b in plain else chr(256 + others.index(b)) for b in range(256)]


def save_tokenizer(
    folder: Path, vocab: Mapping[int, bytes], merges: Sequence[tuple[int, int]]
) -> None:
    """Write tokenizer.json: our vocabulary and merges for the `tokenizers` library.

    Raises:
        ValueError: Two ids stand for the same bytes, which that library cannot tell apart.
    """
    letters = byte_letters()
    spelled = {i: "".join(letters[b] for b in token) for i, token in vocab.items()}
    if len(set(spelled.values())) != len(spelled):
        raise ValueError("two tokens are spelled alike")
    record: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": PATTERN},
                    "behavior": "Isolated",
                    "invert": False,
                },
                _byte_level(),
            ],
        },
        "post_processor": None,
        "decoder": _byte_level(),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {text: i for i, text in spelled.items()},
            "merges": [[spelled[left], spelled[right]] for left, right in merges],
        },
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")


def load_tokenizer(folder: Path) -> tuple[dict[int, bytes], list[tuple[int, int]]]:
    """The vocabulary and the merges of tokenizer.json, as `encode` and `decode` take them."""
    model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    at = {letter: byte for byte, letter in enumerate(byte_letters())}
    vocab = {i: bytes(at[c] for c in text) for text, i in model["vocab"].items()}
    ids = model["vocab"]
    return vocab, [(ids[left], ids[right]) for left, right in model["merges"]]


def _byte_level() -> dict[str, Any]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": False,
    }
