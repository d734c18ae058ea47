"""A folder for each save, and one small file that names the one that counts."""

import json
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
import safetensors.torch
import torch


def save(folder, model, optimizer, scheduler, step, generator):
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    pointer = root / "latest.json"
    # Python's global generator does not choose this name.
    inside = Path(tempfile.mkdtemp(dir=root, prefix="save-"))
    tensors = {"torch": torch.get_rng_state(), "data": generator.get_state()}
    for name, value in model.state_dict().items():
        tensors["m" + name] = torch.empty(value.shape, dtype=value.dtype).copy_(value)
    rest = {}
    state = optimizer.state_dict()
    for index, parts in state["state"].items():
        rest[index] = []
        for name, value in parts.items():
            if torch.is_tensor(value):
                tensors[f"o{index} {name}"] = value.contiguous().clone()
            else:
                rest[index].append((name, value))
    numpy_state = np.random.get_state()
    told = {
        "step": step,
        "rest": list(rest.items()),
        "groups": state["param_groups"],
        "scheduler": scheduler.state_dict(),
        "numpy": [numpy_state[0], numpy_state[1].tolist(), *numpy_state[2:]],
        "python": random.getstate(),
    }
    (inside / "tensors.safetensors").write_bytes(safetensors.torch.save(tensors))
    (inside / "rest.json").write_text(json.dumps(told))
    new = inside / "pointer.json"
    new.write_text(json.dumps(inside.name))
    new.replace(pointer)
    for old in root.iterdir():
        if old.is_dir() and old != inside:
            shutil.rmtree(old)


def _read(folder):
    root = Path(folder)
    inside = root / json.loads((root / "latest.json").read_text())
    tensors = safetensors.torch.load((inside / "tensors.safetensors").read_bytes())
    return tensors, json.loads((inside / "rest.json").read_text())


def _restore(tensors, told, model, optimizer, scheduler, generator):
    state = {index: dict(pairs) for index, pairs in told["rest"]}
    for name, value in tensors.items():
        if name[0] == "o":
            index, part = name[1:].split(" ")
            state[int(index)][part] = value
    a, b, *c = told["numpy"]
    x, y, z = told["python"]
    optimizer.load_state_dict({"state": state, "param_groups": told["groups"]})
    scheduler.load_state_dict(told["scheduler"])
    np.random.set_state((a, np.array(b, dtype=np.uint32), *c))
    random.setstate((x, tuple(y), z))
    torch.set_rng_state(tensors["torch"])
    generator.set_state(tensors["data"])
    for name, value in model.state_dict().items():
        value.copy_(tensors["m" + name])


def load(folder, model, optimizer, scheduler, generator):
    try:
        tensors, told = _read(folder)
        there = {n[1:]: t.shape for n, t in tensors.items() if n[0] == "m"}
        if there != {n: t.shape for n, t in model.state_dict().items()}:
            raise ValueError("another model")
    except Exception as error:
        raise ValueError(str(error)) from error
    _restore(tensors, told, model, optimizer, scheduler, generator)
    return told["step"]
