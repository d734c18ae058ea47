"""One set of inputs that a check is run on."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from .inputs import Input, Seed, draw


class Case:
    """Inputs of one size, drawn when first asked for and then kept.

    Attributes:
        sizes: The named sizes.
        dtype: What float arrays are rounded to.
        want: What a prepared check expects; None before.
        seconds: How long the reference took for it.
        arguments: Positional and keyword arguments of a prepared call.
        positional: The names of the positional arguments.
        label: The results' names for messages.
        measured: Whom check code measured with it last, and the number it found.
    """

    def __init__(
        self,
        inputs: Mapping[str, Input],
        sizes: Mapping[str, int],
        dtype: str,
        seed: Seed,
        names: tuple[str, ...],
    ) -> None:
        self.inputs, self.sizes, self.dtype = inputs, sizes, dtype
        self._seed, self._names = seed, names
        self.want: Any = None
        self.seconds = 0.0
        self.measured: tuple[object, float] = (None, 0.0)
        self.arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
        self.positional: tuple[str, ...] = ()
        self.label = "result"
        self._drawn: dict[tuple[str, ...], dict[str, Any]] = {}

    def values(self, names: tuple[str, ...]) -> dict[str, Any]:
        """The inputs `names`; the same every time, `rng` at the same state every time."""
        if names not in self._drawn:
            rng = self._seed.generator(*self._names)
            self._drawn[names] = draw(names, self.inputs, self.sizes, rng, self.dtype)
        drawn = self._drawn[names]
        if "rng" in drawn:
            drawn = {**drawn, "rng": self._seed.generator(*self._names, "rng")}
        return drawn

    def expect(self, compute: Callable[[], Any]) -> None:
        """Compute what is expected, and note how long that takes."""
        start = time.perf_counter()
        self.want = compute()
        self.seconds = time.perf_counter() - start
