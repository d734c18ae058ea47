"""What the products of one decoded token take, and nothing else, for weights kept in several ways.

Run by `solutions.benchmarks.engine` in a process of its own; prints Markdown tables.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

PASSES, ROUNDS = 4, 9
# (in, out) of every weight that is multiplied with a row.
Shapes = list[tuple[int, int]]
Ways = dict[str, tuple[list[Callable[[], object]], int]]


def shapes_of(vocab_size: int, d_model: int, n_layers: int, d_ff: int) -> Shapes:
    """Queries, keys and values in one; output; gate and up in one; down; and the head."""
    d = d_model
    return [(d, 3 * d), (d, d), (d, 2 * d_ff), (d_ff, d)] * n_layers + [(d, vocab_size)]


def table(name: str, shapes: Shapes) -> None:
    """Measure every way, in turns, and print."""
    ways = {**_numpy(shapes), **_torch(shapes)}
    taken: dict[str, list[float]] = {label: [] for label in ways}
    for _ in range(ROUNDS):
        for label, (products, _) in ways.items():
            _pass(products)  # so that the cache holds these weights and not the last ones
            start = time.process_time()
            for _ in range(PASSES):
                _pass(products)
            taken[label].append((time.process_time() - start) / PASSES)
    print(f"{name}: all products of one token, and nothing else.\n")
    print("| weights | CPU ms | read, GB/s |\n| --- | ---: | ---: |")
    numbers = sum(a * b for a, b in shapes)
    for label, (_, itemsize) in ways.items():
        seconds = median(taken[label])
        print(f"| {label} | {1e3 * seconds:.2f} | {numbers * itemsize / seconds / 1e9:.1f} |")
    print()


def _pass(products: list[Callable[[], object]]) -> None:
    for product in products:
        product()


def _numpy(shapes: Shapes) -> Ways:
    from ..engine.numpy_engine import floats
    from ..engine.shelf import Shelf

    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
    shelf = Shelf(sum(w.nbytes for w in weights), len(weights))

    def one(w: Any, keep: Callable[[Any], Any]) -> Callable[[], object]:
        x, out = np.ones((1, w.shape[0]), np.float32), np.empty((1, w.shape[1]), np.float32)
        product = keep(w)
        return lambda: product(x, out)

    def alone(order: Any) -> Callable[[Any], Any]:
        def keep(w: Any) -> Any:
            kept = np.array(w, order=order or ("F" if w.shape[0] > w.shape[1] else "C"))
            return lambda x, out: np.dot(x, kept, out=out)

        return keep

    keeps: dict[str, Callable[[Any], Any]] = {
        "NumPy: longer axis contiguous, in one piece (the engine)": lambda w: floats(w, shelf),
        "NumPy: longer axis contiguous, an array each": alone(None),
        "NumPy: (in, out), an array each": alone("C"),
        "NumPy: (out, in), an array each": alone("F"),
    }
    return {label: ([one(w, keep) for w in weights], 4) for label, keep in keeps.items()}


def _torch(shapes: Shapes) -> Ways:
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    ways: dict[str, tuple[Callable[[int, int], Callable[[], object]], int]] = {}

    def linear(n_in: int, n_out: int) -> Callable[[], object]:
        x, w = torch.ones(1, n_in), torch.randn(n_out, n_in)
        return lambda: F.linear(x, w)

    def longer(n_in: int, n_out: int) -> Callable[[], object]:
        x, out = torch.ones(1, n_in), torch.empty(1, n_out)
        w = torch.randn(n_out, n_in).t() if n_in > n_out else torch.randn(n_in, n_out)
        return lambda: torch.mm(x, w, out=out)

    def whole(n_in: int, n_out: int, digits: int) -> Callable[[], object]:
        x, out = torch.ones(1, n_in, dtype=torch.int8), torch.empty(1, n_out, dtype=torch.int32)
        w = torch.ones(n_out, n_in, dtype=torch.int8).t()
        return lambda: [torch._int_mm(x, w, out=out) for _ in range(digits)]

    def packed(n_in: int, n_out: int) -> Callable[[], object]:
        x, scale = torch.ones(2, max(n_in, n_out), dtype=torch.bfloat16)
        w = torch.ones(n_out, n_in, dtype=torch.int8)
        return lambda: torch._weight_int8pack_mm(x[None, :n_in], w, scale[:n_out])

    ways["PyTorch: (out, in), F.linear"] = linear, 4
    ways["PyTorch: longer axis contiguous"] = longer, 4
    ways["PyTorch: int8, _int_mm, one digit"] = lambda a, b: whole(a, b, 1), 1
    ways["PyTorch: int8, _int_mm, two digits (the engine)"] = lambda a, b: whole(a, b, 2), 1
    ways["PyTorch: int8, _weight_int8pack_mm, in bfloat16"] = packed, 1
    return {label: ([make(*s) for s in shapes], size) for label, (make, size) in ways.items()}


def main() -> None:
    """Both sizes of the engines' benchmark."""
    from .engine import SHAPES

    for name, (vocab_size, d_model, n_layers, _, _, d_ff, _) in SHAPES.items():
        table(name, shapes_of(vocab_size, d_model, n_layers, d_ff))


if __name__ == "__main__":
    main()
