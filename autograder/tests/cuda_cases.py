"""Launches of the right kernels in `cuda_kernels.cu`, with their exact and honest results."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from autograder.cuda import Launch, Out, Source, bfloat16_bits, from_bfloat16
from autograder.cuda.examine import Case

FILE = Path(__file__).parent / "cuda_kernels.cu"
BARRIER = re.compile(r"__sync(threads|warp)\(\);")


def pieces() -> dict[str, str]:
    """The text of every kernel with its helpers, by the kernel's name."""
    _, *parts = re.split(r"^//// (\w+)\n", FILE.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def piece(name: str) -> Source:
    return Source(pieces()[name], f"{name}.cu")


def without_each_barrier(name: str) -> Iterator[tuple[int, str]]:
    """The line of each barrier of a kernel, and the kernel without it."""
    text = pieces()[name]
    for found in BARRIER.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield line, text[: found.start()] + " " * len(found[0]) + text[found.end() :]


def _rows(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(int(np.prod(shape))).standard_normal(shape).astype(np.float32)


def _row_sum_tree(n: int = 100, block: int = 64) -> Case:
    x = _rows((5, n))
    launch = Launch("row_sum_tree", 5, block, [x, Out(5), n])
    exact = x.astype(np.float64).sum(1)
    return Case(launch, {"out": exact}, {"out": x.sum(1)}, owner={"out": np.arange(5)})


def _row_center() -> Case:
    x = _rows((4, 90))
    exact = x - x.astype(np.float64).mean(1, keepdims=True)
    honest = x - x.mean(1, keepdims=True)
    launch = Launch("row_center", 4, 64, [x, Out((4, 90)), Out(4), 90])
    return Case(
        launch,
        {"out": exact, "spread": np.abs(exact).max(1)},
        {"out": honest, "spread": np.abs(honest).max(1)},
        owner={"out": np.repeat(np.arange(4), 90).reshape(4, 90), "spread": np.arange(4)},
    )


def _row_max_warp() -> Case:
    x = _rows((6, 50))
    return Case(Launch("row_max_warp", 2, 128, [x, Out(6), 6, 50]), {"out": x.max(1)})


def _row_norm_two_stage() -> Case:
    x = _rows((3, 130))
    wide = x.astype(np.float64)
    exact = wide / np.sqrt((wide**2).mean(1, keepdims=True) + 1e-5)
    honest = x / np.sqrt((x**2).mean(1, keepdims=True) + np.float32(1e-5))
    launch = Launch("row_norm_two_stage", 3, 96, [x, Out((3, 130)), 130, 1e-5])
    return Case(launch, {"out": exact}, {"out": honest})


def _tiled_product() -> Case:
    a, b = _rows((10, 21)), _rows((21, 13))
    launch = Launch("tiled_product", (2, 2), (8, 8), [a, b, Out((10, 13)), 10, 13, 21])
    exact = a.astype(np.float64) @ b.astype(np.float64)
    return Case(launch, {"c": exact}, {"c": a @ b}, c=3)


def _transpose() -> Case:
    x = _rows((20, 35))
    launch = Launch("transpose", (3, 2), (16, 16), [x, Out((35, 20)), 20, 35])
    return Case(launch, {"out": x.T})


def _split_and_combine() -> Case:
    lengths = np.array([40, 1, 7], np.int32)
    score, value = _rows((3, 40)), _rows((3, 40, 32))
    exact, honest = [], []
    for b, n in enumerate(lengths):
        score[b, n:] = value[b, n:] = np.nan
        for results, kind in ((exact, np.float64), (honest, np.float32)):
            s, v = score[b, :n].astype(kind), value[b, :n].astype(kind)
            p = np.exp(s - s.max())
            results.append(p @ v / p.sum())
    launch = Launch("split_and_combine", 3, 128, [score, value, lengths, Out((3, 32)), 40])
    return Case(launch, {"out": np.array(exact)}, {"out": np.array(honest)}, c=3)


def _histogram() -> Case:
    x = np.random.default_rng(0).integers(0, 16, 500).astype(np.int32)
    launch = Launch("histogram", 3, 64, [x, np.zeros(16, np.int32), 500])
    return Case(launch, {"counts": np.bincount(x, minlength=16)})


def _prefix_sum() -> Case:
    x = np.random.default_rng(0).integers(-9, 9, 60).astype(np.int32)
    launch = Launch("prefix_sum", 1, 64, [x, Out(60, np.int32), 60], shared=2 * 64 * 4)
    return Case(launch, {"out": np.cumsum(x)})


def _smooth() -> Case:
    x, w = _rows((150,)), np.array([0.1, 0.2, 0.4, 0.2, 0.1], np.float32)
    padded = np.pad(x, 2)
    exact = np.convolve(padded.astype(np.float64), w.astype(np.float64), "valid")
    launch = Launch("smooth", 3, 64, [x, Out(150), 150], constants={"weights": w})
    return Case(launch, {"out": exact}, {"out": np.convolve(padded, w, "valid")})


def _warp_scan() -> Case:
    x = _rows((128,))
    launch = Launch("warp_scan", 2, 64, [x, Out(128), 128])
    by_warp = x.reshape(4, 32)
    exact = np.cumsum(by_warp.astype(np.float64), 1).ravel()
    return Case(launch, {"out": exact}, {"out": np.cumsum(by_warp, 1).ravel()})


def _scale_vectors() -> Case:
    x = _rows((100,))
    launch = Launch("scale_vectors", 2, 8, [x, Out(100), 3.0, 25])
    return Case(launch, {"out": x * 3})


def _half_sum() -> Case:
    x, y = _rows((70,)).astype(np.float16), from_bfloat16(bfloat16_bits(_rows((71,))[:70]))
    launch = Launch("half_sum", 3, 32, [x, bfloat16_bits(y), Out(70, np.float16), 70])
    return Case(launch, {"out": (x.astype(np.float32) + y).astype(np.float16)})


def _tensor_product() -> Case:
    a, b = _rows((32, 48)).astype(np.float16), _rows((48, 32)).astype(np.float16)
    exact = 2 * (a.astype(np.float64) @ b.astype(np.float64))
    honest = 2 * (a.astype(np.float32) @ b.astype(np.float32))
    launch = Launch("tensor_product", (1, 2), 64, [a, b, Out((32, 32)), 32, 32, 48])
    return Case(launch, {"c": exact}, {"c": honest}, c=3)


def _last_block() -> Case:
    x = _rows((96,))
    results = []
    for kind in (np.float64, np.float32):
        part = x.astype(kind).reshape(3, 32).sum(1)
        results.append(part + part[::-1])
    launch = Launch("last_block", 3, 32, [x, Out(3), np.zeros(1, np.int32), Out(3), 96])
    return Case(launch, {"out": results[0]}, {"out": results[1]}, c=3)


def cases() -> dict[str, Case]:
    """One case for every kernel, by its name."""
    made = [
        _row_sum_tree(), _row_center(), _row_max_warp(), _row_norm_two_stage(), _tiled_product(),
        _transpose(), _split_and_combine(), _histogram(), _prefix_sum(), _smooth(), _warp_scan(),
        _scale_vectors(), _half_sum(), _tensor_product(), _last_block(),
    ]  # fmt: skip
    return {case.launch.kernel: case for case in made}
