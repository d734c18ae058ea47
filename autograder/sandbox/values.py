"""Values as bytes, and back.

No payload can name a class or run code: a value is None, a number, a text or bytes of bounded
length, a container or a record of values, an array of an allowed dtype, or the number of something
that stays on one side.
Both sides use this file; only the supervisor's payloads are trusted.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..student import Laid, Layout

# One text, or one piece of bytes; and all of them in one value that a worker sends: a single rare
# character makes a text four times as long in memory.
TEXT_BYTES, ALL_TEXT_BYTES, SOURCE_BYTES = 1 << 20, 4 << 20, 4 << 20
MAX_DEPTH, MAX_ITEMS, MAX_NDIM, MAX_EMPTY = 32, 1 << 20, 8, 1 << 26

_NONE, _FALSE, _TRUE, _INT, _FLOAT, _NP_FLOAT, _TEXT, _TUPLE, _LIST, _DICT, _ARRAY, _BYTES = range(
    12
)
HANDLE_TAG, CALLBACK_TAG, ITEMS_TAG = 16, 17, 18
_SLICE, _ELLIPSIS, _RECORD = 19, 20, 21
LENT_TAG, OBJECT_TAG, TABLE_TAG = 22, 23, 24

DTYPES = ("f8", "f4", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
LAYOUTS: tuple[Layout, ...] = ("C", "F", "strided")
_CODES = {np.dtype(f"<{name}"): code for code, name in enumerate(DTYPES)}
_DTYPES = {code: np.dtype(f"<{name}") for code, name in enumerate(DTYPES)}
_I64, _F64, _U64, _U32 = (struct.Struct(f) for f in ("<q", "<d", "<Q", "<I"))
_READ_ONLY = 4
Buffer = bytes | bytearray | memoryview


class WireError(Exception):
    """A frame or a value that the wire refuses."""


@dataclass(frozen=True)
class Token:
    """The number of something that stays on one side: a handle, a callback, an iterator."""

    tag: int
    number: int


Other = Callable[[Any], Any]


class Writer:
    """Collects a value's bytes; large arrays are passed on without a copy."""

    def __init__(self, other: Other) -> None:
        self.other, self.parts, self.small, self.items = other, list[Buffer](), bytearray(), 0

    def put(self, value: Any, depth: int = 0) -> None:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise WireError("a value is nested too deeply or has too many items")
        write = _WRITERS.get(type(value))
        if write is None or not write(self, value, depth):
            substitute = self.other(value)
            if not _WRITERS[type(substitute)](self, substitute, depth):
                raise WireError("a value cannot be sent")

    def _plain(self, value: Any, depth: int) -> bool:
        self.small.append(_NONE if value is None else _TRUE if value else _FALSE)
        return True

    def _int(self, value: int, depth: int) -> bool:
        if not -(1 << 63) <= value < 1 << 63:
            return False
        self.small.append(_INT)
        self.small += _I64.pack(value)
        return True

    def _float(self, value: float, depth: int) -> bool:
        self.small.append(_FLOAT if type(value) is float else _NP_FLOAT)
        self.small += _F64.pack(value)
        return True

    def _text(self, value: str, depth: int) -> bool:
        try:
            raw = value.encode()
        except UnicodeEncodeError:
            return False
        if len(raw) > TEXT_BYTES:
            return False
        self.raw_text(raw)
        return True

    def raw_text(self, raw: bytes) -> None:
        self.small.append(_TEXT)
        self.small += _U32.pack(len(raw))
        self.small += raw

    def _bytes(self, value: bytes, depth: int) -> bool:
        if len(value) > TEXT_BYTES:
            return False
        self.small.append(_BYTES)
        self.small += _U32.pack(len(value))
        self.small += value
        return True

    def _sequence(self, value: tuple[Any, ...] | list[Any], depth: int) -> bool:
        self.small.append(_TUPLE if type(value) is tuple else _LIST)
        self.small += _U32.pack(len(value))
        for item in value:
            self.put(item, depth + 1)
        return True

    def _dict(self, value: dict[Any, Any], depth: int) -> bool:
        self.small.append(_DICT)
        self.small += _U32.pack(len(value))
        for key, item in value.items():
            if not isinstance(key, (str, int)):
                raise WireError("a dict's key is neither a text nor an integer")
            self.put(key, depth + 1)
            self.put(item, depth + 1)
        return True

    def _record(self, value: SimpleNamespace, depth: int) -> bool:
        if not all(type(name) is str for name in vars(value)):
            return False
        self.small.append(_RECORD)
        self.put(dict(vars(value)), depth + 1)
        return True

    def _slice(self, value: slice, depth: int) -> bool:
        self.small.append(_SLICE)
        for part in (value.start, value.stop, value.step):
            self.put(part, depth + 1)
        return True

    def _ellipsis(self, value: Any, depth: int) -> bool:
        self.small.append(_ELLIPSIS)
        return True

    def _token(self, value: Token, depth: int) -> bool:
        self.small.append(value.tag)
        self.small += _U64.pack(value.number)
        return True

    def _array(self, value: Any, depth: int, flags: int = 0) -> bool:
        little = value.dtype.newbyteorder("<")
        code = _CODES.get(little)
        if code is None or value.ndim > MAX_NDIM:
            return False
        array = np.asarray(value, dtype=little, order="C")
        self.small += bytes((_ARRAY, code, flags, array.ndim))
        self.small += struct.pack(f"<{array.ndim}Q", *array.shape)
        if array.nbytes < 4096:
            self.small += array.tobytes()
        else:
            self.parts += [self.small, array.reshape(-1).view(np.uint8).data]
            self.small = bytearray()
        return True

    def _laid(self, value: Laid, depth: int) -> bool:
        flags = LAYOUTS.index(value.layout) | (_READ_ONLY if value.read_only else 0)
        return self._array(np.asarray(value.array), depth, flags)


_WRITERS: dict[type, Callable[[Writer, Any, int], bool]] = {
    type(None): Writer._plain,
    bool: Writer._plain,
    int: Writer._int,
    float: Writer._float,
    np.float64: Writer._float,
    str: Writer._text,
    bytes: Writer._bytes,
    tuple: Writer._sequence,
    list: Writer._sequence,
    dict: Writer._dict,
    SimpleNamespace: Writer._record,
    slice: Writer._slice,
    type(Ellipsis): Writer._ellipsis,
    np.ndarray: Writer._array,
    Laid: Writer._laid,
    Token: Writer._token,
}


def refuse(value: Any) -> Any:
    """The `other` of a side that has nothing to put in a value's place."""
    raise WireError("a value cannot be sent")


class Reader:
    """Takes a value apart; every length is checked against what is left."""

    def __init__(self, payload: memoryview, token: Callable[[int, int], Any], ours: bool) -> None:
        self.payload, self.token, self.ours = payload, token, ours
        self.at, self.items, self.text = 0, 0, 0

    def take(self, size: int) -> memoryview:
        if size > len(self.payload) - self.at:
            raise WireError("a payload ends too early")
        self.at += size
        return self.payload[self.at - size : self.at]

    def value(self, depth: int = 0) -> Any:
        self.items += 1
        # Less for a worker: what it answers, check code may put into a list and send back, and
        # every item costs us time.
        deepest, most = (MAX_DEPTH, MAX_ITEMS) if self.ours else (MAX_DEPTH // 2, MAX_ITEMS // 16)
        if depth > deepest or self.items > most:
            raise WireError("a value is nested too deeply or has too many items")
        tag = self.take(1)[0]
        if tag <= _TRUE:
            return (None, False, True)[tag]
        if tag == _INT:
            return _I64.unpack(self.take(8))[0]
        if tag in (_FLOAT, _NP_FLOAT):
            number = _F64.unpack(self.take(8))[0]
            return number if tag == _FLOAT else np.float64(number)
        if tag == _TEXT:
            return str(self._long(), "utf-8")
        if tag == _BYTES:
            return bytes(self._long())
        if tag in (_TUPLE, _LIST, _DICT):
            return self._container(tag, depth)
        if tag == _ARRAY:
            return self._array()
        if tag == _RECORD:
            return self._record(depth + 1)
        if tag == HANDLE_TAG or CALLBACK_TAG <= tag <= ITEMS_TAG or LENT_TAG <= tag <= TABLE_TAG:
            return self.token(tag, _U64.unpack(self.take(8))[0])
        if self.ours and tag == _SLICE:
            return slice(*(self.value(depth + 1) for _ in range(3)))
        if self.ours and tag == _ELLIPSIS:
            return Ellipsis
        raise WireError("a payload holds an unknown tag")

    def _long(self) -> memoryview:
        size = _U32.unpack(self.take(4))[0]
        self.text += size
        if size > (SOURCE_BYTES if self.ours else TEXT_BYTES):
            raise WireError("a text is too long")
        if self.text > ALL_TEXT_BYTES and not self.ours:
            raise WireError("texts are too long in all")
        return self.take(size)

    def _container(self, tag: int, depth: int) -> Any:
        count = _U32.unpack(self.take(4))[0]
        if count > len(self.payload) - self.at:  # every item takes a byte at least
            raise WireError("a payload ends too early")
        if tag == _DICT:
            return dict(self._pair(depth + 1) for _ in range(count))
        items = [self.value(depth + 1) for _ in range(count)]
        return tuple(items) if tag == _TUPLE else items

    def _pair(self, depth: int) -> tuple[Any, Any]:
        key = self.value(depth)
        if not isinstance(key, (str, int)):
            raise WireError("a dict's key is neither a text nor an integer")
        return key, self.value(depth)

    def _record(self, depth: int) -> SimpleNamespace:
        fields = self.value(depth)
        if type(fields) is not dict or not all(type(name) is str for name in fields):
            raise WireError("a record's fields are refused")
        return SimpleNamespace(**fields)

    def _array(self) -> Any:
        code, flags, ndim = self.take(3)
        if code not in _DTYPES or ndim > MAX_NDIM or (flags and not self.ours):
            raise WireError("an array's dtype, dimensions or layout are refused")
        dtype = _DTYPES[code]
        shape = struct.unpack(f"<{ndim}Q", self.take(8 * ndim))
        count = 1
        for size in shape:
            count *= size
        if count == 0:
            array = np.zeros(_harmless(shape), dtype)
        else:
            raw = self.take(count * dtype.itemsize)
            array = np.frombuffer(raw, dtype, count).reshape(shape)
            # A bool that is neither 0 nor 1 makes NumPy contradict itself.
            array = array.view(np.uint8).astype(bool) if dtype == np.bool_ else array.copy()
        if not flags:
            return array
        return Laid(array, LAYOUTS[flags & 3], bool(flags & _READ_ONLY))


def _harmless(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape`, unless a sum along its empty axis would be enormous."""
    count = 1
    for size in shape:
        count *= max(size, 1)
    if count > MAX_EMPTY:
        raise WireError("an empty array has enormous dimensions")
    return shape


def load(payload: memoryview, token: Callable[[int, int], Any], *, ours: bool = False) -> Any:
    """The value in a payload.

    Args:
        payload: Bytes of one value.
        token: Called with a tag and a number for what stays on one side.
        ours: The payload comes from the supervisor: layouts, slices and source texts are allowed.

    Raises:
        WireError: The payload is anything but one well-formed value.
    """
    reader = Reader(payload, token, ours)
    try:
        value = reader.value()
    except (ValueError, TypeError, OverflowError, IndexError, struct.error) as error:
        raise WireError("a payload is malformed") from error
    if reader.at != len(payload):
        raise WireError("a payload goes on after its value")
    return value
