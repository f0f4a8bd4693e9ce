"""A keyspace in a harness, asked with commands as a connection asks it."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from radon.atoms.std import STANDARDS
from radon.kv.messages import Answer, Op, Status, parse, request
from radon.testing.harness import Harness, kind
from tests.redis import resp

BLOCK, PEEK, FOREIGN = 1, 2, 4
STRING, LIST, HASH, SET, ZSET = range(5)

Word = str | bytes | int | float


def keyspace(shards: int = 1, **fields: Any) -> Harness:
    """The shipped module, as an application makes it of its manifest."""
    return Harness({"keys": keyspace_kind(shards, **fields)})


def keyspace_kind(shards: int = 1, **fields: Any) -> Any:
    module = STANDARDS["keyspace"].path
    return kind("keys", module, spread="sharded", shards=shards, config={"shards": f"{shards}"}, **fields)


def encoded(word: Word) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()


def command(
    *commands: Sequence[Word], protocol: int = 2, flags: int = 0, db: int = 0, seq: int = 0, foreign: bytes = b""
) -> bytes:
    """A request that runs these commands. `foreign`: the entries of other shards, as docs/redis.md says."""
    payload = struct.pack("<BBBxQ", protocol, flags, db, seq) + foreign
    for words in commands:
        body = struct.pack("<H", len(words))
        body += b"".join(struct.pack("<I", len(word)) + word for word in map(encoded, words))
        payload += struct.pack("<I", len(body)) + body
    return request(Op.COMMAND, payload=payload)


def replies(answer: Answer) -> tuple[list[bytes], bytes]:
    """Those in the answer to a command, and what stands behind them."""
    assert answer.status is Status.OK, answer
    found, at = [], 0
    for _ in range(answer.version):
        (size,) = struct.unpack_from("<I", answer.value, at)
        found.append(answer.value[at + 4 : at + 4 + size])
        at += 4 + size
    return found, answer.value[at:]


class Touched(NamedTuple):
    """A key in the answer to a peek."""

    key: bytes
    version: int  # that was seen, of an absence too
    store: bytes | None  # the request that makes it what it is now; empty: there is none any more; None: not changed


def touched(rest: bytes) -> list[Touched]:
    (count,) = struct.unpack_from("<I", rest)
    found, at = [], 4
    for _ in range(count):
        (size,) = struct.unpack_from("<I", rest, at)
        key = rest[at + 4 : at + 4 + size]
        changed, version = struct.unpack_from("<BQ", rest, at + 4 + size)
        at += 13 + size
        store = None
        if changed:
            (size,) = struct.unpack_from("<I", rest, at)
            store = rest[at + 4 : at + 4 + size]
            at += 4 + size
        found.append(Touched(key, version, store))
    assert at == len(rest)
    return found


class Client:
    """Runs one command after the other on one shard."""

    def __init__(self, harness: Harness, shard: int = 0, protocol: int = 2, db: int = 0) -> None:
        self.harness = harness
        self.address = f"keys/#{shard}"
        self.protocol = protocol
        self.db = db

    def ask(self, body: bytes) -> Answer:
        return parse(self.harness.call(self.address, body))

    def raw(self, *words: Word) -> bytes:
        """The bytes of the reply."""
        answer = self.ask(command(words, protocol=self.protocol, db=self.db))
        (reply,), rest = replies(answer)
        assert rest == b""
        return reply

    def run(self, *words: Word) -> Any:
        return resp.parse(self.raw(*words))


def check_state(harness: Harness, shard: int = 0) -> None:
    """Nothing is left over, and nothing is missing: elements, expiries and counts are those of the entries."""
    state = harness.state(f"keys/#{shard}")
    counts: dict[int, tuple[int, int]] = {}
    numbers, expiries = {}, set()
    for key, stored in state.get("values", {}).items():
        entry = parse(stored)
        all_, expiring = counts.get(key[0], (0, 0))
        counts[key[0]] = (all_ + 1, expiring + bool(entry.expiry))
        if entry.tag:
            number, count, _ = struct.unpack("<QQQ", entry.value)
            assert number not in numbers, "two entries have one collection"
            numbers[number] = (entry.tag, count)
        if entry.expiry:
            expiries.add(entry.expiry.to_bytes(8, "big") + key)
    assert set(state.get("expiries", {})) == expiries
    assert {key[0]: struct.unpack("<QQ", value) for key, value in state.get("counts", {}).items()} == counts
    found: dict[int, int] = {}
    for name in state.get("elements", {}):
        number = int.from_bytes(name[:8], "big")
        if numbers.get(number, (0, 0))[0] != ZSET or name[8:9] == b"m":
            found[number] = found.get(number, 0) + 1
    assert set(found) == set(numbers), "elements of collections that are no more"
    for number, (tag, count) in numbers.items():
        assert count > 0
        assert found[number] == count
        if tag == ZSET:
            check_zset(state["elements"], number.to_bytes(8, "big"))


def check_zset(elements: dict[bytes, bytes], number: bytes) -> None:
    """Every member has its place, and every place is counted in its block."""
    own = {name[8:]: value for name, value in elements.items() if name.startswith(number)}
    places = sorted(name[1:] for name in own if name.startswith(b"s"))
    assert places == sorted(ordered(value) + name[5:] for name, value in own.items() if name.startswith(b"m"))
    below = {b"", *places}
    for level in (b"b", b"c", b"d"):
        blocks = sorted((name[1:], int.from_bytes(value, "little")) for name, value in own.items() if name[:1] == level)
        ends = [start for start, _ in blocks[1:]] + [b"\xff" * 8]
        for (start, count), end in zip(blocks, ends, strict=bool(blocks)):
            assert bisect_left(places, end) - bisect_left(places, start) == count
        assert level == b"b" or {start for start, _ in blocks} <= below, (
            "a block begins where none of a lower level does"
        )
        below = {start for start, _ in blocks}


def ordered(score: bytes) -> bytes:
    """The bytes of a double, so that they sort as doubles do."""
    (bits,) = struct.unpack("<Q", score)
    return struct.pack(">Q", ~bits & 2**64 - 1 if bits >> 63 else bits | 1 << 63)
