"""Weights that a good student might hand in for the exercise shakespeare_scale.

    python -m solutions.runs.handed_in OUT.safetensors

`autograder verify` grades such a file, which lies with the hidden checks; its settings are these.
"""

import argparse
import math

import torch

from ..vol2_pytorch.data import split
from ..vol2_pytorch.modules import Config, Llama
from ..vol2_pytorch.shakespeare_scale import hand_in
from ..vol2_pytorch.text import CharTokenizer
from ..vol2_pytorch.training_loop import Settings
from .peer import count
from .shakespeare import table, trained
from .stories import bits_above, corpus_text, held_out, surprise

CONFIG = Config(28, 64, 3, 4, 4, 176, 256, tied=True)
SETTINGS = Settings(
    *(1_953, 16, 192), max_lr=4e-3, min_lr=1e-4, warmup=100, eval_every=300, patience=0, seed=1
)


def main() -> None:
    """Train, measure on new stories, write."""
    parser = argparse.ArgumentParser(description="An example for shakespeare_scale.")
    parser.add_argument("out")
    told = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SETTINGS.seed)
    text = corpus_text("medium")
    tokenizer = CharTokenizer(text)
    train_ids, val_ids = split(torch.tensor(tokenizer.encode(text)), 0.02)
    model = Llama(CONFIG)
    print(f"{CONFIG}\n{SETTINGS}\nparameters {count(model):,}\n", flush=True)
    print(table(trained(model, train_ids, val_ids, SETTINGS)))
    texts, floor = held_out("medium", 1_000, seed=12)
    nats = surprise(model, [tokenizer.encode(t) for t in texts], tokenizer.encode("\n")[0])
    print(f"\n{bits_above(nats, floor, texts):.4f} bits per character above the grammar, which has")
    print(f"{floor / math.log(2) / sum(map(len, texts)):.4f}; on {len(texts):,} new stories")
    hand_in(model, told.out)


if __name__ == "__main__":
    main()
