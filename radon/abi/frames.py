"""Records to bytes and back. A frame is a header and a batch of records; version 0 may still change.

What stays in the memory of a process goes as a body; a frame is made where it leaves it, for a disk or a network.

    frame   "RDN" version:u8 type:u8 length:u64 crc32:u32, then a body of `length` bytes
    body    records, one behind the other
    record  tag:u8, the fixed fields, a u32 length for each variable field, then the variable fields

All numbers are little-endian. The CRC is zlib's, over the body. A decoder trusts nothing: a frame that is short, of
another version or type, or inconsistent in any length raises FrameError and yields no record of that frame. So does
writing a record with a field that does not fit; a body may have any length, a field less than 4 GiB.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, NamedTuple

import radon.abi.crossing
import radon.abi.deployment
import radon.abi.exchange  # noqa: F401  (likewise)
from radon.abi.delivery import NOWHERE, Address, Delivery, Form, Metadata
from radon.abi.errors import RadonError
from radon.abi.records import LAYOUTS, Layout

VERSION = 0
MAGIC = b"RDN"
_HEADER = struct.Struct("<3sBBQI")
_ADDRESS = struct.Struct("<QI")
_DELIVERY = struct.Struct("<16s16sBIQQIQ6I")
_PAIR = struct.Struct("<II")


class FrameError(RadonError):
    """Bytes that are no frame of this version, or not of the type that was asked for; a record that makes none."""


class FrameType(IntEnum):
    SNAPSHOT = 3
    LOG = 4  # the durable part of a commit, as stores keep it


class Commit(NamedTuple):
    """All effects of a batch of turns, as bodies of records. False in `any` when there are none."""

    durable: bytes  # to the store, before anything of `outgoing` leaves
    outgoing: bytes  # leaves when `durable` is durable
    volatile: bytes  # leaves at once: casts, logs, metrics


# ---- field codecs ----


def _encode_address(address: Address) -> bytes:
    kind = address.kind.encode()
    return _ADDRESS.pack(address.life, len(kind)) + kind + address.key.encode()


def _decode_address(data: bytes) -> Address:
    life, size = _ADDRESS.unpack_from(data)
    if 12 + size > len(data):
        raise FrameError("frame: an address is shorter than it says")
    address = Address(data[12 : 12 + size].decode(), data[12 + size :].decode(), life)
    return address if address != NOWHERE else NOWHERE  # which is told by its identity


def encode_metadata(metadata: Metadata) -> bytes:
    """Name-value pairs, each as two u32 lengths and the bytes."""
    parts = []
    for name, value in metadata:
        text = name.encode()
        parts.append(_PAIR.pack(len(text), len(value)) + text + value)
    return b"".join(parts)


def decode_metadata(data: bytes) -> Metadata:
    pairs = []
    at = 0
    while at < len(data):
        names, values = _PAIR.unpack_from(data, at)
        at += 8
        end = at + names + values
        if end > len(data):
            raise FrameError("frame: metadata are shorter than they say")
        pairs.append((data[at : at + names].decode(), data[at + names : end]))
        at = end
    return tuple(pairs)


def encode_delivery(d: Delivery) -> bytes:
    """A delivery with everything but its place in a mailbox."""
    sender = b"" if d.sender is NOWHERE else _encode_address(d.sender)
    reply = b"" if d.reply is NOWHERE else _encode_address(d.reply)
    metadata = encode_metadata(d.metadata) if d.metadata else b""
    topic, pair = d.topic.encode(), d.pair.encode()
    fixed = _DELIVERY.pack(
        d.id, d.request, d.form | (d.cast << 7), d.attempt, d.deadline, d.token, d.code, d.life,
        len(sender), len(reply), len(topic), len(pair), len(metadata), len(d.body),
    )  # fmt: skip
    return b"".join((fixed, sender, reply, topic, pair, metadata, d.body))


def decode_delivery(data: bytes) -> Delivery:
    id, request, form, attempt, deadline, token, code, life, *sizes = _DELIVERY.unpack_from(data)
    at = _DELIVERY.size
    if at + sum(sizes) != len(data):
        raise FrameError("frame: a delivery's lengths do not add up")
    fields = []
    for size in sizes:
        fields.append(data[at : at + size])
        at += size
    sender, reply, topic, pair, metadata, body = fields
    return Delivery(
        id, Form(form & 0x7F), body=body, request=request, deadline=deadline, token=token, code=code, life=life,
        sender=_decode_address(sender) if sender else NOWHERE,
        reply=_decode_address(reply) if reply else NOWHERE,
        topic=topic.decode(), pair=pair.decode(), metadata=decode_metadata(metadata), cast=form >= 0x80,
        attempt=attempt,
    )  # fmt: skip


_ENCODE: dict[str, Callable[[Any], bytes]] = {
    "s": str.encode,
    "b": bytes,
    "a": _encode_address,
    "d": encode_delivery,
    "m": encode_metadata,
}
_DECODE: dict[str, Callable[[bytes], Any]] = {
    "s": bytes.decode,
    "b": bytes,
    "a": _decode_address,
    "d": decode_delivery,
    "m": decode_metadata,
}


# ---- records ----


def _codec(cls: Any, layout: Layout) -> tuple[Callable[[Any], bytes], Callable[[bytes, int], tuple[Any, int]]]:
    """The pair of functions that write and read one record class; the tag is part of both."""
    tag = layout.tag
    variable = len(layout.variable)
    fixed = len(cls._fields) - variable
    head = struct.Struct(f"<B{layout.fixed}{variable}I")
    writers = [_ENCODE[c] for c in layout.variable]
    readers = [_DECODE[c] for c in layout.variable]

    def encode(record: Any) -> bytes:
        tail = [write(value) for write, value in zip(writers, record[fixed:], strict=True)]
        return head.pack(tag, *record[:fixed], *map(len, tail)) + b"".join(tail)

    def decode(data: bytes, at: int) -> tuple[Any, int]:
        values = head.unpack_from(data, at)
        at += head.size
        tail = []
        for read, size in zip(readers, values[1 + fixed :], strict=True):
            end = at + size
            if end > len(data):
                raise FrameError(f"frame: a {cls.__name__} record is cut short")
            tail.append(read(data[at:end]))
            at = end
        return cls(*values[1 : 1 + fixed], *tail), at

    return encode, decode


_ENCODERS = {cls: _codec(cls, layout)[0] for cls, layout in LAYOUTS.items()}
_DECODERS = {layout.tag: _codec(cls, layout)[1] for cls, layout in LAYOUTS.items()}


def encode(record: Any) -> bytes:
    """The bytes of one record. Raises FrameError for a field of 4 GiB, or a number that is out of its range."""
    return encode_all((record,))


def encode_all(batch: Iterable[Any]) -> bytes:
    """The bytes of a body. Raises FrameError as `encode`."""
    try:
        return b"".join([_ENCODERS[type(record)](record) for record in batch])
    except struct.error as error:
        raise FrameError(f"frame: a record has a field that does not fit: {error}") from None


def decode_all(body: bytes) -> list[Any]:
    """The records of a body. Raises FrameError, and then returns none of them."""
    found = []
    at = 0
    try:
        while at < len(body):
            record, at = _DECODERS[body[at]](body, at)
            found.append(record)
    except (KeyError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise FrameError(f"frame: no record at byte {at}: {error}") from None
    return found


# ---- frames ----


def seal(kind: FrameType, body: bytes) -> bytes:
    """A frame around `body`."""
    return _HEADER.pack(MAGIC, VERSION, kind, len(body), zlib.crc32(body)) + body


def unseal(kind: FrameType, frame: bytes) -> bytes:
    """The body of a frame of this kind. Raises FrameError."""
    if len(frame) < _HEADER.size:
        raise FrameError(f"frame: {len(frame)} bytes are too few")
    magic, version, found, length, crc = _HEADER.unpack_from(frame)
    body = frame[_HEADER.size :]
    if magic != MAGIC or version != VERSION:
        raise FrameError("frame: not written by this version of Radon")
    if found != kind:
        raise FrameError(f"frame: of type {found}, not {kind.name.lower()}")
    if length != len(body) or crc != zlib.crc32(body):
        raise FrameError("frame: damaged (its length or checksum is wrong)")
    return body
