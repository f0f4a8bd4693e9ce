"""Records and frames: what is written is read again, and nothing else is read."""

from __future__ import annotations

import math
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi import crossing, deployment, peers
from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery
from radon.abi.frames import (
    VERSION,
    FrameError,
    FrameType,
    decode_all,
    encode,
    encode_all,
    seal,
    unseal,
)
from radon.abi.records import LAYOUTS
from tests import arbitrary

CLASSES = sorted(LAYOUTS, key=lambda cls: LAYOUTS[cls].tag)

bodies = st.lists(arbitrary.records, max_size=6).map(encode_all)


def same(a: Any, b: Any) -> bool:
    """Equality of field values; a delivery's fields one by one, and NaN is itself."""
    if isinstance(a, Delivery) and isinstance(b, Delivery):
        return all(same(getattr(a, name), getattr(b, name)) for name in Delivery.__slots__)
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    if isinstance(a, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


def test_every_record_has_a_tag_of_its_own() -> None:
    tags = [layout.tag for layout in LAYOUTS.values()]
    assert len(set(tags)) == len(tags)


def test_the_tag_says_what_a_record_is_for() -> None:
    for cls, layout in LAYOUTS.items():
        tag = layout.tag
        module = r if tag < 64 else x if tag < 192 else deployment if tag < 224 else crossing if tag < 240 else peers
        assert cls.__module__ == module.__name__
        assert 0 < tag < 256
    assert LAYOUTS[x.Now].tag == 64
    assert LAYOUTS[x.Reply].tag == 128


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_layout_has_one_letter_for_each_field(cls: Any) -> None:
    layout = LAYOUTS[cls]
    fixed = len([char for char in layout.fixed if char.isalpha()])
    assert fixed + len(layout.variable) == len(cls._fields)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_every_record_is_read_as_it_was_written(cls: Any, data: st.DataObject) -> None:
    record = data.draw(arbitrary.records_of(cls))
    written = encode(record)
    (read,) = decode_all(written)
    assert same(record, read)
    assert encode(read) == written


@given(st.lists(arbitrary.records, max_size=8))
def test_a_body_is_its_records_in_order(batch: list[Any]) -> None:
    read = decode_all(encode_all(batch))
    assert len(read) == len(batch)
    assert all(map(same, batch, read))


def test_no_address_stays_the_one_that_is_compared_by_identity() -> None:
    (read,) = decode_all(encode(r.Delivered(Delivery(bytes(16)))))
    assert read.delivery.sender is NOWHERE
    assert read.delivery.reply is NOWHERE
    (read,) = decode_all(encode(r.Subscribed(NOWHERE)))
    assert read.subscriber is NOWHERE


@given(st.lists(arbitrary.records, min_size=1, max_size=3), st.data())
def test_a_body_that_is_cut_short_yields_no_record_of_the_cut_one(batch: list[Any], data: st.DataObject) -> None:
    whole = encode_all(batch)
    ends = {len(encode_all(batch[:count])) for count in range(len(batch) + 1)}
    cut = data.draw(st.integers(0, len(whole)))
    if cut in ends:
        assert encode_all(decode_all(whole[:cut])) == whole[:cut]
    else:
        with pytest.raises(FrameError):
            decode_all(whole[:cut])


def readable(body: bytes) -> bool:
    """Whether it is a body; what is one is read in full. Anything but FrameError fails the test."""
    try:
        found = decode_all(body)
    except FrameError:
        return False
    encode_all(found)  # every field is of its type
    return True


@given(st.binary(max_size=300))
def test_garbage_is_no_body(garbage: bytes) -> None:
    readable(garbage)
    assert not readable(b"\0" + garbage)  # no record has this tag


@given(st.sampled_from([LAYOUTS[cls].tag for cls in CLASSES]), st.binary(max_size=300))
def test_garbage_behind_a_tag_is_read_or_refused(tag: int, garbage: bytes) -> None:
    readable(bytes((tag,)) + garbage)


@given(bodies, st.data())
def test_a_changed_byte_is_read_or_refused(body: bytes, data: st.DataObject) -> None:
    """Without a checksum, as the parts of a commit are read: nothing worse than other records comes of it."""
    changed = bytearray(body or b"\x06")
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] = data.draw(st.integers(0, 255))
    readable(bytes(changed))


def test_lengths_of_4_gib_cost_nothing() -> None:
    for cls in CLASSES:
        hostile = bytes((LAYOUTS[cls].tag,)) + b"\xff" * 4096
        tracemalloc.start()
        try:
            readable(hostile)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1_000_000, cls


@pytest.mark.parametrize("short", range(1, 12))
def test_an_address_of_fewer_bytes_than_its_head_is_refused(short: int) -> None:
    body = bytes((LAYOUTS[r.ChildGone].tag,)) + short.to_bytes(4, "little") + bytes(short)
    with pytest.raises(FrameError):
        decode_all(body)


def test_a_delivery_with_bytes_behind_its_fields_is_refused() -> None:
    body = bytearray(encode(r.Delivered(Delivery(bytes(16), body=b"abc"))))
    length = int.from_bytes(body[1:5], "little")
    longer = bytes(body[:1]) + (length + 1).to_bytes(4, "little") + bytes(body[5:]) + b"!"
    with pytest.raises(FrameError, match="do not add up"):
        decode_all(longer)


def test_text_that_is_not_utf_8_is_refused() -> None:
    body = bytes((LAYOUTS[r.Deployed].tag,)) + (1).to_bytes(4, "little") + b"\xff"
    with pytest.raises(FrameError):
        decode_all(body)


def test_a_delivery_of_no_form_is_refused() -> None:
    body = bytearray(encode(r.Delivered(Delivery(bytes(16)))))
    body[1 + 4 + 32] = 9
    with pytest.raises(FrameError):
        decode_all(bytes(body))


# ---- frames ----


@given(st.sampled_from(FrameType), bodies)
def test_a_frame_gives_its_body_back(kind: FrameType, body: bytes) -> None:
    assert unseal(kind, seal(kind, body)) == body


def refused(kind: FrameType, frame: bytes) -> bool:
    try:
        unseal(kind, frame)
    except FrameError:
        return True
    return False


@given(bodies, st.data())
def test_every_truncation_of_a_frame_is_refused(body: bytes, data: st.DataObject) -> None:
    frame = seal(FrameType.LOG, body)
    cut = data.draw(st.integers(0, len(frame) - 1))
    assert refused(FrameType.LOG, frame[:cut])


@given(bodies, st.data())
def test_every_flipped_bit_in_a_frame_is_noticed(body: bytes, data: st.DataObject) -> None:
    frame = bytearray(seal(FrameType.LOG, body))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    assert refused(FrameType.LOG, bytes(frame))


@given(bodies, st.binary(min_size=1, max_size=20))
def test_bytes_behind_a_frame_are_refused(body: bytes, more: bytes) -> None:
    assert refused(FrameType.LOG, seal(FrameType.LOG, body) + more)


@given(st.binary(max_size=100), st.sampled_from(FrameType))
def test_garbage_is_no_frame(garbage: bytes, kind: FrameType) -> None:
    assert refused(kind, garbage)
    assert refused(kind, b"RDN" + bytes((VERSION, kind)) + garbage)


@given(st.sampled_from(FrameType), st.sampled_from(FrameType), bodies)
def test_a_frame_is_of_one_type(written: FrameType, wanted: FrameType, body: bytes) -> None:
    assert refused(wanted, seal(written, body)) == (written != wanted)


@given(bodies)
def test_a_frame_of_another_version_is_refused(body: bytes) -> None:
    frame = bytearray(seal(FrameType.LOG, body))
    frame[3] = VERSION + 1
    with pytest.raises(FrameError, match="not written by this version"):
        unseal(FrameType.LOG, bytes(frame))


def test_the_bytes_of_a_frame_do_not_change_unnoticed() -> None:
    """Version 0 may still change; then this test and the documents change with it."""
    body = encode(x.Post(1, 2, 1, Address("kind", "key", 3), NOWHERE, "p", "o", (("n", b"v"),), b"body"))
    assert body.hex(" ") == " ".join((
        "41", "01 00 00 00 00 00 00 00", "02 00 00 00 00 00 00 00", "01",
        "13 00 00 00", "0c 00 00 00", "01 00 00 00", "01 00 00 00", "0a 00 00 00", "04 00 00 00",
        "03 00 00 00 00 00 00 00", "04 00 00 00", "6b 69 6e 64", "6b 65 79",
        "00 00 00 00 00 00 00 00", "00 00 00 00",
        "70", "6f",
        "01 00 00 00", "01 00 00 00", "6e", "76",
        "62 6f 64 79",
    ))  # fmt: skip
    crc = zlib.crc32(body).to_bytes(4, "little")
    assert seal(FrameType.LOG, body) == b"RDN" + b"\0\4" + len(body).to_bytes(8, "little") + crc + body


@pytest.mark.parametrize("length", [2**32, 2**64 - 1])
def test_a_length_beyond_4_gib_is_read_as_what_it_is(length: int) -> None:
    frame = bytearray(seal(FrameType.LOG, b""))
    frame[5:13] = length.to_bytes(8, "little")
    with pytest.raises(FrameError, match="damaged"):
        unseal(FrameType.LOG, bytes(frame))


@pytest.mark.parametrize(
    "record",
    [x.Now(2**64), x.Now(-1), r.Step(1.5, 0), r.Delivered(Delivery(bytes(16), token=2**64))],
    ids=["too large", "negative", "no integer", "in a delivery"],
)
def test_a_field_that_does_not_fit_is_an_error_of_frames(record: Any) -> None:
    for write in (encode, lambda record: encode_all([x.Now(0), record])):
        with pytest.raises(FrameError, match="a record has a field that does not fit: "):
            write(record)


class Vast(bytes):
    """Stands for 4 GiB."""

    def __len__(self) -> int:
        return 2**32


def test_metadata_of_4_gib_are_an_error_of_frames() -> None:
    with pytest.raises(FrameError, match="does not fit"):
        encode(x.Reply(1, 0, (("n", Vast()),), b""))
