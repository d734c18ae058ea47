"""The training loop: batches, updates, evaluations, early stopping, files, one line of progress."""

# %% [markdown]
# # The training loop
#
# **The question.** All parts are there: batches, a model, a loss, an optimizer, a schedule,
# clipping. What is the program that turns them into a trained model, tells how it is going, stops
# in time, and leaves behind what the next person needs?
#
# You write two functions:
#
# | function | what it does |
# | --- | --- |
# | `evaluate(model, ids, batch_size, T)` | loss on data that is not trained on, in nats per token |
# | `train(model, train_ids, val_ids, settings)` | the loop; returns its record |
#
# You need the earlier exercises of this volume, and about two hours.

# %%
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

# %% [markdown]
# ## 1. One update, in order
#
# ![The loop: draw a batch, forward, loss, backward, clip, step, next learning rate; every
# eval_every updates a branch evaluates, writes a line and two checkpoints, and decides whether to
# stop.](figures/training_loop.svg)
#
# Each arrow has a reason. Gradients are cleared before `backward`, because it adds. Clipping stands
# between `backward` and `step`, because it changes what the step reads. The learning rate of an
# update is set before it. And nothing of the evaluation may reach training: not its gradients, not
# its random numbers, not the mode it puts the model into.
#
# Update number $s = 0, 1, \ldots$ uses the learning rate of `lr_schedule` from Volume 1:
#
# $$\eta(s) = \eta_{max} \frac{s}{w} \quad (s < w) \qquad
#   \eta(s) = \eta_{min} + \tfrac{1}{2} (\eta_{max} - \eta_{min})
#   \left(1 + \cos \pi \frac{s - w}{S - w}\right) \quad (w \le s < S)$$
#
# with $w$ = `warmup` and $S$ = `steps`. With warm-up, the very first update has rate 0.
#
# ## 2. What to look at
#
# **The first loss.** A model that knows nothing gives each of $V$ tokens the probability $1 / V$.
# What is its cross-entropy? If your first loss is far above that, the model starts out confident
# and wrong: look at the initialisation. If it is below, targets leak into the input.
#
# **One batch.** With training data of $T + 1$ tokens there is a single window. Any healthy loop
# drives its loss towards 0. One that cannot do that has a bug, and more data will not help it.
#
# **Validation.** The mean loss over *all* windows of the validation data, not over a few drawn at
# random: then two evaluations differ because the model does. The last batch is usually smaller than
# the others. If means of batches are averaged, its tokens count more; what has to be added up, and
# what is it divided by?
#
# **Early stopping.** When the validation loss has not been better than its best for `patience`
# evaluations in a row, more training only learns the training data by heart. Stop, and keep the
# weights of the best evaluation: that is why there are two checkpoints.
#
# ## 3. One flag each for device and precision
#
# `device` is `"cpu"`, `"cuda"`, or `"auto"`: the GPU if there is one. Model and batches go there.
# `dtype` says what the forward pass computes in. `"float32"` leaves it to the model's parameters.
# `"bfloat16"` runs it under autocast, as in the exercise *memory*: parameters, gradients and
# moments keep their dtype, and the loss is taken of `logits.float()`.
#
# ## 4. What is left behind
#
# | file in `out` | what | when |
# | --- | --- | --- |
# | `metrics.jsonl` | a JSON object a line | at every evaluation, at once |
# | `best.safetensors` | `model.state_dict()` at the best evaluation | when there is a new best |
# | `last.safetensors` | `model.state_dict()` at the last evaluation | at every evaluation |
#
# Checkpoints are written beside and moved by `os.replace`, as in *resume*: whoever is killed while
# writing loses nothing.


# %%
@dataclass(frozen=True)
class Settings:
    """What a run is told. Given; `train` also gets objects of other classes with these names."""

    steps: int = 1000
    batch_size: int = 16
    T: int = 128
    max_lr: float = 1e-3
    min_lr: float = 1e-4
    warmup: int = 100
    weight_decay: float = 0.1
    max_norm: float = 1.0
    eval_every: int = 100
    patience: int = 5
    seed: int = 0
    device: str = "auto"
    dtype: str = "float32"
    out: str = "run"


class Progress:
    """One line at the bottom of a terminal; nothing elsewhere, or in a very short run. Given.

    Use it as `with Progress(steps) as progress:` and call `progress.update(step, loss, rate)`.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> "Progress":
        try:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar
        except ImportError:
            return self
        if self.steps >= 100 and sys.stderr is not None and sys.stderr.isatty():
            words = TextColumn("loss {task.fields[loss]:.3f}  {task.fields[rate]:,.0f} tokens/s")
            self.bar = Bar(BarColumn(), MofNCompleteColumn(), words, console=Console(stderr=True))
            self.task = self.bar.add_task("", total=self.steps, loss=math.nan, rate=0.0)
            self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def update(self, step: int, loss: float, rate: float) -> None:
        """Show that `step` updates are made, the loss of the last, and tokens per second."""
        if self.bar is not None:
            self.bar.update(self.task, completed=step, loss=loss, rate=rate)


# %%
### BEGIN SOLUTION
def _loss(logits: torch.Tensor, y: torch.Tensor, reduction: str) -> torch.Tensor:
    """Cross-entropy in float32 or wider."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return F.cross_entropy(wide.flatten(0, 1), y.flatten(), reduction=reduction)


### END SOLUTION
def evaluate(model: nn.Module, ids: torch.Tensor, batch_size: int, T: int) -> float:
    """Mean cross-entropy over all whole windows of `ids`.

    Window i has the inputs ids[i T : i T + T] and the targets one later. They follow one another
    without overlap; a remainder too short for a window and its last target is left out.

    Args:
        model: Maps ids (B, T) to logits (B, T, V). It is in eval mode meanwhile and in its former
            mode afterwards; no gradient is recorded, and `.grad` is left alone.
        ids: (N,), int64, on any device; windows go to that of the model's parameters.
        batch_size: Windows that the model sees at a time; the last time it may be fewer.
        T: Tokens in a window.

    Returns:
        loss: Nats per token, a float. Every token counts the same.

    Raises:
        ValueError: There is no whole window: N < T + 1.

    Source:
        Jurafsky and Martin 2025, chapter 3: cross-entropy and perplexity.
    """
    ### BEGIN SOLUTION
    count = (len(ids) - 1) // T
    if count < 1:
        raise ValueError(f"{len(ids)} tokens are too few for a window of {T} and its last target")
    device = next(model.parameters()).device
    x = ids[: count * T].view(count, T)
    y = ids[1 : count * T + 1].view(count, T)
    was, total = model.training, 0.0
    model.eval()
    try:
        with torch.no_grad():
            for i in range(0, count, batch_size):
                logits = model(x[i : i + batch_size].to(device))
                total += _loss(logits, y[i : i + batch_size].to(device), "sum").item()
    finally:
        model.train(was)
    return total / (count * T)
    ### END SOLUTION


# %%
from typing import Any

import numpy as np

from autograder.selfcheck import Check, Student


def visible_evaluate(student: Student, check: Check) -> None:
    """Five windows in batches of two, and a remainder, against the sum over tokens by hand."""
    table = np.array([[0.0, 1.0, -1.0], [2.0, 0.0, 0.5], [-1.0, 0.5, 0.0]])
    make = student.library("torch.nn.Embedding.from_pretrained")
    model = student.keep(make, table, freeze=False)
    ids = np.array([0, 1, 2, 2, 1, 0, 0, 1, 1, 2, 0, 2])
    log_probs = table - np.log(np.exp(table).sum(-1, keepdims=True))
    expected = -log_probs[ids[:10], ids[1:11]].mean()
    loss = student.evaluate(model, ids, 2, 2)
    check.close(loss, expected, "the loss of 5 windows of 2 tokens")
    check.true(model.training, "the model is not in training mode any more; restore its mode")
    model.eval()
    student.evaluate(model, ids, 2, 2)
    check.true(not model.training, "a model in eval mode comes back in training mode")
    check.raises(ValueError, student.evaluate, model, ids[:3], 2, 3)


# %%
### BEGIN SOLUTION
def _optimizer(model: nn.Module, settings: Any) -> torch.optim.AdamW:
    """AdamW that shrinks matrices and leaves gains alone."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {
            "params": [p for p in parameters if p.ndim >= 2],
            "weight_decay": settings.weight_decay,
        },
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    # Fused: a step is one walk over each parameter and its moments in place of a dozen.
    return torch.optim.AdamW(groups, lr=settings.max_lr, betas=(0.9, 0.95), eps=1e-8, fused=True)


def _rate(step: int, settings: Any) -> float:
    """The learning rate of update number `step`."""
    if step < settings.warmup:
        return float(settings.max_lr * step / settings.warmup)
    way = (step - settings.warmup) / (settings.steps - settings.warmup)
    height = settings.max_lr - settings.min_lr
    return float(settings.min_lr + 0.5 * height * (1 + math.cos(math.pi * way)))


def _batch(
    ids: torch.Tensor, settings: Any, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets of windows drawn at random."""
    starts = torch.randint(len(ids) - settings.T, (settings.batch_size,), generator=generator)
    windows = ids[starts[:, None] + torch.arange(settings.T + 1)]
    return windows[:, :-1], windows[:, 1:]


def _checkpoint(model: nn.Module, path: Path) -> None:
    """Put the weights in the place of `path` as a whole."""
    order = torch.contiguous_format  # copies, since tied tensors share memory
    state = model.state_dict().items()
    whole = {n: t.detach().cpu().clone(memory_format=order) for n, t in state}
    beside = path.with_suffix(".new")
    beside.write_bytes(safetensors.torch.save(whole))
    os.replace(beside, path)


class _Log:
    """Records, in memory and on disk, and when to stop."""

    def __init__(self, out: str, patience: int) -> None:
        self.out, self.patience = Path(out), patience
        self.records: list[dict[str, Any]] = []
        self.best, self.age = math.inf, 0
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / "metrics.jsonl").write_text("")

    def add(
        self, model: nn.Module, step: int, loss: float, val_loss: float, lr: float, speed: float
    ) -> bool:
        """Write down an evaluation; whether the best one is so old that training ends."""
        record = {"step": step, "loss": loss, "val_loss": val_loss, "lr": lr}
        self.records.append({**record, "tokens_per_second": speed})
        with open(self.out / "metrics.jsonl", "a") as file:
            file.write(json.dumps(self.records[-1]) + "\n")
        _checkpoint(model, self.out / "last.safetensors")
        self.age += 1
        if val_loss < self.best:
            self.best, self.age = val_loss, 0
            _checkpoint(model, self.out / "best.safetensors")
        return self.age == self.patience > 0


### END SOLUTION
def train(
    model: nn.Module, train_ids: torch.Tensor, val_ids: torch.Tensor, settings: Any
) -> list[dict[str, Any]]:
    """Train `model` in place; return one record for each evaluation.

    Batch: `starts = torch.randint(len(train_ids) - T, (batch_size,), generator=generator)` with a
    torch.Generator() seeded once with `settings.seed`; row b holds the inputs
    train_ids[starts[b] : starts[b] + T] and the targets one later. Nothing else is drawn.

    Update s = 0, 1, ..., steps - 1: the mean cross-entropy of one batch, its gradients clipped to
    a joint norm of `max_norm`, and torch.optim.AdamW with betas (0.9, 0.95), eps 1e-8 and the
    learning rate of section 1. `weight_decay` applies to parameters with at least 2 axes; the
    others have 0.

    Evaluation: after every `eval_every` updates and after the last one, by `evaluate` with the same
    batch_size and T. Training ends when the best validation loss is `patience` evaluations old
    (0: never). While it trains, the model is in training mode.

    Args:
        model: Maps ids (B, T) to logits (B, T, V). Goes to the device; afterwards it has the
            weights of the last update. Dtypes of its parameters stay.
        train_ids: (N,), int64, N >= T + 1.
        val_ids: (M,), int64, M >= T + 1.
        settings: Has the attributes of `Settings`. `device` is "cpu", "cuda" or "auto"; `dtype` is
            "float32" (no autocast) or "bfloat16" (forward under autocast, evaluation too, losses
            of float32 logits). `out` is a folder; made if it is not there, its parents too.

    Returns:
        records: Dictionaries with `step` (updates made, int), `loss` (mean of the training losses
            since the record before), `val_loss`, `lr` (of the last update) and `tokens_per_second`
            (trained tokens since the record before, per second of training; evaluations do not
            count), floats. They are the lines of `out/metrics.jsonl`, which starts anew with each
            run and is complete at every evaluation. `out/best.safetensors` and
            `out/last.safetensors` hold `model.state_dict()`, each replaced as a whole.

    Source:
        Karpathy 2022, nanoGPT, train.py. Loshchilov and Hutter 2017 (arXiv:1608.03983).
    """
    ### BEGIN SOLUTION
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    cast = torch.autocast(device, torch.bfloat16, enabled=settings.dtype == "bfloat16")
    optimizer = _optimizer(model.to(device), settings)
    generator = torch.Generator().manual_seed(settings.seed)
    log, losses, seconds = _Log(settings.out, settings.patience), list[float](), 0.0
    model.train()
    with Progress(settings.steps) as progress:
        for step in range(settings.steps):
            start = time.perf_counter()
            x, y = _batch(train_ids, settings, generator)
            for group in optimizer.param_groups:
                group["lr"] = _rate(step, settings)
            with cast:
                logits = model(x.to(device))
            loss = _loss(logits, y.to(device), "mean")
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), settings.max_norm)
            optimizer.step()
            losses.append(loss.item())
            seconds += time.perf_counter() - start
            speed = len(losses) * x.numel() / max(seconds, 1e-9)
            progress.update(step + 1, losses[-1], speed)
            if (step + 1) % settings.eval_every == 0 or step + 1 == settings.steps:
                with cast:
                    val_loss = evaluate(model, val_ids, settings.batch_size, settings.T)
                mean, lr = sum(losses) / len(losses), optimizer.param_groups[0]["lr"]
                if log.add(model, step + 1, mean, val_loss, lr, speed):
                    break
                losses, seconds = [], 0.0
    return log.records
    ### END SOLUTION


# %%
def visible_train(student: Student, check: Check) -> None:
    """A bigram model on a repeated text: first loss, records, files, one batch by heart."""
    keep = student.keep
    model = keep(student.library("torch.nn.Embedding"), 4, 4)
    model.load_state_dict({"weight": np.zeros((4, 4), dtype=np.float32)})
    ids = np.array([0, 1, 2, 3] * 20)
    settings = Settings(
        steps=50,
        batch_size=4,
        T=8,
        max_lr=0.3,
        min_lr=0.01,
        warmup=5,
        eval_every=1,
        patience=0,
        device="cpu",
        out=student.folder + "/run",
    )
    records = student.train(model, ids, ids, settings)
    check.true(len(records) == 50, f"{len(records)} records, expected one for each of 50 updates")
    first, last = records[0], records[-1]
    check.close(first["loss"], np.log(4), "the loss of the first update, ln V", rtol=1e-5)
    check.close(records[2]["lr"], 0.3 * 2 / 5, "the learning rate of the third update")
    check.true(last["val_loss"] < 0.1, f"the loss after 50 updates is {last['val_loss']:.2f}")
    names = sorted(student.files())
    wanted = ["run/best.safetensors", "run/last.safetensors", "run/metrics.jsonl"]
    check.true(names == wanted, f"the files are {names}, expected {wanted}")
    lines = student.files()["run/metrics.jsonl"].decode().splitlines()
    check.true(len(lines) == 50, f"metrics.jsonl has {len(lines)} lines, expected 50")


# %% [markdown]
# ## One thing to try
#
# Train a small `Llama` of yours on Tiny Shakespeare, 300 updates, with `max_lr` of 1e-4, 1e-3, 1e-2
# and 1e-1, and draw the four validation curves from their `metrics.jsonl`. At which rate does the
# curve break away, and what do warm-up and clipping change about that? Then shuffle the ids of the
# validation data: which loss do you expect, and which do you get?
#
# ## Where to read more
#
# - Karpathy, *nanoGPT*, `train.py`, 2022: a loop of this kind in 300 lines.
# - Karpathy, *A Recipe for Training Neural Networks*, 2019: overfitting one batch, the first loss,
#   and other habits.
# - Prechelt, *Early Stopping, But When?*, 1998: how long to wait.
