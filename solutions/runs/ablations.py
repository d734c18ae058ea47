"""One change at a time on Tiny Shakespeare: prints the table of the exercise shakespeare_scale.

    python -m solutions.runs.ablations tinyshakespeare.txt

Every variant reads the same windows in the same order: an eighth of the characters of the recipe.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from ..vol2_pytorch.modules import Block, Config, Llama, RMSNorm
from ..vol2_pytorch.training_loop import Settings
from .peer import count
from .shakespeare import CPU, corpus, trained

SETTINGS = replace(CPU[1], steps=CPU[1].steps // 8, warmup=50, eval_every=10_000)


class Positions(nn.Module):
    """The model without RoPE, every token at position 0; with a table of positions or none."""

    def __init__(self, model: Llama, *, learned: bool) -> None:
        super().__init__()
        self.inner = model
        config = model.config
        self.table = nn.Embedding(config.max_T, config.d_model) if learned else None
        if self.table is not None:
            nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        stack, nowhere = self.inner.model, torch.zeros(ids.shape[1], dtype=torch.int64)
        x = stack.embed_tokens(ids)
        if self.table is not None:
            x = x + self.table(torch.arange(ids.shape[1]))
        for layer in stack.layers:
            x = layer(x, nowhere)
        out: torch.Tensor = self.inner.lm_head(stack.norm(x))
        return out


def post_norm(model: Llama) -> Llama:
    """Norms behind the sums, as in the first transformer."""

    def forward(self: Block, x: torch.Tensor, positions: torch.Tensor | None) -> torch.Tensor:
        x = self.input_layernorm(x + self.self_attn(x, positions))
        out: torch.Tensor = self.post_attention_layernorm(x + self.mlp(x))
        return out

    for layer in model.model.layers:
        layer.forward = forward.__get__(layer)
    return model


def layer_norm(model: Llama) -> Llama:
    """LayerNorm for every RMSNorm; no bias, so that the number of parameters stays."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, RMSNorm):
                norm = nn.LayerNorm(child.weight.numel(), eps=child.eps, bias=False)
                setattr(module, name, norm)
    return model


def variants() -> dict[str, tuple[Config, Callable[[Llama], nn.Module], Settings]]:
    """Config, what is done to the model, settings; by what the table calls it."""
    base = CPU[0]

    def same(model: Llama) -> nn.Module:
        return model

    def shaped(n_layers: int, d_model: int, d_ff: int) -> Config:
        return replace(base, n_layers=n_layers, d_model=d_model, d_ff=d_ff)

    return {
        "the recipe": (base, same, SETTINGS),
        "another seed": (base, same, replace(SETTINGS, seed=2)),
        "learned positions for RoPE": (base, lambda m: Positions(m, learned=True), SETTINGS),
        "no positions at all": (base, lambda m: Positions(m, learned=False), SETTINGS),
        "LayerNorm for RMSNorm": (base, layer_norm, SETTINGS),
        "post-norm for pre-norm": (base, post_norm, SETTINGS),
        "2 wide layers for 4": (shaped(2, 176, 506), same, SETTINGS),
        "8 narrow layers for 4": (shaped(8, 88, 256), same, SETTINGS),
        "a quarter of the learning rate": (base, same, replace(SETTINGS, max_lr=1e-3)),
        "twice the learning rate": (base, same, replace(SETTINGS, max_lr=8e-3)),
    }


def main() -> None:
    """Train every variant and print the table."""
    parser = argparse.ArgumentParser(description="Ablations on Tiny Shakespeare.")
    parser.add_argument("path", nargs="?", default="tinyshakespeare.txt")
    path = parser.parse_args().path
    torch.set_num_threads(1)
    train_ids, val_ids = corpus(path)
    print("| variant | parameters | validation, nats | bits per character |")
    print("| --- | ---: | ---: | ---: |")
    for name, (config, change, settings) in variants().items():
        torch.manual_seed(settings.seed)
        model = change(Llama(config))
        loss = trained(model, train_ids, val_ids, settings)[-1]["val_loss"]
        bits = loss / math.log(2)
        print(f"| {name} | {count(model):,} | {loss:.3f} | {bits:.3f} |", flush=True)


if __name__ == "__main__":
    main()
