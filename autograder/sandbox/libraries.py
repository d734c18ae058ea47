"""Which installed libraries each kind of zygote sees, and where they are."""

import importlib.util
import os
from dataclasses import dataclass
from typing import Literal

from ..errors import IsolationError

Arrays = Literal["numpy", "torch"]
NUMPY = ("numpy",)
TORCH = (
    "torch", "torchgen", "functorch", "triton", "typing_extensions", "sympy", "mpmath",
    "networkx", "jinja2", "markupsafe", "filelock", "fsspec", "safetensors",
)  # fmt: skip


@dataclass(frozen=True)
class Libraries:
    """Top-level names, the folders to search for them, and the paths that hold them."""

    packages: tuple[str, ...]
    search: tuple[str, ...]
    paths: tuple[str, ...]


def libraries(arrays: Arrays | Literal["none"]) -> Libraries:
    """The libraries of an exercise on NumPy arrays or PyTorch tensors; none for a trial.

    Raises:
        IsolationError: NumPy or PyTorch is not installed for this interpreter.
    """
    if arrays == "none":
        return Libraries((), (), ())
    names = NUMPY if arrays == "numpy" else (*NUMPY, *TORCH)
    packages, search, paths = [], dict[str, None](), list[str]()
    for name in names:
        found = _locate(name)
        if not found and name in ("numpy", "torch"):
            raise IsolationError(
                f"{name} is not installed for this Python, so exercises that use it cannot be "
                f"graded; install it and start again."
            )
        for path in found:
            search[os.path.dirname(path)] = None
            # Wheels keep the shared libraries of `numpy` in a folder next to it.
            paths += [p for p in (path, f"{path}.libs") if os.path.exists(p)]
        packages += [name] if found else []
    return Libraries(tuple(packages), tuple(search), tuple(paths))


def _locate(name: str) -> list[str]:
    spec = importlib.util.find_spec(name)
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [os.path.abspath(p) for p in spec.submodule_search_locations]
    return [os.path.abspath(spec.origin)] if spec.origin else []
