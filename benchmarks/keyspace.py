"""What do Redis commands cost a shard? GET and SET through COMMAND, against get and put of a kv, from the same inputs.

256-byte values of 100,000 keys in one shard, one command or request in each message, the questions from outside and
made beforehand; and what a command costs among 16 in one message. What is counted is the domain's thread.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable

from _measure import choose_domain, compare, inputs, report, timed

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.atoms.std import STANDARDS
from radon.host.domain import Settings, Status
from radon.kv.messages import Op, request
from radon.testing.harness import Harness, kind

TURNS = 1000  # in each run
VALUE = b"v" * 256


def command(*commands: list[bytes]) -> bytes:
    payload = struct.pack("<BBBxQ", 2, 0, 0, 0)
    for words in commands:
        body = struct.pack("<H", len(words)) + b"".join(struct.pack("<I", len(word)) + word for word in words)
        payload += struct.pack("<I", len(body)) + body
    return request(Op.COMMAND, payload=payload)


def main() -> None:
    native = choose_domain()
    keys, times = (100_000, 40_000) if native else (2_000, 1_000)
    names = [b"key:%012d" % number for number in range(keys)]
    kinds = {
        name: kind(name, STANDARDS[name].path, spread="sharded", shards=1, config={"shards": "1"})
        for name in ("kv", "keyspace")
    }
    with Harness(kinds, settings=Settings(run=10**15)) as h:
        tokens = itertools.count(1)

        def seconds(to: str, bodies: list[bytes]) -> float:
            address = Address.parse(f"{to}/#0")
            for begin in range(0, len(bodies), TURNS):
                part = bodies[begin : begin + TURNS]
                h.domain.submit(
                    inputs(h.now, *[Post(next(tokens), 0, 1, address, NOWHERE, "", "", (), body) for body in part])
                )
            return timed(idle)

        def idle() -> None:
            while h.domain.run(TURNS) is Status.BUSY:
                h.domain.take_commit()
            h.domain.take_commit()

        def each(make: Callable[[bytes], bytes]) -> list[bytes]:
            return [make(names[index * 7919 % keys]) for index in range(times)]

        def many(*words: bytes) -> list[bytes]:
            found = (names[index * 7919 % keys] for index in itertools.count())
            return [command(*([words[0], next(found), *words[1:]] for _ in range(16))) for _ in range(times // 16)]

        seconds("kv", [request(Op.PUT, name, VALUE) for name in names])
        seconds("keyspace", [command([b"SET", name, VALUE]) for name in names])
        questions = {
            "get": (each(lambda name: command([b"GET", name])), each(lambda name: request(Op.GET, name))),
            "set": (each(lambda name: command([b"SET", name, VALUE])), each(lambda name: request(Op.PUT, name, VALUE))),
        }
        for what, (ours, theirs) in questions.items():
            found, low = compare(lambda it=ours: seconds("keyspace", it), lambda it=theirs: seconds("kv", it), runs=9)
            report(f"keyspace, a {what.upper()} in a message", [s / times for s in found], low / times)
            bodies = many(b"GET") if what == "get" else many(b"SET", VALUE)
            found, _ = compare(lambda it=bodies: seconds("keyspace", it), lambda: 1.0, runs=9)
            report(f"keyspace, a {what.upper()} among 16 in a message", [s / times for s in found], low / times)


if __name__ == "__main__":
    main()
