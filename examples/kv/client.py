"""A client of the key-value store: Python values in, the store's messages out, answers back as Python values.

    async with radon.Runtime("examples/kv/radon.toml") as app:
        store = Store(app)
        await store.put("colour", b"green")

Knows the messages of kv.c and nothing of what carries them.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol


class Caller(Protocol):
    """What a client needs of `radon.Runtime`."""

    async def call(self, address: str, body: bytes = b"", *, timeout: float | None = 5.0) -> bytes: ...


class Refused(Exception):
    """The store did nothing; the text is its reason, such as "invalid" for `add` to what is no number."""


class Store:
    """Keys are text without spaces, of 1 to 512 bytes; values are bytes. Absence is None, never b"".

    Each method but `scan` is atomic. Any number of calls may be under way at once.
    """

    def __init__(self, app: Caller, *, kind: str = "kv", shards: int = 16, timeout: float | None = 5.0) -> None:
        """`kind` and `shards` as in radon.toml; `timeout` of each call in seconds."""
        self._app = app
        self._kind = kind
        self._shards = shards
        self._timeout = timeout

    async def get(self, key: str) -> bytes | None:
        return _value(await self._ask(key, b"get %b"))

    async def put(self, key: str, value: bytes) -> None:
        await self._ask(key, b"put %b ", value)

    async def delete(self, key: str) -> bool:
        """Whether there was something to delete."""
        return await self._ask(key, b"delete %b") == b"+"

    async def add(self, key: str, delta: int = 1) -> int:
        """Add to a decimal number of 64 bits, which begins at 0; the sum. Raises Refused if it is none or overflows."""
        return int(_value(await self._ask(key, b"add %b ", b"%d" % delta)) or b"")

    async def compare_and_set(self, key: str, expected: bytes | None, new: bytes) -> bool:
        """Put `new` if the value is `expected` (None: if there is none), and say whether it was."""
        old = b"- " if expected is None else b"%d %b " % (len(expected), expected)
        return await self._ask(key, b"cas %b ", old + new) == b"+"

    async def scan(self, start: str = "", end: str = "", *, page: int = 100) -> AsyncIterator[tuple[str, bytes]]:
        """Entries with start <= key < end ("": no bound) in the order of their UTF-8, `page` of a shard at a time.

        Each page is what its shard held at one moment. What is written during the scan may be in it or not.
        """
        pages = await asyncio.gather(*(self._page(shard, start, end, page) for shard in range(self._shards)))
        heads = [(entries[0][0].encode(), shard, entries) for shard, entries in enumerate(pages) if entries]
        heapq.heapify(heads)
        while heads:
            _, shard, entries = heads[0]
            key, value = entries.popleft()
            yield key, value
            entries = entries or await self._page(shard, key + "\0", end, page)  # the least key behind this one
            if entries:
                heapq.heapreplace(heads, (entries[0][0].encode(), shard, entries))
            else:
                heapq.heappop(heads)

    async def _ask(self, key: str, form: bytes, rest: bytes = b"") -> bytes:
        if not key or " " in key:
            raise ValueError(f"a key is text without spaces, not {key!r}")
        return await self._call(f"{self._kind}/{key}", form % key.encode() + rest)

    async def _page(self, shard: int, start: str, end: str, limit: int) -> deque[tuple[str, bytes]]:
        body = f"scan {limit} {start} {end}".encode()
        return deque(_entries(await self._call(f"{self._kind}/#{shard}", body)))

    async def _call(self, address: str, body: bytes) -> bytes:
        answer = await self._app.call(address, body, timeout=self._timeout)
        if answer.startswith(b"!"):
            raise Refused(answer[1:].decode())
        return answer


def _value(answer: bytes) -> bytes | None:
    return answer[1:] if answer.startswith(b"=") else None


def _entries(page: bytes) -> list[tuple[str, bytes]]:
    """From LENGTH KEY VALUE\\n for each."""
    entries = []
    while page:
        length, key, rest = page.split(b" ", 2)
        entries.append((key.decode(), rest[: int(length)]))
        page = rest[int(length) + 1 :]
    return entries
