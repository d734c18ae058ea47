"""What a zygote imports before it closes itself off, so that workers find it ready.

Where files cannot be opened afterwards this is all there is, so the list is generous.
"""

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

STANDARD = """
__future__ abc argparse array ast asyncio base64 binascii bisect builtins bz2 calendar cmath
codecs collections.abc colorsys concurrent.futures concurrent.futures.thread contextlib
contextvars copy copyreg csv ctypes dataclasses datetime decimal difflib dis doctest
encodings.ascii encodings.cp1252 encodings.idna encodings.latin_1 encodings.unicode_escape
encodings.utf_16 encodings.utf_8_sig enum errno fileinput fractions functools gc getpass glob
graphlib gzip hashlib heapq hmac html importlib.abc importlib.resources importlib.util inspect
io itertools json keyword linecache locale logging lzma math mmap multiprocessing numbers opcode
operator optparse os pathlib pdb pickle platform pprint queue random re reprlib resource secrets
select selectors shlex shutil signal socket sqlite3 stat statistics string struct subprocess
symtable tempfile textwrap threading time timeit token tomllib tokenize traceback types typing
unicodedata unittest unittest.mock urllib.parse uuid warnings weakref zipfile zlib zoneinfo
"""

NUMPY = """
numpy numpy.char numpy.ctypeslib numpy.dtypes numpy.exceptions numpy.fft numpy.lib.format
numpy.lib.mixins numpy.lib.npyio numpy.lib.recfunctions numpy.lib.scimath numpy.lib.stride_tricks
numpy.linalg numpy.ma numpy.polynomial numpy.random numpy.rec numpy.strings numpy.testing
numpy.typing
"""

TORCH = """
torch torch.nn torch.nn.functional torch.nn.init torch.nn.utils torch.nn.utils.rnn
torch.nn.utils.parametrizations torch.nn.attention torch.optim torch.optim.lr_scheduler
torch.autograd torch.autograd.functional torch.autograd.gradcheck torch.func torch.linalg
torch.fft torch.special torch.utils.data torch.utils.checkpoint torch.distributions torch.testing
torch.amp torch._dynamo torch.utils._python_dispatch torch.utils.flop_counter
safetensors safetensors.numpy safetensors.torch
"""


class OnlyAllowed:
    """Stands before the search path and finds nothing but the standard library and `allowed`.

    A convenience, so that `try: import torch except ImportError` works where opening a file would
    give a PermissionError; the other layers are what keeps files out of reach.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = frozenset(allowed) | sys.stdlib_module_names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        top = name.partition(".")[0]
        if top not in self.allowed and not top.startswith("_sysconfigdata"):
            return None
        return PathFinder.find_spec(name, path, target)

    def invalidate_caches(self) -> None:
        PathFinder.invalidate_caches()


def preload(arrays: str, packages: Sequence[str]) -> None:
    """Import what a worker of this kind may want, and nothing else that happens to be installed.

    Args:
        arrays: "numpy", "torch", or "none" for the standard library alone.
        packages: Top-level names of the libraries that exist for this kind.
    """
    allowed: Any = OnlyAllowed({*packages, "_engine"})
    sys.meta_path[:] = [allowed if finder is PathFinder else finder for finder in sys.meta_path]
    if arrays == "none":
        return
    for name in f"{STANDARD} {NUMPY}".split():
        _try(name)
    _use_numpy()
    if arrays == "torch":
        torch = importlib.import_module("torch")
        for name in TORCH.split():
            _try(name)
        _use_torch(torch)


def _try(name: str) -> None:
    # A module that this version or build lacks is as absent for us as it is for a student.
    with contextlib.suppress(ImportError):
        importlib.import_module(name)


def _use_numpy() -> None:
    """Reach what NumPy sets up at first use: BLAS buffers, printing, the parts it loads late."""
    import numpy as np

    x = np.random.default_rng(0).standard_normal((64, 64))
    np.linalg.solve(x @ x.T + np.eye(64), x)
    np.einsum("ij,jk,kl->il", x, x, x, optimize=True)
    np.testing.assert_allclose(np.fft.ifft(np.fft.fft(x)), x, atol=1e-9)
    str(x)
    # `from numpy import *` reaches the parts that NumPy loads late, some with a warning.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in np.__all__:
            getattr(np, name)
    np.random.seed(0)


def _use_torch(torch: ModuleType) -> None:
    """Reach what PyTorch imports at first use: optimizers bring the compiler along."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    layer = torch.nn.Linear(4, 4)
    for make in (torch.optim.SGD, torch.optim.AdamW):
        optimizer = make(layer.parameters(), lr=1e-3)
        for parameter in layer.parameters():
            parameter.grad = torch.zeros_like(parameter)
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    x = torch.randn(2, 3, 4, 8)
    torch.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)
    torch.softmax(torch.einsum("bhtd,bhsd->bhts", x, x), -1)
    torch.linalg.svd(x[0, 0])
    str(x)
    torch.manual_seed(0)


def visible_paths(found: Sequence[str]) -> list[str]:
    """What of the file system a worker may see: the standard library's parts and `found`.

    The folder of the standard library is listed part by part, because in a plain installation it
    holds the folder of everything else that is installed.
    """
    hidden = {"site-packages", "dist-packages", "test", "idlelib", "ensurepip", "turtledemo"}
    paths: list[str] = []
    for folder in [p for p in sys.path if os.path.isdir(p)]:
        if any(folder.startswith(other + "/") for other in sys.path if other != folder):
            continue  # lib-dynload, a part of another one
        names = sorted(set(os.listdir(folder)) - hidden)
        paths += [os.path.join(folder, name) for name in names if not name.startswith("config-")]
    return [*paths, *found]
