"""A model as a GGUF file, which llama.cpp reads: float32 and no tokenizer.

Source:
    The specification in ggml's repository, docs/gguf.md (version 3).
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..vol3_inference.kv_cache_generation import Model

MAGIC, VERSION, ALIGNED = b"GGUF", 3, 32
UINT32, FLOAT32, STRING = 4, 6, 8  # types of values
NAMES = {
    "attn_norm": "attn_norm",
    "w_q": "attn_q",
    "w_k": "attn_k",
    "w_v": "attn_v",
    "w_o": "attn_output",
    "mlp_norm": "ffn_norm",
    "w_gate": "ffn_gate",
    "w_up": "ffn_up",
    "w_down": "ffn_down",
}


def save_gguf(model: Model, path: Path) -> None:
    """Write `model`. Pairs of RoPE are adjacent there, as in `params`; a tied head is left out."""
    tensors = {_their_name(name): _rows(name, w) for name, w in model.params.items()}
    values = _values(model)
    parts = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(values))]
    for key, value in values.items():
        parts += [_text(key), _value(value)]
    start = 0
    for name, w in tensors.items():
        shape = w.shape[::-1]  # the contiguous axis first
        parts.append(_text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape))
        parts.append(struct.pack("<IQ", 0, start))  # type 0 is float32
        start += w.nbytes + -w.nbytes % ALIGNED
    head = b"".join(parts)
    with path.open("wb") as file:
        file.write(head + bytes(-len(head) % ALIGNED))
        for w in tensors.values():
            file.write(w.tobytes() + bytes(-w.nbytes % ALIGNED))


def _their_name(name: str) -> str:
    whole = {"embedding": "token_embd", "final_norm": "output_norm", "head": "output"}
    if name in whole:
        return f"{whole[name]}.weight"
    _, i, short = name.split(".")
    return f"blk.{i}.{NAMES[short]}.weight"


def _rows(name: str, w: Any) -> Any:
    """(out, in) from (in, out); the embedding is a table of rows already."""
    return np.ascontiguousarray(w if name == "embedding" else w.T, dtype="<f4")


def _values(model: Model) -> dict[str, Any]:
    c = model.config
    return {
        "general.architecture": "llama",
        "general.alignment": ALIGNED,
        "llama.context_length": c.max_T,
        "llama.embedding_length": c.d_model,
        "llama.block_count": c.n_layers,
        "llama.feed_forward_length": c.d_ff,
        "llama.attention.head_count": c.n_heads,
        "llama.attention.head_count_kv": c.n_kv_heads,
        "llama.attention.layer_norm_rms_epsilon": float(c.norm_eps),
        "llama.rope.dimension_count": c.d_model // c.n_heads,
        "llama.rope.freq_base": float(c.rope_theta),
        "llama.vocab_size": c.vocab_size,
        "tokenizer.ggml.model": "none",
    }


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", STRING) + _text(value)
    return (
        struct.pack("<If", FLOAT32, value)
        if isinstance(value, float)
        else struct.pack("<II", UINT32, value)
    )


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()
