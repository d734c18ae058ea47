"""One safetensors file made by the library itself, and a way back."""

import contextlib
import json
import os
import random

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file


def _state(model, optimizer, scheduler, generator):
    tensors, plain = {}, {}
    for name, value in model.state_dict().items():
        tensors["model|" + name] = value
    state = optimizer.state_dict()
    for i in state["state"]:
        plain[i] = {}
        for name, value in state["state"][i].items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer|{i}|{name}"] = value
            else:
                plain[i][name] = value
    tensors["generator|"] = generator.get_state()
    tensors["torch|"] = torch.random.get_rng_state()
    numpy_state = np.random.get_state()
    tensors["numpy|"] = torch.tensor([int(n) for n in numpy_state[1]])
    words = {
        "plain": plain,
        "groups": state["param_groups"],
        "scheduler": scheduler.state_dict(),
        "numpy": (numpy_state[0], *numpy_state[2:]),
        "python": random.getstate(),
    }
    copies = {}
    for name, value in tensors.items():
        copies[name] = torch.tensor(value.tolist(), dtype=value.dtype)
    return copies, words


def _put(tensors, words, model, optimizer, scheduler, generator):
    state = {}
    for i, plain in words["plain"].items():
        state[int(i)] = plain
    weights = {}
    for name, value in tensors.items():
        kind, rest = name.split("|", 1)
        if kind == "model":
            weights[rest] = value
        elif kind == "optimizer":
            i, part = rest.split("|")
            state[int(i)][part] = value
    generator.set_state(tensors["generator|"])
    torch.random.set_rng_state(tensors["torch|"])
    kind, *position = words["numpy"]
    np.random.set_state((kind, tensors["numpy|"].numpy().astype("uint32"), *position))
    first, second, third = words["python"]
    random.setstate((first, tuple(second), third))
    scheduler.load_state_dict(words["scheduler"])
    optimizer.load_state_dict({"state": state, "param_groups": words["groups"]})
    model.load_state_dict(weights)


def save(folder, model, optimizer, scheduler, step, generator):
    with contextlib.suppress(FileExistsError):
        os.makedirs(folder)
    tensors, words = _state(model, optimizer, scheduler, generator)
    words["step"] = step
    new = folder + "/next"
    save_file(tensors, new, {"words": json.dumps(words)})
    os.rename(new, folder + "/state")


def load(folder, model, optimizer, scheduler, generator):
    everything = model, optimizer, scheduler, generator
    before = _state(*everything)
    try:
        with safe_open(folder + "/state", "pt") as file:
            words = json.loads(file.metadata()["words"])
            tensors = {}
            for name in file.keys():  # noqa: SIM118
                tensors[name] = file.get_tensor(name)
        _put(tensors, words, *everything)
    except Exception as error:
        before[1]["plain"] = dict(before[1]["plain"])
        _put(*before, *everything)
        raise ValueError("no checkpoint of this model") from error
    return words["step"]
