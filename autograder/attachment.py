"""A file of numbers that is handed in beside an exercise: read by us, strictly, and never run.

The format is safetensors: eight bytes with the length of a header, the header in JSON, and numbers.
Nothing of it is trusted: sizes, offsets, names, shapes and types are checked before an array is
made, and an array is a view of bytes that were read already.
"""

import hashlib
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import SubmissionError
from .notebook import MB, RawFile

SUFFIX = ".safetensors"
MAX_HEADER = 200_000
MAX_TENSORS = 2_000
MAX_METADATA = 10_000
# Bytes of a number, by what the format calls its type.
ITEMSIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
LITTLE = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}

Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Attached:
    """What was handed in: arrays by name and the text that came with them, or a `problem`.

    Attributes:
        tensors: Read-only float32 arrays by name.
        metadata: Texts by name, as they are in the file.
        sizes: What the names in the declared shapes turned out to be.
        problem: Why it counts for nothing: a sentence for the student.
        sha256: Of the whole file.
    """

    tensors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Attachment:
    """What may be handed in beside an exercise: `<exercise>.safetensors`, at most so large.

    Args:
        tensors: Shape by name, the only ones that are taken: `"layers.{i}.up": "d_ff d"`. `{i}`
            stands for 0, 1, ...; a word in a shape is one size throughout the file.
        max_bytes: A larger file is refused unread.
        optional: Names of `tensors` that may be missing.
        sizes: Sizes that are known, and the most that others may be: `{"rows": 65}`, `{"d": 512}`.
            Those in `exactly` have to be what is said.
        exactly: The names of `sizes` that leave no choice.
        example: A file that earns every point, from the folder of the checks; for `verify`.
    """

    tensors: Mapping[str, str]
    max_bytes: int
    optional: Sequence[str] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    exactly: Sequence[str] = ()
    example: Path | None = None

    def read(self, file: RawFile) -> Attached:
        """The arrays of `file`; what is wrong with it is its `problem`."""
        digest = hashlib.sha256(file.data).hexdigest()
        try:
            if len(file.data) > self.max_bytes:
                raise SubmissionError(
                    f"has more than the {self.max_bytes / MB:g} MB that are read; make the model "
                    "smaller, or save it as float16"
                )
            tensors, metadata = parse(file.data)
            sizes = self._fitted(tensors)
        except SubmissionError as problem:
            return Attached(problem=f"{file.name} {problem}.", sha256=digest)
        return Attached(tensors, metadata, sizes, sha256=digest)

    @cached_property
    def of_example(self) -> Attached | None:
        """The example, read as if it were handed in."""
        if self.example is None:
            return None
        return self.read(RawFile(self.example.name, self.example.name, self.example.read_bytes()))

    def _fitted(self, tensors: Tensors) -> dict[str, int]:
        """The named sizes.

        Raises:
            SubmissionError: A name is not declared or is missing, or a shape does not fit.
        """
        sizes = {name: self.sizes[name] for name in self.exactly}
        groups: dict[str, set[int]] = {}
        for name, array in tensors.items():
            pattern, number = self._declared(name)
            if number is not None:
                groups.setdefault(pattern, set()).add(number)
            self._fit(name, array.shape, self.tensors[pattern].split(), sizes)
        found = {self._declared(name)[0] for name in tensors}
        for pattern in self.tensors:
            if pattern not in found and pattern not in self.optional:
                raise SubmissionError(f"lacks {pattern.replace('{i}', '0')}")
        if len({frozenset(g) for g in groups.values()}) > 1 or any(
            g != set(range(len(g))) for g in groups.values()
        ):
            raise SubmissionError("has layers that are not complete: each has the same tensors")
        return sizes

    def _declared(self, name: str) -> tuple[str, int | None]:
        if name in self.tensors:
            return name, None
        pattern = re.sub(r"\.(0|[1-9]\d{0,3})\.", ".{i}.", name, count=1)
        if pattern in self.tensors:
            number = re.search(r"\.(\d+)\.", name)
            assert number is not None
            return pattern, int(number[1])
        raise SubmissionError(f"holds {shown(name)}, which this exercise does not know")

    def _fit(
        self, name: str, shape: tuple[int, ...], declared: Sequence[str], sizes: dict[str, int]
    ) -> None:
        want = [int(d) if d.isdigit() else sizes.get(d, self.sizes.get(d)) for d in declared]
        fits = len(shape) == len(declared) and all(
            have == size if d.isdigit() or d in sizes else 0 < have <= (size or sys.maxsize)
            for have, size, d in zip(shape, want, declared, strict=True)
        )
        new = dict(zip(declared, shape, strict=False))
        if not fits or any(new[d] != have for d, have in zip(declared, shape, strict=True)):
            said = ", ".join(
                d if s is None else f"{d} = {s}" for d, s in zip(declared, want, strict=True)
            )
            raise SubmissionError(f"has {name} of shape {shape}, expected ({said})")
        sizes.update({d: have for d, have in new.items() if not d.isdigit()})


def parse(data: bytes) -> tuple[Tensors, dict[str, str]]:
    """The arrays and the metadata of a file in the safetensors format.

    Raises:
        SubmissionError: The file is damaged, or holds what is not read here.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(MAX_HEADER, len(data) - 8):
        raise SubmissionError("is not a complete safetensors file; save it again")
    header = _header(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    texts = isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values())
    if not texts or sum(len(k) + len(v) for k, v in metadata.items()) > MAX_METADATA:
        raise SubmissionError("has metadata that are no short texts")
    if len(header) > MAX_TENSORS:
        raise SubmissionError(f"holds more than {MAX_TENSORS:,} tensors")
    entries = sorted(_entries(header), key=lambda e: e[3])
    body, at = memoryview(data)[8 + length :], 0
    tensors: Tensors = {}
    for name, kind, shape, begin, end in entries:
        if begin != at or end - begin != math.prod(shape) * ITEMSIZES[kind]:
            raise SubmissionError(f"says of {shown(name)} what its bytes do not bear out")
        at = end
        if end > len(body):
            raise SubmissionError("ends too early; save it again")
        tensors[name] = _array(body[begin:end], kind).reshape(shape)
        if not np.isfinite(tensors[name]).all():
            raise SubmissionError(f"has numbers in {shown(name)} that are not finite")
        tensors[name].flags.writeable = False
    if at != len(body):
        raise SubmissionError("has bytes that belong to no tensor")
    return tensors, metadata


def _header(text: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise SubmissionError("has a header that is not valid; save it again") from error
    if not isinstance(header, dict):
        raise SubmissionError("has a header that is not valid; save it again")
    return header


def _entries(header: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[int, ...], int, int]]:
    for name, entry in header.items():
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise SubmissionError(f"does not describe {shown(name)} as the format asks")
        kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(kind, str) or kind not in ITEMSIZES:
            raise SubmissionError(
                f"has {shown(name)} of a type that is not read: {', '.join(ITEMSIZES)} are"
            )
        if not (_whole(shape) and len(shape) <= 4 and _whole(offsets) and len(offsets) == 2):
            raise SubmissionError(f"does not describe {shown(name)} as the format asks")
        yield name, kind, tuple(shape), offsets[0], offsets[1]


def _whole(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 40 for v in values)


def _array(data: memoryview, kind: str) -> NDArray[np.float32]:
    if kind == "BF16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # what float32 does not hold is found to be infinite
        return np.frombuffer(data, LITTLE[kind]).astype(np.float32)


def shown(name: str) -> str:
    """A name out of a file, as a sentence may quote it."""
    plain = "".join(c if c.isalnum() or c in "._-" else "?" for c in name)
    return plain[:80] if plain.isascii() else plain.encode("ascii", "replace").decode()[:80]
