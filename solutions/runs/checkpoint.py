"""The checkpoint that Volume 3 starts from: trained on our own stories by this volume's code.

    python -m solutions.runs.checkpoint datasets/checkpoint

Every part is the reference of an exercise: bpe, data, modules, adamw, schedule, training_loop,
resume. With the same versions on the same kind of processor the same bytes. A run that was
killed goes on from its last evaluation if it is started again; `--stop 500` ends one there, and
prints a digest of the weights to compare two of them by.
"""

import argparse
import hashlib
import json
import math
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F

from ..vol2_pytorch.adamw import AdamW, decay_groups
from ..vol2_pytorch.bpe import encode, train_bpe
from ..vol2_pytorch.data import get_batch, split
from ..vol2_pytorch.modules import Config, Llama
from ..vol2_pytorch.resume import load, save
from ..vol2_pytorch.schedule import train_step, warmup_cosine
from ..vol2_pytorch.training_loop import Settings, evaluate
from .hf import save_hf, save_tokenizer
from .peer import count
from .stories import DATASETS, bits_above, corpus_text, held_out, surprise

SIZE, VOCAB, NEW, SEED = "large", 512, 2_000, 34
END = 10  # "\n", which ends a story, is a byte and so a token
# The vocabulary ends early: every word is one token before it is full.
CONFIG = Config(VOCAB, 96, 4, 6, 3, 256, 256, tied=True)
SETTINGS = Settings(*(2_500, 8, 128), max_lr=3e-3, min_lr=1e-4, warmup=150, seed=1, eval_every=250)
BETAS = (0.9, 0.99)


def train(
    model: Llama, train_ids: torch.Tensor, val_ids: torch.Tensor, settings: Settings, stop: int
) -> None:
    """Train in place up to step `stop`, from where the last run into `settings.out` ended.

    Prints a row of a table at each evaluation, and saves the state of the run then.
    """
    s = settings
    optimizer = AdamW(decay_groups(model, s.weight_decay), lr=s.max_lr, betas=BETAS)
    scheduler = warmup_cosine(optimizer, s.min_lr, s.warmup, s.steps)
    generator = torch.Generator().manual_seed(s.seed)
    run = (model, optimizer, scheduler)
    first = load(s.out, *run, generator) if Path(s.out).exists() else 0
    print("| step | train loss | validation loss | rate | CPU seconds |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    start, losses = time.process_time(), list[float]()
    for step in range(first + 1, min(s.steps, stop) + 1):
        x, y = get_batch(train_ids, s.batch_size, s.T, generator)
        (rate,) = {*scheduler.get_last_lr()}
        losses.append(train_step(partial(_loss, model, x, y), optimizer, scheduler, s.max_norm))
        if step % s.eval_every == 0 or step == s.steps:
            val_loss, loss = evaluate(model, val_ids, 64, s.T), sum(losses) / len(losses)
            seconds = time.process_time() - start
            print(
                f"| {step} | {loss:.4f} | {val_loss:.4f} | {rate:.2e} | {seconds:.0f} |", flush=True
            )
            save(s.out, *run, step, generator)
            losses = []


def _loss(model: Llama, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


def digest(model: Llama) -> str:
    """One number for all weights: two that are equal have equal bits."""
    whole = hashlib.sha256()
    for parameter in model.parameters():
        whole.update(parameter.detach().numpy().tobytes())
    return whole.hexdigest()[:16]


def main() -> None:
    """Train, measure, write every file of the folder."""
    parser = argparse.ArgumentParser(description="Train the checkpoint.")
    parser.add_argument("out", type=Path, help="the folder that the checkpoint is written into")
    parser.add_argument(
        "--state", default="build/checkpoint", help="what a killed run goes on from"
    )
    parser.add_argument("--stop", type=int, default=SETTINGS.steps, help="end after so many steps")
    told = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SETTINGS.seed)
    text = corpus_text(SIZE)
    vocab, merges = train_bpe(text, VOCAB)
    ids = torch.tensor(encode(text, vocab, merges))
    train_ids, val_ids = split(ids, 0.02)
    model = Llama(replace(CONFIG, vocab_size=len(vocab)))
    settings = replace(SETTINGS, out=told.state)
    print(f"{model.config}\n{settings}\nparameters {count(model):,}, tokens {len(ids):,}\n")
    train(model, train_ids, val_ids, settings, told.stop)
    print(f"\ndigest of the weights: {digest(model)}")
    if told.stop < settings.steps:
        return
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
    write(told.out, model, vocab, merges, figures)
    shutil.rmtree(settings.out)


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
which a grammar of this course has written, by Volume 2's references alone: tokenizer, batches,
modules, optimizer, schedule and clipping, evaluation, and the state that a killed run goes on from.
It is what Volume 3 starts from.

| | |
| --- | --- |
| parameters | {f["parameters"]:,}: {c.n_layers} layers, width {c.d_model}, {c.n_heads} heads, \
{c.n_kv_heads} key and value heads, d_ff {c.d_ff}, tied head, float32 |
| tokens | byte-level BPE, {c.vocab_size} ids, trained on the same corpus |
| data | `datasets/stories/large.txt`, {f["characters_in_corpus"]:,} characters, \
{f["tokens_in_corpus"]:,} tokens; the last 2 % kept apart |
| training | {s.steps:,} steps of {s.batch_size} windows of {s.T} tokens ({read:,} tokens), \
AdamW with betas {BETAS[0]:g} and {BETAS[1]:g}, \
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
