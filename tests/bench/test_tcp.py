"""The client over TCP, against servers that behave and servers that do not."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest

from radon.abi.errors import Unavailable
from radon.bench import tcp
from radon.bench.histogram import highest_of
from radon.bench.load import Load
from radon.bench.workloads import KINDS
from tests.bench.servers import Store, bulk, honest, serving

RECORDS = 200
PUT = Load(operations=RECORDS, shares={"insert": 1}, window=4)
GET = Load(records=RECORDS, seed=1)

Server = tuple[tcp.Address, Store]


@pytest.fixture
def server() -> Iterator[Server]:
    """One with all records."""
    with serving() as (address, store):
        assert tcp.run(address, PUT, 3).done["insert"] == RECORDS
        yield address, store


def test_all_records_are_put_and_found(server: Server) -> None:
    address, store = server
    assert len(store.values) == RECORDS
    outcome = tcp.run(address, Load(records=RECORDS, operations=1000, shares={"read": 0.5, "modify": 0.5}, window=7), 3)
    assert (outcome.operations, outcome.errors, outcome.wrong, outcome.unfinished, outcome.why) == (1000, 0, 0, 0, "")
    assert {kind: found.total for kind, found in outcome.latencies.items()} == {
        kind: count for kind, count in outcome.done.items() if count
    }
    assert store.asked == RECORDS + 1000 + outcome.done["modify"]


def test_inserts_are_of_records_that_were_not_there_and_are_read_only_once_they_are(server: Server) -> None:
    address, store = server
    load = Load(records=RECORDS, fresh=RECORDS, operations=2000, shares={"read": 0.5, "insert": 0.5}, window=9)
    outcome = tcp.run(address, load, 4)
    assert (outcome.wrong, outcome.inserted) == (0, outcome.done["insert"])
    assert len(store.values) == RECORDS + outcome.inserted


def test_a_stall_is_one_latency_in_a_closed_loop_and_many_in_an_open_one(server: Server) -> None:
    """The closed loop omits what would have been asked meanwhile. So p90 there tells nothing of half a second."""
    address, store = server
    stall = 0.5

    def stalling(at: int) -> None:
        lock, left = threading.Lock(), [at]

        def answer(store: Store, words: list[bytes]) -> bytes:
            with lock:  # one stall stalls all connections
                left[0] -= 1
                if left[0] == 0:
                    time.sleep(stall)
            return honest(store, words)

        store.answer = answer

    stalling(at=100)
    closed = tcp.run(address, Load(records=RECORDS, operations=400), 1).latencies["read"]
    assert closed.highest >= stall * 1e9
    assert closed.percentile(99) < stall * 1e9 / 2
    stalling(at=100)
    outcome = tcp.run(address, Load(records=RECORDS, operations=400, rate=400, arrivals="fixed"), 2)
    opened = outcome.latencies["read"]
    assert (outcome.operations, outcome.unfinished) == (400, 0)
    assert opened.highest >= stall * 1e9
    late = sum(count for bucket, count in opened.counts.items() if highest_of(bucket) > stall * 1e9 / 2)
    assert late >= 400 * stall / 2 * 0.9, "those that were due in the first half of the stall waited for the second"


def test_an_open_loop_begins_no_more_than_are_due(server: Server) -> None:
    address, store = server
    before = store.asked
    outcome = tcp.run(address, Load(records=RECORDS, rate=200, arrivals="fixed", seconds=0.5), 3)
    assert outcome.operations == store.asked - before == 100
    assert outcome.seconds >= 0.5


@pytest.mark.parametrize("rate", [0.0, 1000.0])
def test_what_is_never_answered_is_counted_with_how_long_it_waited(server: Server, rate: float) -> None:
    address, store = server
    over = threading.Event()

    def never(store: Store, words: list[bytes]) -> bytes:
        over.wait()
        return b""

    store.answer = never
    load = Load(records=RECORDS, rate=rate, arrivals="fixed", seconds=0.2, patience=0.1, window=2)
    outcome = tcp.run(address, load, 3)
    over.set()
    expected = 200 if rate else 6
    assert (outcome.operations, outcome.unfinished) == (0, expected)
    assert outcome.latencies["read"].total == expected
    assert outcome.latencies["read"].highest >= 0.29e9


def test_errors_are_counted_and_the_first_is_quoted(server: Server) -> None:
    address, store = server
    store.answer = lambda store, words: b"-OOM command not allowed\r\n"
    outcome = tcp.run(address, Load(records=RECORDS, operations=10, shares={"read": 0.5, "modify": 0.5}), 2)
    assert (outcome.operations, outcome.errors, outcome.wrong) == (10, 10, 0)
    assert outcome.why == "OOM command not allowed"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"$-1\r\n", "there is no user"),
        (b"$3\r\nabc\r\n", "a wrong value of user"),
        (b"+OK\r\n", "a wrong value of user"),
        (b"*0\r\n", "a wrong value of user"),
    ],
)
def test_a_wrong_answer_is_noticed(server: Server, reply: bytes, why: str) -> None:
    address, store = server
    store.answer = lambda store, words: reply
    outcome = tcp.run(address, Load(records=RECORDS, operations=10), 2)
    assert (outcome.operations, outcome.errors, outcome.wrong) == (10, 0, 10)
    assert outcome.why.startswith(why)


def test_the_value_of_another_record_is_noticed(server: Server) -> None:
    address, store = server
    swapped = dict(
        zip(store.values, [*list(store.values.values())[1:], next(iter(store.values.values()))], strict=True)
    )
    store.values = swapped
    assert tcp.run(address, Load(records=RECORDS, operations=50), 2).wrong == 50


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"", "the server closed a connection"),
        (b"nonsense\r\n", "a reply is no RESP"),
        (b"$5000000000\r\n", "a reply is no RESP"),
    ],
)
def test_a_broken_connection_makes_errors_of_what_was_under_way(server: Server, reply: bytes, why: str) -> None:
    address, store = server
    store.answer = lambda store, words: reply
    outcome = tcp.run(address, Load(records=RECORDS, operations=1000, window=5), 2)
    assert (outcome.operations, outcome.errors) == (10, 10)
    assert outcome.why == why


def test_a_reply_that_nothing_was_asked_for_breaks_the_connection(server: Server) -> None:
    address, store = server
    store.answer = lambda store, words: honest(store, words) + b"+OK\r\n"
    outcome = tcp.run(address, Load(records=RECORDS, operations=1000), 1)
    assert (outcome.operations, outcome.why) == (1, "a reply that nothing was asked for")


def test_large_values_in_small_pieces() -> None:
    with serving() as (address, _):
        size = 3_000_000
        put = Load(operations=4, shares={"insert": 1}, value_size=size, window=2)
        assert tcp.run(address, put, 2).done["insert"] == 4
        outcome = tcp.run(address, Load(records=4, operations=8, value_size=size, window=2), 2)
        assert (outcome.operations, outcome.wrong, outcome.why) == (8, 0, "")


def test_nobody_listens() -> None:
    with serving() as (address, _):
        pass
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:[0-9]+: Connection refused"):
        tcp.run(address, GET, 1)


KEY = b"$20\r\nuser0123456789abcdef\r\n"

ODD = [
    b"+OK\r\n", b"-ERR\r\n", b":1\r\n", b"$-1\r\n", b"$0\r\n\r\n", b"*-1\r\n", b"*0\r\n", b"*1\r\n$-1\r\n",
    b"*1\r\n*0\r\n", b"*1\r\n$4\r\nuser\r\n", b"*2\r\n:1\r\n:2\r\n", b"*3\r\n$-1\r\n$-1\r\n$-1\r\n",
    KEY, b"*1\r\n" + KEY, b"*200\r\n" + 200 * KEY,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_no_server_can_answer_so_oddly_that_the_client_does_not_count(seed: int) -> None:
    """Each reply is a right one or any other one. Under `make sanitize` this is more than it seems."""
    generator = random.Random(seed)

    def answer(store: Store, words: list[bytes]) -> bytes:
        if generator.random() < 0.3:
            return generator.choice(ODD)
        match words:
            case [b"ZADD", *_]:
                return b":1\r\n"
            case [b"ZRANGEBYLEX", _, start, *_]:
                return b"*1\r\n" + bulk(start[1:])
            case [b"MGET", *keys]:
                return b"*%d\r\n" % len(keys) + b"".join(bulk(store.values.get(key)) for key in keys)
        return honest(store, words)

    shares = dict.fromkeys(KINDS, 1 / len(KINDS))
    with serving(answer) as (address, _):
        tcp.run(address, PUT, 3)
        load = Load(seed=seed, records=RECORDS, fresh=RECORDS, operations=2000, shares=shares, indexed=True, window=9)
        outcome = tcp.run(address, load, 4)
    assert outcome.operations + outcome.unfinished == 2000
    assert outcome.errors > 0
    assert outcome.wrong > 0
