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
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

import radon.abi.crossing
import radon.abi.deployment
import radon.abi.exchange
import radon.abi.peers  # noqa: F401  (likewise)
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
    PEERS = 5  # what one host says to another (peers.py)
    EVENTS = 6  # of a recording (backends/segment.py)


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


_WRITE = {
    "s": "{0}.encode()",
    "b": "{0} if type({0}) is bytes else bytes({0})",
    "a": "nowhere if {0} is NOWHERE else encode_address({0})",
    "d": "encode_delivery({0})",
    "m": "encode_metadata({0}) if {0} else b''",
}
"""The bytes of a variable field, by the letter of its type: an expression."""

_READ = {
    "s": "data[{0}:{1}].decode()",
    "b": "data[{0}:{1}]",
    "a": "decode_address(data[{0}:{1}])",
    "d": "decode_delivery(data[{0}:{1}])",
    "m": "decode_metadata(data[{0}:{1}]) if {0} != {1} else ()",
}
"""Likewise the field that stands between two places of `data`."""


# ---- records ----


class _Codec(NamedTuple):
    """Writes and reads the records of one class; the tag is part of both."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes, int], tuple[Any, int]]  # the record at a place, and where the next one begins


@cache
def _compiled(cls: Any) -> _Codec:
    """Two functions that do what the layout says field by field, without looking at it again: most of the time that
    a message spends in Python would go there. Their source is made of letters and numbers of the layout alone."""
    layout = LAYOUTS[cls]
    count, variable = len(cls._fields), len(layout.variable)
    values = [f"v{at}" for at in range(count)]
    fixed, fields = values[: count - variable], list(zip(values[count - variable :], layout.variable, strict=True))
    packed = ", ".join(["tag", *fixed, *(f"len({field})" for field, _ in fields)])
    pieces = ", ".join(["head", *(field for field, _ in fields)])
    encode = [
        "def encode(record):",
        f"    [{', '.join(values)}] = record",
        *(f"    {field} = {_WRITE[kind].format(field)}" for field, kind in fields),
        f"    head = pack({packed})",
        f"    return join(({pieces}))" if fields else "    return head",
    ]
    decode = [
        "def decode(data, at):",
        f"    [_, {', '.join([*fixed, *(f'to_{field}' for field, _ in fields)])}] = unpack(data, at)",
        "    at += width",
    ]
    begin = "at"
    for field, _ in fields:
        decode.append(f"    to_{field} += {begin}")
        begin = f"to_{field}"
    decode.append(f"    if {begin} > len(data): raise FrameError('frame: a {cls.__name__} record is cut short')")
    end, begin = begin, "at"
    for field, kind in fields:
        decode.append(f"    {field} = {_READ[kind].format(begin, f'to_{field}')}")
        begin = f"to_{field}"
    decode.append(f"    return new(cls, ({''.join(f'{value}, ' for value in values)})), {end}")
    head = _head(layout)
    names: dict[str, Any] = {
        "FrameError": FrameError, "NOWHERE": NOWHERE, "cls": cls, "decode_address": _decode_address,
        "decode_delivery": decode_delivery, "decode_metadata": decode_metadata, "encode_address": _encode_address,
        "encode_delivery": encode_delivery, "encode_metadata": encode_metadata, "join": b"".join, "new": tuple.__new__,
        "nowhere": _encode_address(NOWHERE), "pack": head.pack, "tag": layout.tag, "unpack": head.unpack_from,
        "width": head.size,
    }  # fmt: skip
    exec(compile("\n".join(encode + decode), f"<codec of {cls.__name__}>", "exec"), names)
    return _Codec(names["encode"], names["decode"])


class _Codecs(dict[Any, Callable[..., Any]]):
    """Functions that are made when they are asked for first: compiling all would delay every start by 6 ms."""

    def __init__(self, make: Callable[[Any], Callable[..., Any]]) -> None:
        self._make = make

    def __missing__(self, key: Any) -> Callable[..., Any]:
        made = self[key] = self._make(key)
        return made


_CLASSES = {layout.tag: cls for cls, layout in LAYOUTS.items()}
_ENCODERS = _Codecs(lambda cls: _compiled(cls).encode)
_DECODERS = _Codecs(lambda tag: _compiled(_CLASSES[tag]).decode)


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


def decode_only(body: bytes, *kinds: type) -> list[Any]:
    """The records of a body that has none but these. Raises FrameError."""
    records = decode_all(body)
    for record in records:
        if type(record) not in kinds:
            raise FrameError(f"frame: a {type(record).__name__} has no place there")
    return records


def ends(body: bytes) -> Iterator[int]:
    """Where each record of a body ends, in order; they are not decoded. Raises FrameError."""
    at = 0
    while at < len(body):
        try:
            layout = LAYOUTS[_CLASSES[body[at]]]
            head = _head(layout)
            fields = head.unpack_from(body, at)
        except (KeyError, struct.error) as error:
            raise FrameError(f"frame: no record at byte {at}: {error}") from None
        at += head.size + sum(fields[len(fields) - len(layout.variable) :])
        yield at


@cache
def _head(layout: Layout) -> struct.Struct:
    """Tag, fixed fields and lengths: what stands before the variable fields."""
    return struct.Struct(f"<B{layout.fixed}{len(layout.variable)}I")


# ---- frames ----


def seal(kind: FrameType, body: bytes) -> bytes:
    """A frame around `body`."""
    return _HEADER.pack(MAGIC, VERSION, kind, len(body), zlib.crc32(body)) + body


def unseal(kind: FrameType, frame: bytes) -> bytes:
    """The body of a frame of this kind. Raises FrameError."""
    head = look(frame)
    body = frame[_HEADER.size :]
    if head.kind != kind:
        raise FrameError(f"frame: of type {head.kind}, not {kind.name.lower()}")
    if head.length != len(body) or head.crc != zlib.crc32(body):
        raise FrameError("frame: damaged (its length or checksum is wrong)")
    return body


class Head(NamedTuple):
    """What a frame says of itself."""

    kind: int  # a FrameType, if it is whole
    length: int  # of its body
    crc: int


HEAD_BYTES = _HEADER.size


def look(beginning: bytes) -> Head:
    """The head of the frame that begins so. Raises FrameError."""
    if len(beginning) < _HEADER.size:
        raise FrameError(f"frame: {len(beginning)} bytes are too few")
    magic, version, *head = _HEADER.unpack_from(beginning)
    if magic != MAGIC or version != VERSION:
        raise FrameError("frame: not written by this version of Radon")
    return Head(*head)
