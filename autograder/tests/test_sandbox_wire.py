import contextlib
import os
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandbox import values, wire
from autograder.student import Laid, laid

DTYPES = [np.dtype(name) for name in values.DTYPES]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, max_side=4))
)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.binary(max_size=40),
)
KEYS = st.one_of(st.text("abc", max_size=5), st.integers(-9, 9))
VALUES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=8,
)


def payload(value: Any, other: Any = values.refuse) -> bytes:
    return b"".join(bytes(b) for b in wire.dump(wire.VALUE, 7, value, other))[wire.HEADER.size :]


def taken(raw: bytes, *, ours: bool = False) -> Any:
    return values.load(memoryview(raw), lambda tag, number: ("token", tag, number), ours=ours)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return bool(a == b or (a != a and b != b))


@given(VALUES)
@example(np.array(True))
@example(np.zeros((2, 0, 3), np.int8))
@example([(), {}, float("nan"), -0.0])
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert same(taken(payload(value)), value)


@given(VALUES, st.data())
def test_a_damaged_payload_gives_a_value_or_is_refused(value: Any, data: st.DataObject) -> None:
    raw = bytearray(payload(value))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    for ours in (False, True):
        try:
            taken(bytes(raw), ours=ours)
        except values.WireError:
            continue


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_are_refused(raw: bytes) -> None:
    try:
        taken(raw)
    except values.WireError:
        return


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=300), st.integers(0, 100))
def test_any_stream_gives_frames_or_is_refused(raw: bytes, cut: int) -> None:
    good = b"".join(bytes(b) for b in wire.dump(wire.VALUE, 1, [1, "two"]))
    read, write = os.pipe()
    try:
        os.write(write, good + good[:cut] + raw)
        os.close(write)
        inbox = wire.Inbox(read)
        frames = []
        with pytest.raises((EOFError, values.WireError)):
            while True:
                frames.append(inbox.advance(1000))
        whole = [frame for frame in frames if frame is not None]
        assert taken(bytes(whole[0].payload)) == [1, "two"]
    finally:
        os.close(read)


def test_frames_that_arrive_byte_by_byte_are_put_together() -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    inbox = wire.Inbox(read)
    x = np.arange(6.0)
    stream = b"".join(bytes(b) for number in (1, 2) for b in wire.dump(wire.VALUE, number, x))
    arrived = []
    for i in range(len(stream)):
        os.write(write, stream[i : i + 1])
        with contextlib.suppress(BlockingIOError):
            frame = inbox.advance(1000)
            arrived += [frame] if frame else []
    os.close(write)
    os.close(read)
    assert [frame.request for frame in arrived] == [1, 2]
    assert np.array_equal(taken(bytes(arrived[1].payload)), x)


def test_a_long_frame_is_refused_by_its_header() -> None:
    read, write = os.pipe()
    os.write(write, wire.HEADER.pack(wire.MAGIC, wire.VALUE, 1, 1 << 40))
    with pytest.raises(values.WireError, match=r"of 1099511627776 bytes was refused; at most 1000"):
        wire.Inbox(read).advance(1000)
    os.close(write)
    os.close(read)


def test_an_array_may_not_claim_more_than_has_arrived() -> None:
    raw = bytearray(payload(np.zeros(4)))
    raw[4:12] = struct.pack("<Q", 1 << 60)
    with pytest.raises(values.WireError, match="ends too early"):
        taken(bytes(raw))


def test_a_list_may_not_claim_more_than_has_arrived() -> None:
    raw = bytearray(payload([None, None]))
    raw[1:5] = struct.pack("<I", 0xFFFFFFFF)
    with pytest.raises(values.WireError, match="ends too early"):
        taken(bytes(raw))


def test_an_empty_array_with_enormous_dimensions_is_refused() -> None:
    raw = bytearray(payload(np.zeros((0, 3))))
    raw[12:20] = struct.pack("<Q", 1 << 60)
    with pytest.raises(values.WireError, match="enormous"):
        taken(bytes(raw))


def test_deep_nesting_is_refused_on_both_sides() -> None:
    value: Any = 1
    for _ in range(values.MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(values.WireError, match="nested too deeply"):
        payload(value)
    deep = payload([1])[:5] * 100 + b"\x00"
    with pytest.raises(values.WireError, match="nested too deeply"):
        taken(deep)


def test_a_bool_that_is_neither_becomes_true() -> None:
    raw = bytearray(payload(np.array([True, False])))
    raw[-2:] = b"\x07\x00"
    array = taken(bytes(raw))
    assert array.dtype == np.bool_
    assert array.view(np.uint8).tolist() == [1, 0]


def test_arrays_arrive_writable_and_apart_from_the_payload() -> None:
    raw = bytearray(payload(np.arange(3.0)))
    array = values.load(memoryview(raw), lambda tag, number: None)
    raw[-8:] = bytes(8)
    array[0] = 5
    assert array.tolist() == [5, 1, 2]


def test_a_layout_is_carried_from_us_and_refused_from_them() -> None:
    raw = payload(laid(np.arange(6.0).reshape(2, 3), "F", read_only=True))
    value = taken(raw, ours=True)
    assert isinstance(value, Laid)
    assert (value.layout, value.read_only) == ("F", True)
    with pytest.raises(values.WireError, match="layout"):
        taken(raw)


def test_a_slice_is_carried_from_us_and_refused_from_them() -> None:
    raw = payload((slice(None, 2, 1), Ellipsis))
    assert taken(raw, ours=True) == (slice(None, 2, 1), Ellipsis)
    with pytest.raises(values.WireError, match="unknown tag"):
        taken(raw)


def test_another_byte_order_and_memory_order_arrive_as_usual() -> None:
    x = np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3))
    assert taken(payload(x)).tolist() == x.tolist()
    assert taken(payload(x)).dtype == np.int32


@pytest.mark.parametrize(
    "value",
    [
        1 << 63,
        "x" * (values.TEXT_BYTES + 1),
        bytes(values.TEXT_BYTES + 1),
        "\ud800",
        bytearray(2),
        object(),
        np.zeros(1, "c16"),
    ],
)
def test_what_has_no_form_is_left_to_the_side_that_sends(value: Any) -> None:
    raw = payload([value], lambda v: values.Token(values.HANDLE_TAG, 3))
    assert taken(raw) == [("token", values.HANDLE_TAG, 3)]


def test_long_texts_and_bytes_come_back_as_they_were() -> None:
    text = "\U0001f642 ein langer Text " * 3000
    value = [text, text.encode(), {256: b"\x00\xff", 257: b""}, bytes(values.TEXT_BYTES)]
    assert same(taken(payload(value)), value)


@pytest.mark.parametrize("value", ["ab", b"ab"])
def test_a_text_may_claim_neither_more_than_has_arrived_nor_more_than_is_taken(value: Any) -> None:
    raw = bytearray(payload(value))
    raw[1:5] = struct.pack("<I", 3)
    with pytest.raises(values.WireError, match="ends too early"):
        taken(bytes(raw))
    raw[1:5] = struct.pack("<I", values.TEXT_BYTES + 1)
    long = bytes(raw) + bytes(values.TEXT_BYTES)
    with pytest.raises(values.WireError, match="a text is too long"):
        taken(long)
    assert len(taken(long[: 5 + values.TEXT_BYTES + 1], ours=True)) == values.TEXT_BYTES + 1


def test_bytes_are_no_key() -> None:
    with pytest.raises(values.WireError, match="neither a text nor an integer"):
        payload({b"key": 1})
    raw = bytes([9]) + struct.pack("<I", 1) + payload(b"key") + payload(1)
    with pytest.raises(values.WireError, match="neither a text nor an integer"):
        taken(raw)


def test_all_texts_of_a_value_together_are_bounded_for_them_and_not_for_us() -> None:
    raw = payload(["x" * values.TEXT_BYTES, bytes(values.TEXT_BYTES)] * 2 + ["y"])
    with pytest.raises(values.WireError, match="too long in all"):
        taken(raw)
    assert len(taken(raw, ours=True)) == 5
