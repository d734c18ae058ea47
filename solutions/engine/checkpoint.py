"""A checkpoint in Hugging Face's layout as NumPy arrays, without PyTorch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ..vol1_numpy.multi_head import Config

Floats = NDArray[np.floating[Any]]
Params = dict[str, Floats]

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
# Our name for a parameter of a block, and theirs.
NAMES = {
    "attn_norm": "input_layernorm",
    "w_q": "self_attn.q_proj",
    "w_k": "self_attn.k_proj",
    "w_v": "self_attn.v_proj",
    "w_o": "self_attn.o_proj",
    "mlp_norm": "post_attention_layernorm",
    "w_gate": "mlp.gate_proj",
    "w_up": "mlp.up_proj",
    "w_down": "mlp.down_proj",
}


@dataclass(frozen=True)
class Model:
    """Sizes, and the flat dict of Volume 1: weights (in, out), pairs of RoPE adjacent."""

    config: Config
    params: Params


def load_checkpoint(folder: Path) -> Model:
    """Read config.json and model.safetensors.

    Raises:
        ValueError: It is no LLaMA, or a tensor is missing.
    """
    record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if record.get("model_type") != "llama":
        raise ValueError(f"{folder} holds a {record.get('model_type')}, expected a llama")
    config = Config(**{ours: record[theirs] for ours, theirs in WORDS.items()})
    tensors = load_file(folder / "model.safetensors")
    try:
        return Model(config, _renamed(tensors, config))
    except KeyError as missing:
        raise ValueError(f"{folder}: the tensor {missing} is missing") from missing


def _renamed(tensors: dict[str, Any], config: Config) -> Params:
    params = {"embedding": tensors["model.embed_tokens.weight"]}
    for i in range(config.n_layers):
        for ours, theirs in NAMES.items():
            w = tensors[f"model.layers.{i}.{theirs}.weight"]
            if ours in ("w_q", "w_k"):
                w = from_half_split(w, config.d_model // config.n_heads)
            params[f"blocks.{i}.{ours}"] = w.T
    params["final_norm"] = tensors["model.norm.weight"]
    if not config.tied:
        params["head"] = tensors["lm_head.weight"].T
    return params


def from_half_split(w: Floats, d_head: int) -> Floats:
    """Rows (head, which of two, pair) become (head, pair, which of two)."""
    return w.reshape(-1, 2, d_head // 2, w.shape[-1]).swapaxes(1, 2).reshape(w.shape)
