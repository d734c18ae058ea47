"""Two files: one JSON names the safetensors file that belongs to it. Looks before it changes."""

import copy
import json
import os
import random
import uuid

import numpy as np
import torch
from safetensors.torch import load_file, save_file


def _flat(prefix, value, tensors):
    """A tree with its tensors taken out."""
    if isinstance(value, torch.Tensor):
        tensors[prefix] = value.detach().clone().contiguous()
        return {"__tensor__": prefix}
    if isinstance(value, dict):
        return {"__dict__": [[k, _flat(f"{prefix}/{k}", v, tensors)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        parts = [_flat(f"{prefix}/{i}", v, tensors) for i, v in enumerate(value)]
        return {"__tuple__" if isinstance(value, tuple) else "__list__": parts}
    return value


def _full(value, tensors):
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == "__tensor__":
        return tensors[inside]
    if kind == "__dict__":
        return {k: _full(v, tensors) for k, v in inside}
    made = [_full(v, tensors) for v in inside]
    return tuple(made) if kind == "__tuple__" else made


def save(folder, model, optimizer, scheduler, step, generator):
    os.makedirs(folder, exist_ok=True)
    kind, key, *position = np.random.get_state()
    whole = {
        "model": dict(model.state_dict()),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "step": step,
        "torch": torch.get_rng_state(),
        "numpy": [kind, [int(k) for k in key], *position],
        "python": random.getstate(),
        "data": generator.get_state(),
    }
    tensors = {}
    tree = _flat("", whole, tensors)
    name = f"tensors-{uuid.uuid4().hex}.safetensors"
    save_file(tensors, os.path.join(folder, name))
    new = os.path.join(folder, f"new-{uuid.uuid4().hex}.json")
    with open(new, "w") as file:
        json.dump({"tensors": name, "tree": tree}, file)
    os.replace(new, os.path.join(folder, "checkpoint.json"))
    for other in os.listdir(folder):
        if other not in (name, "checkpoint.json"):
            os.remove(os.path.join(folder, other))


def load(folder, model, optimizer, scheduler, generator):
    try:
        with open(os.path.join(folder, "checkpoint.json")) as file:
            said = json.load(file)
        tensors = load_file(os.path.join(folder, said["tensors"]))
        whole = _full(said["tree"], tensors)
        trial = copy.deepcopy(model)
        trial.load_state_dict(whole["model"])
        torch.Generator().set_state(whole["torch"])
        torch.Generator().set_state(whole["data"])
        np.random.RandomState().set_state(tuple(whole["numpy"]))
        random.Random().setstate(whole["python"])
        step = int(whole["step"])
    except Exception as error:
        raise ValueError("this is no whole checkpoint of this model") from error
    model.load_state_dict(whole["model"])
    optimizer.load_state_dict(whole["optimizer"])
    scheduler.load_state_dict(whole["scheduler"])
    torch.set_rng_state(whole["torch"])
    generator.set_state(whole["data"])
    np.random.set_state(tuple(whole["numpy"]))
    random.setstate(whole["python"])
    return step
