"""The messages of the standard atom `kv`, as bytes and as values. docs/kv.md specifies them; `kv.h` is the twin in C.

Pure: knows no runtime. What a status means to a caller is the client's to say.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum, IntFlag
from typing import NamedTuple

from radon.abi.errors import Invalid

FORMAT = 1
"""Of the messages that this module makes and reads; a shard tells its own in the answer to `Op.INFO`."""

HEAD = 24
KEY_MAX = 65_520
VALUE_MAX = 8 << 20
BATCH_MAX = 16384
BATCH_BYTES = 4 << 20
TRANSACTION = 16
RUN = 19
"""The operation of a coordinator, std:txkv (docs/txkv.md)."""
PARTS_MAX = 1024
FOR_EVER = 2**64 - 1  # ns

_REQUEST = struct.Struct("<BBBxIQQ")
_ANSWER = struct.Struct("<BBxxIQQ")
_LENGTH = struct.Struct("<I")


class Op(IntEnum):
    """What is asked for."""

    INFO = 1
    GET = 2
    PUT = 3
    DELETE = 4
    COMPARE = 5
    ADD = 6
    APPEND = 7
    WRITE = 8
    EXPIRE = 9
    BATCH = 10
    SCAN = 11
    COMMAND = 12
    FETCH = 13
    STORE = 14
    PREPARE = 16
    COMMIT = 17
    ABORT = 18


class ReplicaOp(IntEnum):
    """What else replicas are asked for (docs/kvr.md)."""

    SESSION = 32
    VERSIONS = 33
    INSERT = 34
    REMOVE = 35


class Flag(IntFlag):
    """What a request may say beside its operation."""

    IF_ABSENT = 1
    IF_PRESENT = 2
    IF_VERSION = 4
    KEEP_EXPIRY = 8
    RELATIVE = 16
    GIVE_OLD = 32
    NO_VALUE = 64
    BOUNDED = 128


NO_FLAGS = Flag(0)
WAIT = Flag(1)
"""Of `ReplicaOp.SESSION`: the answer may come when the replica has seen enough."""


class Status(IntEnum):
    """What became of a request."""

    OK = 0
    ABSENT = 1
    CONFLICT = 2
    LOCKED = 3
    WRONG_TAG = 4
    NOT_A_NUMBER = 5
    OVERFLOW = 6
    TOO_LARGE = 7
    EXHAUSTED = 8
    INVALID = 9
    UNSUPPORTED = 10
    READY = 11
    UNANSWERED = 12  # of a coordinator: a shard failed or did not answer in time, and nothing was changed
    BEHIND = 13


class Answer(NamedTuple):
    """An answer, and each entry within one."""

    status: Status
    tag: int
    version: int
    expiry: int  # ns since 1970; 0: never
    value: bytes


class Info(NamedTuple):
    """What a shard tells of itself."""

    format: int
    shards: int  # 0: its host has not told it
    key_max: int
    value_max: int
    batch_max: int
    batch_bytes: int
    replicas: int = 1


class Page(NamedTuple):
    """What a scan of one shard found."""

    entries: list[tuple[bytes, Answer]]
    resume: bytes | None  # where the next scan starts; None: there is no more


def request(
    op: int, key: bytes = b"", payload: bytes = b"", *, flags: Flag = NO_FLAGS, tag: int = 0, version: int = 0,
    expiry: int = 0,
) -> bytes:  # fmt: skip
    """The bytes of a request. Raises Invalid for a number that does not fit into its field."""
    try:
        return _REQUEST.pack(op, flags, tag, len(payload), version, expiry) + payload + key
    except struct.error:
        raise Invalid(f"a tag is below 2^8, versions and times below 2^64: {tag}, {version}, {expiry}") from None


class Part(NamedTuple):
    """What a transaction does in one shard."""

    kind: str
    shard: int
    requests: tuple[bytes, ...]


def run(parts: Iterable[Part]) -> bytes:
    """What a coordinator is asked. Of a refusal `expiry` is the number of the part, and all else as in a batch."""
    bodies = []
    for kind, shard, requests in parts:
        name = kind.encode()
        bodies.append(bytes([len(name)]) + name + _LENGTH.pack(shard) + items(requests))
    return request(RUN, payload=items(bodies))


def parse(body: bytes) -> Answer:
    """All of `body` as one answer. Raises Invalid."""
    answer, end = _answer_at(body, 0)
    if end != len(body):
        raise Invalid("there is something behind the answer; is this address a kv?")
    return answer


def parse_many(value: bytes) -> list[Answer]:
    """The answers in that to a batch. Raises Invalid."""
    answers, at = [], 0
    while at < len(value):
        answer, at = _answer_at(value, at)
        answers.append(answer)
    return answers


def parse_page(value: bytes) -> Page:
    """The value of the answer to a scan. Raises Invalid."""
    resume, at = _bytes_at(value, 0)
    entries = []
    while at < len(value):
        key, at = _bytes_at(value, at)
        entry, at = _answer_at(value, at)
        entries.append((key, entry))
    return Page(entries, resume or None)


def parse_info(answer: Answer) -> Info:
    """The answer to `Op.INFO`; a later format may tell more. Raises Invalid."""
    if len(answer.value) < 20:
        raise Invalid("no answer to a question for its format; is this address a kv?")
    count = 6 if len(answer.value) >= 24 else 5
    return Info(answer.version, *struct.unpack_from(f"<{count}I", answer.value))


def parse_length(answer: Answer) -> int:
    """The u64 that tells how long a value is."""
    return int.from_bytes(answer.value, "little")


def items(requests: Iterable[bytes]) -> bytes:
    """The payload of a batch, or of what a transaction prepares."""
    return b"".join(part for each in requests for part in (_LENGTH.pack(len(each)), each))


def split_items(payload: bytes) -> Iterator[bytes]:
    """The requests in the payload of a batch. Raises Invalid."""
    at = 0
    while at < len(payload):
        item, at = _bytes_at(payload, at)
        yield item


def _answer_at(data: bytes, at: int) -> tuple[Answer, int]:
    if len(data) - at < HEAD:
        raise Invalid("an answer that is cut off; is this address a kv?")
    status, tag, size, version, expiry = _ANSWER.unpack_from(data, at)
    end = at + HEAD + size
    if status not in Status.__members__.values() or end > len(data):
        raise Invalid("no answer of this format; is this address a kv?")
    return Answer(Status(status), tag, version, expiry, data[at + HEAD : end]), end


def _bytes_at(data: bytes, at: int) -> tuple[bytes, int]:
    start = at + _LENGTH.size
    if start > len(data) or start + (length := _LENGTH.unpack_from(data, at)[0]) > len(data):
        raise Invalid("a key or request that is cut off; is this address a kv?")
    return data[start : start + length], start + length
