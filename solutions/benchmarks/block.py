"""How fast the NumPy block is: forward and backward, against PyTorch autograd in the same run.

Run as `python -m solutions.benchmarks.block`; prints Markdown tables. Both sides do the same steps
on the same float32 arrays in one thread, in turns. Nothing here is a test.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

B, T, D_MODEL, N_HEADS, D_FF = 8, 128, 256, 8, 688
THETA, EPS = 10000.0, 1e-5
ROUNDS = 60
# Libraries read these when they are loaded, and never again: one thread for linear algebra; memory
# that was freed stays with the process, else page faults are measured, for whoever comes first.
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}

Step = Callable[[], dict[str, Any]]


def main() -> None:
    """Measure and print, in a process that has the settings from its start."""
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
        command = [sys.executable, "-m", "solutions.benchmarks.block"]
        done = subprocess.run(command, env={**os.environ, **SETTINGS}, check=False)
        sys.exit(done.returncode)
    try:
        import torch
    except ImportError:
        print("the block against PyTorch: skipped, PyTorch is not installed")
        return
    torch.set_num_threads(1)
    arrays = _arrays()
    ours, plain, fused = numpy_step(arrays), torch_step(arrays), torch_step(arrays, fused=True)
    for other in (plain, fused):
        _refuse_unless_close(ours(), other())
    steps = {
        "PyTorch autograd, the same steps": plain,
        "the NumPy reference": ours,
        "PyTorch autograd, its own fused attention and norm": fused,
    }
    sizes = f"B={B}, T={T}, d_model={D_MODEL}, {N_HEADS} heads, d_ff={D_FF}"
    print(f"One block, forward and backward: {sizes}, float32, one thread.\n")
    taken = _in_turns(steps)
    theirs = next(iter(taken.values()))
    print("| one block, forward and backward | wall ms | CPU ms | speed |")
    print("| --- | ---: | ---: | ---: |")
    for name, (wall, cpu) in taken.items():
        print(f"| {name} | {wall * 1e3:.1f} | {cpu * 1e3:.1f} | {theirs[1] / cpu:.2f} |")
    print("\nWhere the NumPy reference's time goes:\n\n| part | CPU ms |\n| --- | ---: |")
    for name, (_, cpu) in _in_turns(parts(arrays)).items():
        print(f"| {name} | {cpu * 1e3:.1f} |")


def _arrays() -> dict[str, Any]:
    """The stream, the nine parameters and the gradient of the output, all float32."""
    import numpy as np

    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "x": (B, T, D_MODEL),
        "dout": (B, T, D_MODEL),
        "attn_norm": (D_MODEL,),
        "w_q": (D_MODEL, D_MODEL),
        "w_k": (D_MODEL, D_MODEL),
        "w_v": (D_MODEL, D_MODEL),
        "w_o": (D_MODEL, D_MODEL),
        "mlp_norm": (D_MODEL,),
        "w_gate": (D_MODEL, D_FF),
        "w_up": (D_MODEL, D_FF),
        "w_down": (D_FF, D_MODEL),
    }
    scales = {name: shape[0] ** -0.5 if name[0] == "w" else 1.0 for name, shape in shapes.items()}
    return {
        name: (scales[name] * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def _config() -> Any:
    from ..vol1_numpy.multi_head import Config

    return Config(1, D_MODEL, 1, N_HEADS, N_HEADS, D_FF, T, rope_theta=THETA, norm_eps=EPS)


def numpy_step(arrays: Mapping[str, Any]) -> Step:
    """Forward and backward of the reference; all gradients by name."""
    import numpy as np

    from ..vol1_numpy.block import block, block_backward

    params = {name: a for name, a in arrays.items() if name not in ("x", "dout")}
    config, positions = _config(), np.arange(T)

    def step() -> dict[str, Any]:
        _, cache = block(arrays["x"], params, config, positions)
        dx, dparams = block_backward(arrays["dout"], cache)
        return {"x": dx, **dparams}

    return step


def torch_step(arrays: Mapping[str, Any], *, fused: bool = False) -> Step:
    """The same by autograd; with `fused`, attention and norm are single calls of PyTorch."""
    import torch

    leaves = {n: torch.tensor(a, requires_grad=n != "dout") for n, a in arrays.items()}
    dout = leaves.pop("dout")
    hidden = torch.ones(T, T, dtype=torch.bool).triu(1)

    def norm(x: Any, gain: Any) -> Any:
        if fused:
            return torch.nn.functional.rms_norm(x, (D_MODEL,), gain, EPS)
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPS) * gain

    def attend(q: Any, k: Any, v: Any) -> Any:
        if fused:
            return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        scores = q @ k.mT * q.shape[-1] ** -0.5
        return torch.softmax(scores.masked_fill(hidden, float("-inf")), -1) @ v

    def step() -> dict[str, Any]:
        out = _torch_block(leaves, norm, attend)
        gradients = torch.autograd.grad(out, [*leaves.values()], dout)
        return dict(zip(leaves, gradients, strict=True))

    return step


def _torch_block(p: Mapping[str, Any], norm: Callable[..., Any], attend: Callable[..., Any]) -> Any:
    import torch

    x, positions = p["x"], torch.arange(T)

    def rope(x: Any) -> Any:
        per_position = THETA ** (-torch.arange(0, x.shape[-1], 2) / x.shape[-1])
        angles = positions[:, None, None] * per_position
        cos, sin, a, b = angles.cos(), angles.sin(), x[..., ::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).reshape(x.shape)

    normed = norm(x, p["attn_norm"])
    q, k, v = ((normed @ p[n]).view(B, T, N_HEADS, -1) for n in ("w_q", "w_k", "w_v"))
    heads = attend(*(a.transpose(1, 2) for a in (rope(q), rope(k), v)))
    middle = x + heads.transpose(1, 2).reshape(x.shape) @ p["w_o"]
    normed = norm(middle, p["mlp_norm"])
    gated = torch.nn.functional.silu(normed @ p["w_gate"]) * (normed @ p["w_up"])
    return middle + gated @ p["w_down"]


def parts(arrays: Mapping[str, Any]) -> dict[str, Callable[[], object]]:
    """What the block is made of, on its own; and all matrix products, in either library."""
    import numpy as np
    import torch

    from ..vol1_numpy import attention, block, multi_head, rmsnorm

    x, dout, gain = arrays["x"], arrays["dout"], arrays["attn_norm"]
    given: Any = arrays, _config(), np.arange(T)
    _, mha_cache = multi_head.multi_head_attention(x, *given)
    _, mlp_cache = block._swiglu(x, dict(arrays))
    q = x.reshape(B, T, N_HEADS, -1).swapaxes(1, 2)
    factors = _factors(arrays)
    tensors = {name: torch.tensor(a) for name, a in factors.items()}
    return {
        "rmsnorm, one of two": lambda: rmsnorm.rmsnorm(x, gain, EPS),
        "multi_head_attention": lambda: multi_head.multi_head_attention(x, *given),
        "SwiGLU": lambda: block._swiglu(x, given[0]),
        "SwiGLU, backward": lambda: block._swiglu_backward(dout, mlp_cache),
        "rmsnorm_backward, one of two": lambda: rmsnorm.rmsnorm_backward(dout, x, gain, EPS),
        "multi_head_attention_backward": lambda: multi_head.multi_head_attention_backward(
            dout, mha_cache
        ),
        "in it, computed once more by a pure function: the probabilities": (
            lambda: attention._probabilities(q, q, True)
        ),
        "all matrix products that a block needs, and nothing else, in NumPy": (
            lambda: _products(factors)
        ),
        "the same products in PyTorch": lambda: _products(tensors),
    }


def _factors(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays with the shapes of what is multiplied in a block; tokens are rows of one matrix."""
    heads = arrays["x"].reshape(B, T, N_HEADS, -1).swapaxes(1, 2).copy()
    rows = arrays["x"].reshape(B * T, D_MODEL)
    return {
        "rows": rows,
        "hidden": rows @ arrays["w_gate"],
        "heads": heads,
        "probs": heads @ heads.mT,
        **{name: w for name, w in arrays.items() if name.startswith("w_")},
    }


def _products(f: Mapping[str, Any]) -> None:
    """Every matrix product of one forward and backward: 3 per weight, 6 in the attention."""
    rows, hidden, heads, probs = f["rows"], f["hidden"], f["heads"], f["probs"]
    for name in ("w_q", "w_k", "w_v", "w_o"):
        rows @ f[name], rows @ f[name].mT, rows.mT @ rows
    for name in ("w_gate", "w_up"):
        rows @ f[name], hidden @ f[name].mT, rows.mT @ hidden
    hidden @ f["w_down"], rows @ f["w_down"].mT, hidden.mT @ rows
    heads @ heads.mT, probs @ heads  # scores and output, then the gradients of probs, q, k and v
    heads @ heads.mT, probs @ heads, probs.mT @ heads, probs.mT @ heads


def _refuse_unless_close(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    import numpy as np

    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        scale = float(gradient.abs().max())
        assert np.allclose(ours[name], gradient.numpy(), atol=1e-4 * scale), name


def _in_turns(steps: Mapping[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """Medians of wall and CPU seconds; in turns, so that a busy machine is busy for all alike."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for number in range(ROUNDS + 5):
        for name, step in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            step()
            if number >= 5:  # the first ones also fill caches and allocators
                taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        name: (median(w for w, _ in pairs), median(c for _, c in pairs))
        for name, pairs in taken.items()
    }


if __name__ == "__main__":
    main()
