"""Checkpoints in the layout of Hugging Face: reading a tokenizer, and writing a model of yours.

from starter_code.given.checkpoint import FOLDER, load_tokenizer, save_checkpoint

vocab, merges, eos = load_tokenizer(FOLDER)              # of the checkpoint of this course
tensors = {name: p.detach().numpy() for name, p in model.named_parameters()}
save_checkpoint("my_llama", model.config, tensors, vocab, merges, eos=10)

Nothing here needs PyTorch or another library than NumPy.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parents[2] / "datasets" / "checkpoint"
Vocab = Mapping[int, bytes]
Merges = Sequence[tuple[int, int]]

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


def load_tokenizer(
    folder: str | Path,
) -> tuple[dict[int, bytes], list[tuple[int, int]], int | None]:
    """The vocabulary, the merges and the id that ends a text, or None, of a folder.

    The first two are what `encode`, `decode` and `stream_decode` take. Byte-level BPE only.

    Raises:
        ValueError: tokenizer.json is no byte-level BPE.
    """
    record = json.loads((Path(folder) / "tokenizer.json").read_text(encoding="utf-8"))
    model, at = record["model"], {letter: byte for byte, letter in enumerate(byte_letters())}
    if model.get("type") != "BPE" or not all(c in at for text in model["vocab"] for c in text):
        raise ValueError(f"{folder}: tokenizer.json is no byte-level BPE; encode texts elsewhere")
    ids = model["vocab"]
    vocab = {i: bytes(at[c] for c in text) for text, i in ids.items()}
    pairs = [m.split(" ") if isinstance(m, str) else m for m in model["merges"]]
    said = Path(folder) / "config.json"
    config = json.loads(said.read_text(encoding="utf-8")) if said.exists() else {}
    eos = config.get("eos_token_id")
    eos = eos[0] if isinstance(eos, list) else eos
    return vocab, [(ids[left], ids[right]) for left, right in pairs], eos


def save_checkpoint(
    folder: str | Path,
    config: Any,
    tensors: Mapping[str, NDArray[Any]],
    vocab: Vocab | None = None,
    merges: Merges = (),
    *,
    eos: int | None = None,
) -> None:
    """Write config.json, model.safetensors and, with a `vocab`, tokenizer.json.

    Args:
        folder: Is made if it is not there; files of these names in it are replaced.
        config: Has the sizes of Volume 1's Config.
        tensors: By the names of LlamaForCausalLM, as your modules of Volume 2 have them. Rows of
            q_proj and k_proj in the order of this course; they are permuted here.
        vocab: The bytes of each id.
        merges: The pairs that were merged, in order.
        eos: The id that ends a text.

    Raises:
        ValueError: Two ids of `vocab` have the same bytes.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    plain = {
        name: half_split(np.asarray(w, dtype="<f4"), rows_of_heads(name, config))
        for name, w in tensors.items()
        if not (config.tied and name == "lm_head.weight")
    }
    record = described(config, eos)
    (path / "config.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (path / "model.safetensors").write_bytes(safetensors(plain))
    if vocab is not None:
        save_tokenizer(path, vocab, merges)


def save_tokenizer(folder: str | Path, vocab: Vocab, merges: Merges) -> None:
    """Write tokenizer.json: a vocabulary and merges for the `tokenizers` library.

    Raises:
        ValueError: Two ids stand for the same bytes, which that library cannot tell apart.
    """
    text = json.dumps(tokenizer(vocab, merges), indent=1, ensure_ascii=False) + "\n"
    (Path(folder) / "tokenizer.json").write_text(text, encoding="utf-8")


def described(config: Any, eos: int | None = None) -> dict[str, Any]:
    """What config.json holds."""
    return {
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


def rows_of_heads(name: str, config: Any) -> int:
    """How many heads the rows of a weight belong to, 0 if they are not turned."""
    heads = {"q_proj": config.n_heads, "k_proj": config.n_kv_heads}
    return int(heads.get(name.split(".")[-2], 0))


def half_split(w: NDArray[Any], n_heads: int) -> NDArray[Any]:
    """Rows (head, pair, which of two) become (head, which of two, pair); as they are for 0 heads.

    This is the way out. The way back is in `load_checkpoint`, and yours to write.
    """
    if not n_heads:
        return np.ascontiguousarray(w)
    return w.reshape(n_heads, -1, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def safetensors(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a file with these float32 arrays."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, w in tensors.items():
        span = [at, at + w.nbytes]
        header[name] = {"dtype": "F32", "shape": list(w.shape), "data_offsets": span}
        at += w.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(w.tobytes() for w in tensors.values())


def byte_letters() -> list[str]:
    """A visible character for each byte, as GPT-2 chose them; files hold tokens spelled so."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) if b in plain else chr(256 + others.index(b)) for b in range(256)]


# How Volume 2 cuts a text into words.
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"


def tokenizer(vocab: Vocab, merges: Merges) -> dict[str, Any]:
    """What tokenizer.json holds, for the `tokenizers` library."""
    letters = byte_letters()
    spelled = {i: "".join(letters[b] for b in token) for i, token in vocab.items()}
    if len(set(spelled.values())) != len(spelled):
        raise ValueError("two ids of the vocabulary have the same bytes; give each its own")
    level = {"type": "ByteLevel", "add_prefix_space": False}
    level |= {"trim_offsets": True, "use_regex": False}
    words = {"type": "Split", "pattern": {"Regex": PATTERN}}
    words |= {"behavior": "Isolated", "invert": False}
    off = {"dropout": None, "unk_token": None, "fuse_unk": False, "byte_fallback": False}
    off |= {"continuing_subword_prefix": None, "end_of_word_suffix": None, "ignore_merges": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [words, level]},
        "post_processor": None,
        "decoder": level,
        "model": {
            "type": "BPE",
            **off,
            "vocab": {text: i for i, text in spelled.items()},
            "merges": [[spelled[left], spelled[right]] for left, right in merges],
        },
    }
