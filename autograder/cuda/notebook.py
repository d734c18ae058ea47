"""Kernels as Python functions on the CPU, for notebooks: `load("k.cu").row_sum[4, 64](x, y, n)`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .build import Program, build
from .launch import Argument, Launch, Report, Size
from .problem import Refused
from .running import launch
from .toolchain import Tier


class Kernels:
    """The kernels of one file. `kernels.name[grid, block, shared](*arguments)` launches one; arrays
    are written in place, as on a device, and what was seen to be wrong is in the report."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def __getattr__(self, name: str) -> "Configurable":
        if name.startswith("_") or name not in self._program.kernels:
            known = ", ".join(self._program.kernels)
            raise AttributeError(f"there is no kernel {name} in this file, only {known}")
        return Configurable(self._program, name)

    def __dir__(self) -> list[str]:
        return list(self._program.kernels)


class Configurable:
    """A kernel that still waits for its grid and block."""

    def __init__(self, program: Program, name: str) -> None:
        self._program, self._name = program, name

    def __getitem__(self, configuration: tuple[Any, ...]) -> Callable[..., Report]:
        grid, block, *rest = configuration
        return lambda *args, **more: self._run(grid, block, rest[0] if rest else 0, args, **more)

    def _run(
        self, grid: Size, block: Size, shared: int, args: tuple[Argument, ...], **more: Any
    ) -> Report:
        one = Launch(self._name, grid, block, args, shared=shared, **more)
        report = launch(self._program, one)
        names = self._program.source.parameters_of(self._name)
        for position, value in enumerate(args):
            name = names[position] if position < len(names) else f"argument {position + 1}"
            if isinstance(value, np.ndarray) and name in report.outputs:
                value[...] = report.outputs[name]
        return report


def load(path: Path | str, *, tier: Tier = Tier.CHECKED, kernels: tuple[str, ...] = ()) -> Kernels:
    """Build a .cu file and hand out its kernels.

    Args:
        path: The file.
        tier: The checked build tells of races and wild accesses; the plain one is faster.
        kernels: Instances of templates.

    Raises:
        Unavailable: There is no compiler.
        SyntaxError: The file cannot be built; the text says why, line by line.
    """
    try:
        return Kernels(build(Path(path), tier, kernels=kernels))
    except Refused as error:
        raise SyntaxError("\n".join(map(str, error.problems))) from None
