"""Does a large sorted set cost more than a small one? The same commands in one of 1,000 members and one of a million.

One shard, a hundred commands in each message, so that it is the commands that are counted. The same for sets. What is
counted is the processor's time of the process.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from _measure import choose_domain, compare, report, timed

from radon.atoms.std import STANDARDS
from radon.kv.messages import Op, Status, parse, request
from radon.testing.harness import Harness, kind

COMMANDS = 100  # in a message
SMALL = 1_000


def message(commands: list[list[object]]) -> bytes:
    payload = struct.pack("<BBBxQ", 2, 0, 0, 0)
    for words in commands:
        parts = [str(word).encode() for word in words]
        body = struct.pack("<H", len(parts)) + b"".join(struct.pack("<I", len(part)) + part for part in parts)
        payload += struct.pack("<I", len(body)) + body
    return request(Op.COMMAND, payload=payload)


def main() -> None:
    large = 1_000_000 if choose_domain() else 10_000
    draw = random.Random(1)
    sizes = {"small": SMALL, "large": large}

    def member(of: str) -> str:
        return f"member:{draw.randrange(sizes[of]):012}"

    def score() -> int:
        return draw.randrange(1_000_000)

    def ranks(of: str) -> tuple[int, int]:
        first = draw.randrange(sizes[of] - 10)
        return first, first + 9

    # `of` is the name of a sorted set; that of the set with as many members has an 's' behind it.
    questions: dict[str, Callable[[str], list[object]]] = {
        "ZADD, another score": lambda of: ["ZADD", of, score(), member(of)],
        "ZSCORE": lambda of: ["ZSCORE", of, member(of)],
        "ZRANGEBYSCORE, 10 members": lambda of: ["ZRANGEBYSCORE", of, score(), "inf", "LIMIT", 0, 10],
        "ZRANGE, 10 members in the middle": lambda of: ["ZRANGE", of, *ranks(of)],
        "ZRANK": lambda of: ["ZRANK", of, member(of)],
        "ZCOUNT of half": lambda of: ["ZCOUNT", of, 250_000, 750_000],
        "SADD, there already": lambda of: ["SADD", f"{of}s", member(of)],
        "SISMEMBER": lambda of: ["SISMEMBER", f"{of}s", member(of)],
        "SRANDMEMBER": lambda of: ["SRANDMEMBER", f"{of}s"],
    }
    keys = kind("keys", STANDARDS["keyspace"].path, spread="sharded", shards=1, config={"shards": "1"})
    with Harness({"keys": keys}) as harness:

        def run(body: bytes) -> None:
            answer = parse(harness.call("keys/#0", body))
            assert answer.status is Status.OK

        for name, size in sizes.items():
            for begin in range(0, size, 500):
                members = [f"member:{number:012}" for number in range(begin, begin + 500)]
                scored = [word for it in members for word in (score(), it)]
                run(message([["ZADD", name, *scored], ["SADD", f"{name}s", *members]]))
        for question, words in questions.items():

            def seconds(of: str, words: Callable[[str], list[object]] = words) -> float:
                body = message([words(of) for _ in range(COMMANDS)])
                return timed(lambda: run(body)) / COMMANDS

            found, floor = compare(lambda: seconds("large"), lambda: seconds("small"))
            report(f"keyspace, {question}, among {large:,}", found, floor)


if __name__ == "__main__":
    main()
