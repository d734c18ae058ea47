"""The checkpoint that Volume 3 starts from: trained on our own stories by this volume's code.

    python -m solutions.runs.checkpoint datasets/checkpoint

About ten minutes on one core. With the same versions on the same kind of processor the same bytes.
"""

import argparse
import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import torch

from ..vol2_pytorch.bpe import encode, train_bpe
from ..vol2_pytorch.data import split
from ..vol2_pytorch.modules import Config, Llama
from .hf import save_hf, save_tokenizer
from .loop import Settings, train
from .peer import count
from .shakespeare import HEAD
from .stories import DATASETS, bits_above, corpus_text, held_out, surprise

SIZE, VOCAB, NEW, SEED = "large", 512, 2_000, 34
END = 10  # "\n", which ends a story, is a byte and so a token
# The vocabulary ends early: every word is one token before it is full.
CONFIG = Config(VOCAB, 96, 4, 6, 3, 256, 256, tied=True)
SETTINGS = Settings(2_500, 12, 64, max_lr=4e-3, min_lr=1e-4, warmup=150, seed=1, eval_every=250)


def main() -> None:
    """Train, measure, write every file of the folder."""
    parser = argparse.ArgumentParser(description="Train the checkpoint.")
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    torch.manual_seed(SETTINGS.seed)
    text = corpus_text(SIZE)
    vocab, merges = train_bpe(text, VOCAB)
    ids = torch.tensor(encode(text, vocab, merges))
    train_ids, val_ids = split(ids, 0.02)
    model = Llama(replace(CONFIG, vocab_size=len(vocab)))
    print(f"{model.config}\n{SETTINGS}\nparameters {count(model):,}, tokens {len(ids):,}\n\n{HEAD}")
    train(model, train_ids, val_ids, SETTINGS)
    texts, floor = held_out(SIZE, NEW, SEED)
    new = [encode(t, vocab, merges) for t in texts]
    figures = {
        "tokens_in_corpus": len(ids),
        "characters_in_corpus": len(text),
        "new_stories": len(texts),
        "new_tokens": sum(map(len, new)),
        "new_characters": sum(map(len, texts)),
        "loss_nats_per_token": surprise(model, new, END) / sum(map(len, new)),
        "floor_nats_per_token": floor / sum(map(len, new)),
        "parameters": count(model),
    }
    nats = figures["loss_nats_per_token"] * figures["new_tokens"]
    figures["bits_per_character"] = nats / math.log(2) / figures["new_characters"]
    figures["bits_per_character_above_floor"] = bits_above(nats, floor, texts)
    write(out, model, vocab, merges, figures)


def write(
    out: Path,
    model: Llama,
    vocab: dict[int, bytes],
    merges: list[tuple[int, int]],
    figures: dict[str, float],
) -> None:
    """The checkpoint, its card and the sums of its files."""
    save_hf(model, out, eos=END)
    save_tokenizer(out, vocab, merges)
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (out / "README.md").write_text(card(model.config, figures), encoding="utf-8")
    names = ("README.md", "config.json", "figures.json", "model.safetensors", "tokenizer.json")
    sums = [f"{hashlib.sha256((out / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (out / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def card(config: Config, figures: dict[str, float]) -> str:
    """The model card."""
    f, s, c = figures, SETTINGS, config
    known = json.loads((DATASETS / "stories" / "figures.json").read_text(encoding="utf-8"))[SIZE]
    read = s.steps * s.batch_size * s.T
    return f"""---
license: cc0-1.0
language: en
---

# A small Llama that tells stories

    python -m solutions.runs.checkpoint datasets/checkpoint

writes this folder. The model is trained from nothing on the large corpus of `datasets/stories`,
which a grammar of this course has written, by Volume 2's references: its tokenizer, its batches and
its modules, in the loop of `solutions/runs/loop.py`. It is what Volume 3 starts from.

| | |
| --- | --- |
| parameters | {f["parameters"]:,}: {c.n_layers} layers, width {c.d_model}, {c.n_heads} heads, \
{c.n_kv_heads} key and value heads, d_ff {c.d_ff}, tied head, float32 |
| tokens | byte-level BPE, {c.vocab_size} ids, trained on the same corpus |
| data | `datasets/stories/large.txt`, {f["characters_in_corpus"]:,} characters, \
{f["tokens_in_corpus"]:,} tokens; the last 2 % kept apart |
| training | {s.steps:,} steps of {s.batch_size} windows of {s.T} tokens ({read:,} tokens), AdamW, \
rate {s.max_lr:g} with {s.warmup} steps of warm-up, then half a cosine to {s.min_lr:g}, \
weight decay {s.weight_decay:g}, norm clipped at {s.max_norm:g}, seed {s.seed} |

How good it is, on {f["new_stories"]:,} stories that were drawn anew (seed {SEED}), each read
from its beginning:

| | loss | what nobody can save |
| --- | ---: | ---: |
| nats per token | {f["loss_nats_per_token"]:.4f} | {f["floor_nats_per_token"]:.4f} |
| bits per character | {f["bits_per_character"]:.4f} | \
{f["bits_per_character"] - f["bits_per_character_above_floor"]:.4f} |

So it is {f["bits_per_character_above_floor"]:.4f} bits per character above the grammar's
own entropy. Over all stories that is {known["nats_per_character"] / math.log(2):.4f} bits per
character, exactly; the right column is the surprise of the very stories that were drawn.

**Use.** A story begins after a newline and ends with one, which is also the end token (id {END}):
give it `"\\n"` or `"\\nanna has two"`. It knows {len(known["vocabulary"])} words and
nothing of the world.

**Layout.** That of Hugging Face: `LlamaForCausalLM` and `tokenizers` load it. Rows of q_proj and
k_proj are in half-split order, as there.

**Licence.** CC0, like all generated data of this repository.
"""


if __name__ == "__main__":
    main()
