"""Resume: write a training run to disk so that it can be killed at any instant and go on."""

# %% [markdown]
# # Save and resume
#
# **The question.** A training run takes days, and the machine it runs on does not ask before it
# goes away. What has to be on disk, and how must it get there, so that the run can be killed at any
# instant and goes on as if nothing had happened?
#
# You write two functions:
#
# | function | what it does |
# | --- | --- |
# | `save(folder, model, optimizer, scheduler, step, generator)` | the run into `folder` |
# | `load(folder, model, optimizer, scheduler, generator)` | bring it back and return `step` |
#
# The test is strict: five steps, a save, a new process, a load and five more steps give *bit for
# bit* what ten steps in one go give. You need PyTorch's `state_dict`, JSON, and about two hours.

# %%
import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

# %% [markdown]
# ## 1. What the state of a run is
#
# Ask of every line of the training loop: what does it read that is not a constant?
#
# | read by | state | where it lives |
# | --- | --- | --- |
# | forward | weights and buffers | `model.state_dict()` |
# | `optimizer.step()` | moments, step counts, learning rate | `optimizer.state_dict()` |
# | `scheduler.step()` | how many steps it has made | `scheduler.state_dict()` |
# | dropout | PyTorch's global generator | `torch.get_rng_state()` |
# | augmentation | NumPy's global generator | `np.random.get_state()` |
# | shuffling | Python's global generator | `random.getstate()` |
# | `get_batch` | the generator of windows: *where we are in the data* | `generator.get_state()` |
# | the loop | the number of the step | an int |
#
# Leave one out and nothing crashes. The loss curve has a small bump, or none, and the run is
# another run. Without the moments, AdamW starts as if it had never seen a gradient: its first step
# has the full length of the learning rate in every coordinate. Without the generator, the run sees
# again what it has already seen.
#
# ## 2. Two kinds of things, and no pickle
#
# `torch.save` would write all of it in one line, with pickle. A pickle is a program: whoever loads
# a file runs what is in it. So the file formats here hold data only:
#
# - **Tensors** go into *safetensors*: eight bytes with a length, a JSON header with names, dtypes
#   and positions, then the numbers as they lie in memory. `safetensors.torch.save(tensors,
#   metadata)` gives the bytes; `safe_open(path, framework="pt")` has `.keys()`, `.get_tensor(name)`
#   and `.metadata()`, a dictionary from `str` to `str` that travels in the header.
# - **Everything else** goes into *JSON*: numbers, texts, lists, dictionaries whose keys are texts.
#
# `optimizer.state_dict()` is a mixture, and has to be taken apart and put together again:
#
#     {"state": {0: {"step": tensor, "exp_avg": tensor, ...}, 1: {...}},
#      "param_groups": [{"lr": 0.001, "betas": (0.9, 0.95), ..., "params": [0, 1]}]}
#
# Here `state` has one entry per parameter *that has been stepped*, under an int, which JSON would
# turn into a text. Its values are tensors in PyTorch's own optimizers; in others they may be
# numbers or `None`. A Python float survives JSON exactly, since `repr` writes as many digits as are
# needed; a tuple comes back as a list, which optimizers take as well. Random states: PyTorch's are
# `uint8` tensors, NumPy's is a dictionary with an array of 624 numbers (`legacy=False`), Python's
# is a tuple in a tuple, and `random.setstate` insists on tuples.
#
# Two properties of tensors that safetensors does not have: sharing (a head tied to the embedding is
# one storage under two names) and strides. Write a contiguous copy of each.
#
# ## 3. Killed in the middle
#
# `open(path, "wb")` empties the file before the first byte is written. Whoever is killed now has
# neither the old state nor the new one. The way out is one operation that the file system does as a
# whole or not at all: *renaming*. Write everything beside the old file, then `os.replace(new,
# old)`.
#
# ![Left: a file written in place passes through a moment when neither the old nor the new state is
# on disk. Middle: written beside and renamed, the old state is there until the new one is. Right:
# two files need two renames, and between them tensors of step 200 lie beside a state of step
# 100.](figures/resume.svg)
#
# That makes *one file* safe. But there are two kinds of things to store, and with two files there
# are two renames and an instant between them. Whoever is killed there finds the weights of step 200
# beside the random state of step 100. Both files are whole, both can be read, and the run that goes
# on from them never existed. Find an arrangement in which **one rename decides everything**. There
# are at least two: section 2 mentions what a safetensors file can carry, and a small file can say
# which large one counts.
#
# Whatever is left over from a save that was killed must not disturb the next `save` or `load`.
#
# A killed *process* loses nothing that `write` has returned for: the bytes are with the operating
# system. A *power failure* can take them, and with them a file whose name is already there. Against
# that, `os.fsync` the file before it is renamed.
#
# ## 4. Loading: all or nothing
#
# A folder that is not there, a file cut short, a checkpoint of another model: `load` raises
# `ValueError`, and nothing has changed. Neither the model nor the optimizer, the scheduler, any of
# the generators.
#
# That does not come by itself. `model.load_state_dict` copies every tensor that fits *before* it
# complains about the one that does not. `optimizer.load_state_dict` looks at the number of
# parameters only, not at the shapes of the moments. So either look at everything before the first
# change, or keep what was there and put it back.
#
# Which exceptions can reading raise? `OSError` for a missing file, `SafetensorError` for a damaged
# one, `json.JSONDecodeError` (which is a `ValueError`), `KeyError` for a name that is not there,
# `TypeError` for a part of another kind, `RuntimeError` from PyTorch.

# %%
def save(
    folder: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    step: int,
    generator: torch.Generator,
) -> None:
    """Write the state of a run into `folder`, in place of what was there.

    At any instant, also if this call is killed or fails, `load` finds the whole old state or the
    whole new one. The state is that of PyTorch's, NumPy's and Python's global generators, too. None
    of it is changed.

    Args:
        folder: Path of a folder; made if it is not there, its parents too. Nothing outside it is
            written.
        model: Its `state_dict()` may hold tensors of any dtype, tied or not contiguous.
        optimizer: Any that keeps tensors, numbers and None in its state.
        scheduler: Its `state_dict()` can be written as JSON.
        step: How many steps have been made.
        generator: Draws the batches.

    Files are safetensors for tensors and JSON for everything else, nothing else and no pickle. The
    JSON may also be the metadata of a safetensors file.

    Source:
        safetensors format: huggingface.co/docs/safetensors. Pillai et al. 2014, "All file systems
        are not created equal", section 2.
    """
    raise NotImplementedError("save is yours to write")

# %%
from typing import Any

from autograder.selfcheck import Check, Student


class _Run:
    """A small training run on the student's side: model, optimizer, schedule, generators."""

    def __init__(self, student: Student, seed: int) -> None:
        self.student, self.library = student, student.library
        for name in ("torch.manual_seed", "numpy.random.seed", "random.seed"):
            student.keep(self.library(name), seed)
        nn_module = "torch.nn."
        layers = [
            student.keep(self.library(nn_module + "Linear"), 3, 4),
            student.keep(self.library(nn_module + "Dropout"), 0.5),
            student.keep(self.library(nn_module + "Linear"), 4, 1),
        ]
        self.model = student.keep(self.library(nn_module + "Sequential"), *layers)
        self.optimizer = student.keep(
            self.library("torch.optim.AdamW"), self.model.parameters(), lr=0.05
        )
        schedule = self.library("torch.optim.lr_scheduler.CosineAnnealingLR")
        self.scheduler = student.keep(schedule, self.optimizer, 20)
        self.generator = student.keep(self.library("torch.Generator"))
        student.keep(self.generator.manual_seed, seed)

    def train(self, steps: int) -> None:
        """Steps that use every kind of randomness."""
        for _ in range(steps):
            x = self.student.keep(self.library("torch.randn"), 8, 3, generator=self.generator)
            scale = self.library("random.random")() + self.library("numpy.random.rand")()
            out = self.student.keep(self.model, self.student.keep(x.mul, scale))
            self.student.keep(self.student.keep(self.student.keep(out.pow, 2).mean).backward)
            self.optimizer.step()
            self.scheduler.step()
            self.optimizer.zero_grad()

    def weights(self) -> tuple[Any, ...]:
        """The numbers of the model."""
        values: Any = self.student.library("builtins.list")(self.model.parameters())
        return tuple(values)

    def state(self) -> tuple[Any, ...]:
        """What `save` and `load` take between the folder and the rest."""
        return self.model, self.optimizer, self.scheduler


def _tensors(data: bytes) -> list[Any] | None:
    """The tensors of a safetensors file; None if it is something else."""
    try:
        return list(safetensors.torch.load(data).values())
    except SafetensorError:
        return None


def visible_save(student: Student, check: Check) -> None:
    """What a save leaves behind: safetensors with all weights and moments, JSON, nothing else."""
    run = _Run(student, seed=1)
    run.train(2)
    student.save(student.folder + "/deep/run", *run.state(), 2, run.generator)
    files = student.files()
    check.true(len(files) > 0, "there is no file; make the folder and write into it")
    outside = [name for name in files if not name.startswith("deep/run/")]
    check.true(not outside, f"{outside} lies outside the folder that save was given")
    found: list[Any] = []
    for name, data in files.items():
        tensors = _tensors(data)
        if tensors is None:
            check.true(data[:1] in b"{[0123456789", f"{name} is neither safetensors nor JSON")
        found += [t.numpy() for t in tensors or () if t.is_floating_point()]
    moments = run.optimizer.state_dict()["state"]
    for what, values in (
        ("a weight", run.weights()),
        ("the first moment of a weight", [moments[i]["exp_avg"] for i in sorted(moments)]),
    ):
        for value in values:
            there = any(t.shape == value.shape and np.allclose(t, value) for t in found)
            check.true(there, f"{what} with shape {value.shape} is in no safetensors file")
    held = student.held_files()
    run.train(1)
    student.save(student.folder + "/deep/run", *run.state(), 3, run.generator)
    changed = held.changed()
    check.true(not changed, f"{changed} is written over in place; write beside it and rename")

# %%
def load(
    folder: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    generator: torch.Generator,
) -> int:
    """Bring a run back to the state that `save` wrote into `folder`.

    All arguments are changed in place: the model, the optimizer, the scheduler and the generator,
    and PyTorch's, NumPy's and Python's global generators, are as they were when they were saved.

    Args:
        folder: What `save` was given.
        model: Of the same architecture.
        optimizer: Over the same parameters, made in the same way.
        scheduler: Of the same kind.
        generator: Draws the batches.

    Returns:
        step: The step that was saved, an int.

    Raises:
        ValueError: The folder is missing or damaged (a file is missing or cut short, or is
            something else), or is of another model (names or shapes differ). Nothing has changed.

    Source:
        PyTorch tutorial "Saving and loading a general checkpoint"; safetensors documentation.
    """
    raise NotImplementedError("load is yours to write")

# %%
def visible_load(student: Student, check: Check) -> None:
    """Five steps, a save, a load and five more against ten; what cannot be loaded is refused."""
    whole = _Run(student, seed=1)
    whole.train(10)
    expected = whole.weights()
    first = _Run(student, seed=1)
    first.train(5)
    student.save(student.folder + "/five", *first.state(), 5, first.generator)
    second = _Run(student, seed=2)
    step = student.load(student.folder + "/five", *second.state(), second.generator)
    check.true(step == 5, f"load returns {step}, expected the step that was saved, 5")
    second.train(5)
    for got, want in zip(second.weights(), expected, strict=True):
        check.close(got, want, "a weight after 5 + 5 steps, against 10 steps", rtol=1e-12)
    run = _Run(student, seed=3)
    run.train(2)
    before = run.weights()
    check.raises(ValueError, student.load, student.folder + "/none", *run.state(), run.generator)
    student.library("os.mkdir")(student.folder + "/empty")
    check.raises(ValueError, student.load, student.folder + "/empty", *run.state(), run.generator)
    student.save(student.folder + "/run", *run.state(), 2, run.generator)
    other = _Run(student, seed=4)
    wide = student.keep(student.library("torch.nn.Linear"), 4, 2)
    student.keep(other.model.append, wide)
    kept = other.weights()
    check.raises(ValueError, student.load, student.folder + "/run", *other.state(), other.generator)
    for got, want in zip(other.weights(), kept, strict=True):
        check.close(got, want, "a weight after a load that was refused")
    run.train(1)
    step = student.load(student.folder + "/run", *run.state(), run.generator)
    check.true(step == 2, f"load returns {step}, expected the step that was saved, 2")
    for got, want in zip(run.weights(), before, strict=True):
        check.close(got, want, "a weight after load", rtol=1e-12)

# %% [markdown]
# ## One thing to try
#
# Start a run that saves every ten steps in an endless loop, and a second program that kills it with
# `SIGKILL` after a random time, loads, and starts it again, a thousand times. Does the run always
# go on? Then write in place instead of renaming, and count how many kills it takes to lose
# everything. On a GPU, dropout draws from another generator: what has to be added, and what should
# `load` do on a machine with fewer GPUs?
#
# ## Where to read more
#
# - *safetensors*, huggingface.co/docs/safetensors: the format is a page long.
# - Pillai, Chidambaram et al., *All File Systems Are Not Created Equal: On the Complexity of
#   Crafting Crash-Consistent Applications*, OSDI 2014: what renaming promises, and what it does
#   not.
# - PyTorch, *Reproducibility*, docs.pytorch.org/docs/stable/notes/randomness.html: which operations
#   are not deterministic even with the same state.
