"""`state`: the atom's own durable entries. Writes go into the image at once and are undone with the turn."""

from __future__ import annotations

from collections.abc import Iterator

from radon.abi.errors import Exhausted, Invalid, TooLarge
from radon.host.limits import (
    BUCKETS,
    ENTRY_OVERHEAD,
    NAME_BYTES,
    SCAN_BYTES,
    STATE_KEY_BYTES,
    SYSCALL_FUEL,
    WRITE_FUEL,
)  # fmt: skip
from radon.host.turn import Turn


def open(turn: Turn, name: str) -> str:
    """A bucket is its name; it exists while it has entries."""
    if not name:
        raise Invalid("a bucket needs a name")
    if len(name.encode()) > NAME_BYTES:
        raise TooLarge(f"a bucket's name of more than {NAME_BYTES} bytes")
    return name


def bucket_get(turn: Turn, bucket: str, key: bytes) -> bytes | None:
    entries = turn.atom.buckets.get(bucket)
    found: bytes | None = entries.get(key) if entries is not None else None
    return found


def bucket_get_many(turn: Turn, bucket: str, keys: list[bytes]) -> list[bytes | None]:
    return [bucket_get(turn, bucket, key) for key in keys]


def bucket_put(turn: Turn, bucket: str, key: bytes, value: bytes) -> None:
    if len(key) > STATE_KEY_BYTES:
        raise TooLarge(f"a key of {len(key)} bytes; at most {STATE_KEY_BYTES}")
    old = bucket_get(turn, bucket, key)
    more = len(value) - len(old) if old is not None else len(key) + len(value) + ENTRY_OVERHEAD
    if more > 0 and turn.atom.used + more > turn.kind.limits.state:
        raise Exhausted(f"the atom's state is full ({turn.kind.limits.state} bytes, limits.state)")
    if bucket not in turn.atom.buckets and len(turn.atom.buckets) >= BUCKETS:
        raise Exhausted(f"the atom has {BUCKETS} buckets with entries")
    _write(turn, bucket, key, value)


def bucket_delete(turn: Turn, bucket: str, key: bytes) -> None:
    if bucket_get(turn, bucket, key) is not None:
        _write(turn, bucket, key, None)


def bucket_delete_range(turn: Turn, bucket: str, start: bytes | None, end: bytes | None) -> None:
    keys = []
    for key in _range(turn, bucket, start, end, False):
        turn.spend(SYSCALL_FUEL)
        keys.append(key)
    for key in keys:
        _write(turn, bucket, key, None)


def bucket_add(turn: Turn, bucket: str, key: bytes, delta: int) -> int:
    old = bucket_get(turn, bucket, key)
    if old is not None and len(old) != 8:
        raise Invalid(f"the value has {len(old)} bytes; add needs 8")
    number = int.from_bytes(old, "little", signed=True) if old is not None else 0
    number = (number + delta + 2**63) % 2**64 - 2**63
    bucket_put(turn, bucket, key, number.to_bytes(8, "little", signed=True))
    return number


def bucket_scan(
    turn: Turn, bucket: str, start: bytes | None, end: bytes | None, limit: int, backwards: bool
) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    size = 0
    for key in _range(turn, bucket, start, end, backwards):
        value = turn.atom.buckets[bucket][key]
        size += len(key) + len(value)
        if len(found) == limit or (found and size > SCAN_BYTES):
            break
        found.append((key, value))
    return found


def _range(turn: Turn, bucket: str, start: bytes | None, end: bytes | None, backwards: bool) -> Iterator[bytes]:
    entries = turn.atom.buckets.get(bucket)
    if entries is None or (start is not None and end is not None and start >= end):
        return iter(())
    keys: Iterator[bytes] = entries.irange(start, end, inclusive=(True, False), reverse=backwards)
    return keys


def _write(turn: Turn, bucket: str, key: bytes, value: bytes | None) -> None:
    turn.spend(WRITE_FUEL)
    turn.keep(len(key) + len(value or b""))
    old = turn.atom.write(bucket, key, value)
    turn.atom.undo.setdefault((bucket, key), old)
