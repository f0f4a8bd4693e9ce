"""How commands reach their shards and replies the peer: order, what is refused for now, and what is too much."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from radon.atoms.build import build_c
from radon.host.domain import Settings
from radon.host.hash import stable_hash
from radon.host.limits import Limits
from radon.kv.messages import Op, Status, parse, request
from radon.testing.harness import Harness
from tests.redis.lines import CHUNK, Line, command, redis, replies
from tests.redis.resp import parse_at


def lock(harness: Harness, key: bytes, name: bytes) -> str:
    """A transaction takes the key; the address of its shard."""
    address = f"keys/#{stable_hash(key) % 4}"
    put = request(Op.STORE, b"\0" + key, b"locked")
    answer = harness.call(address, request(Op.PREPARE, name, struct.pack("<I", len(put)) + put))
    assert parse(answer).status == Status.OK
    return address


def test_replies_are_in_the_order_of_the_commands_whatever_their_shards() -> None:
    with redis() as harness:
        line = Line(harness)
        stream = b"".join(command("SET", f"k{n}", n) + command("GET", f"k{n}") + command("ECHO", n) for n in range(500))
        expected = b"".join(b"+OK\r\n" + (b"$%d\r\n%d\r\n" % (len(str(n)), n)) * 2 for n in range(500))
        assert line.send(stream) == expected


def test_a_plain_command_costs_one_turn_in_and_one_out_and_leaves_no_state() -> None:
    with redis(1) as harness:
        line = Line(harness)
        line("SET", "a", 1)
        outputs = len(harness.outputs)
        assert line("GET", "a") == b"$1\r\n1\r\n"
        assert len(harness.outputs) == outputs + 1  # the answer to the chunk, and nothing else
        assert set(harness.state(line.atom.text)["connection"]) == {b"@"}


def test_a_scan_goes_on_to_other_shards_until_it_has_what_was_wanted() -> None:
    with redis(8) as harness:
        line = Line(harness)
        line("MSET", *(word for n in range(5) for word in (f"k{n}", n)))
        (cursor, keys), _ = parse_at(line("SCAN", 0), 0)
        assert (cursor, sorted(keys)) == (b"0", [b"k%d" % n for n in range(5)])
        line("MSET", *(word for n in range(400) for word in (f"k{n}", n)))
        found, cursor, pages = [], b"0", 0
        while pages == 0 or cursor != b"0":
            (cursor, keys), _ = parse_at(line("SCAN", cursor, "COUNT", 7), 0)
            assert len(keys) < 14
            found += keys
            pages += 1
        assert sorted(found) == sorted(b"k%d" % n for n in range(400))
        assert pages < 400 / 7 + 8


def test_what_a_transaction_has_locked_is_asked_for_again() -> None:
    with redis() as harness:
        line, name = Line(harness), b"t" * 16
        address = lock(harness, b"k", name)
        assert line.send(command("GET", "k") + command("SET", "other", 1) + command("GET", "k")) == b""
        harness.advance("20ms")
        assert line.listen() == b""
        harness.call(address, request(Op.COMMIT, name))
        harness.advance("100ms")
        assert line.listen() == b"$6\r\nlocked\r\n+OK\r\n$6\r\nlocked\r\n"
        assert set(harness.state(line.atom.text)["connection"]) == {b"@"}


def test_answers_are_understood_by_another_instance_than_the_one_that_asked() -> None:
    """Which does not know how many shards there are."""
    with redis() as harness:
        line, name = Line(harness), b"t" * 16
        address = lock(harness, b"k", name)
        keys = [f"key-{number}" for number in range(8)]
        stream = b"".join(command("SET", key, key) for key in keys)
        assert line.send(stream + command("GET", "k") + stream) == b""
        harness.forget()
        harness.call(address, request(Op.COMMIT, name))
        harness.advance("100ms")
        assert line.listen() == b"+OK\r\n" * 8 + b"$6\r\nlocked\r\n" + b"+OK\r\n" * 8


def test_what_a_shard_keeps_from_happening_is_tried_again_and_refused_in_the_end(tmp_path: Path) -> None:
    build_c([Path(__file__).with_name("coordinator.c")], out := tmp_path / "coordinator.wasm")
    with redis(coordinator=out) as harness:
        line = Line(harness)
        assert line("MSET", "a", 1, "b", 2, "c", 3) == b""
        harness.advance("15s")
        assert line.listen() == b""
        harness.advance("10s")
        assert line.listen() == b"-TRYAGAIN a shard did not answer in time, so nothing was changed\r\n"


def test_what_stays_locked_is_refused_in_the_end() -> None:
    with redis() as harness:
        line = Line(harness)
        line("SET", "k", 0)
        lock(harness, b"k", b"t" * 16)
        for stream in (
            command("GET", "k"), command("SET", "k", 1), command("MSET", "a", 1, "b", 2, "k", 3),
            command("GET", "k") + command("GET", "other"),
            command("MULTI") + command("GET", "k") + command("EXEC"),
            command("WATCH", "k"), command("FLUSHALL"),
        ):  # fmt: skip
            heard = line.send(stream)
            assert line.waits, (stream, heard)
            harness.advance("21s")
            assert b"-TRYAGAIN" in line.listen()
            assert not line.waits
        assert line("EXEC").startswith(b"-ERR EXEC without MULTI")


def test_replies_that_fit_into_no_message_together_come_all_the_same() -> None:
    """A shard that is asked for too much at once is asked for less."""
    with redis() as harness:
        line = Line(harness)
        value = b"v" * 300_000
        for number in range(8):
            assert line("SET", f"k{number}", value) == b"+OK\r\n"
        stream = b"".join(command("GET", f"k{number % 8}") for number in range(40))
        heard = replies(line.send(stream))
        assert heard == [b"$300000\r\n" + value + b"\r\n"] * 40
        mixed = replies(line.send(stream + command("PING")))
        assert mixed == [*heard, b"+PONG\r\n"]


def test_a_reply_that_fits_into_no_message_is_an_error_of_that_command() -> None:
    with redis(1) as harness:
        line = Line(harness)
        for _ in range(3):
            line("APPEND", "long", b"x" * 500_000)
        heard = replies(line.send(command("GET", "long") + command("STRLEN", "long")))
        assert heard[0].startswith(b"-ERR the command or its reply is longer than limits.message")
        assert heard[1] == b":1500000\r\n"


def test_a_long_pipeline_is_handled_chunk_by_chunk() -> None:
    with redis() as harness:
        line = Line(harness)
        count = 20_000
        stream = b"".join(command("INCR", f"k{n % 100}") for n in range(count))
        assert len(stream) > 6 * CHUNK
        heard = replies(line.send(stream))
        assert len(heard) == count
        assert heard[-1] == b":%d\r\n" % (count // 100)


def test_a_connection_that_has_used_up_its_state_says_so_and_ends() -> None:
    with redis(1, limits=Limits(state=100_000)) as harness:
        line = Line(harness)
        heard = line.send(b"*2\r\n$4\r\nECHO\r\n$500000\r\n" + b"x" * 400_000)
        assert heard.startswith(b"-ERR out of memory: this connection has used up its limits.state")
        assert line.ended
        assert not harness.dead()


def test_replies_that_are_too_much_for_the_memory_end_the_connection_and_fail_no_turn() -> None:
    with redis(settings=Settings(run=10**12)) as harness:
        line = Line(harness)
        for number in range(8):
            line("SET", f"k{number}", b"v" * 900_000)
        heard = line.send(b"".join(command("GET", f"k{number % 8}") for number in range(100)))
        assert b"-ERR out of memory" in heard
        assert line.ended
        assert not [text for text in harness.logs() if "trap" in text]


def test_a_transaction_is_no_longer_than_a_command_may_be() -> None:
    with redis() as harness:
        line = Line(harness)
        line("MULTI")
        while (said := line("SET", "k", b"v" * 400_000)) == b"+QUEUED\r\n":
            pass
        assert said.startswith(b"-ERR the transaction is longer than proto-max-bulk-len")
        assert line("EXEC").startswith(b"-EXECABORT")
        assert line("GET", "k") == b"$-1\r\n"
        line.send(command("MULTI") + command("SET", "k", b"v" * 400_000) + command("SET", "l", b"v" * 400_000))
        assert line("EXEC") == b"*2\r\n+OK\r\n+OK\r\n"
        assert not harness.dead()


@pytest.mark.parametrize("words", ["INFO", "INFO clients", "CONFIG GET max*", "CONFIG SET hz 9"])
def test_what_asks_shards_is_told_as_it_is_known_within_a_transaction(words: str) -> None:
    with redis() as harness:
        line, asked = Line(harness), command(*words.split())
        stream = command("MULTI") + asked + command("SET", "a", 1) + asked + command("EXEC")
        heard = replies(line.send(stream + command("PING")))
        assert heard[-1] == b"+PONG\r\n"
        assert len(heard) == 6
        assert heard[-2].startswith(b"*3\r\n")


def test_many_long_patterns_for_parameters_are_no_trouble() -> None:
    with redis() as harness:
        line = Line(harness)
        heard = line("CONFIG", "GET", *["y" * 10_000 for _ in range(100)], "MAXmem*-p*")
        assert heard == b"*2\r\n$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n"
        assert not harness.dead()


def test_what_is_set_is_known_to_all_connections_and_shards_and_lasts(each_domain: str) -> None:
    with redis() as harness:
        line = Line(harness, "1")
        assert line("CONFIG", "SET", "set-max-intset-entries", 1) == b"+OK\r\n"
        harness.restart()
        line = Line(harness, "2")
        assert line("CONFIG", "GET", "set-max-i*") == b"*2\r\n$22\r\nset-max-intset-entries\r\n$1\r\n1\r\n"
        for key in "abcdefgh":
            line("SADD", key, 1, 2)
            assert line("OBJECT", "ENCODING", key) == b"$9\r\nhashtable\r\n"


@pytest.mark.parametrize("container", ["OBJECT", "MEMORY", "CONFIG", "CLIENT", "FUNCTION", "SLOWLOG"])
def test_a_command_of_several_tells_which_there_are(container: str) -> None:
    with redis() as harness:
        told, _ = parse_at(Line(harness)(container, "HELP"), 0)
        assert told[0] == f"{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:".encode()
        assert b"HELP" in told


def test_memory_usage_is_about_what_the_quota_counts() -> None:
    with redis() as harness:
        line = Line(harness)
        line("SET", "a", "x" * 1000)
        line("RPUSH", "b", *["x" * 1000] * 100)
        line("ZADD", "c", *[word for number in range(100) for word in (number, f"{number:0100}")])
        assert 1000 < int(line("MEMORY", "USAGE", "a")[1:]) < 1200
        for samples in ([], ["SAMPLES", 0], ["SAMPLES", 50]):
            assert 100_000 < int(line("MEMORY", "USAGE", "b", *samples)[1:]) < 110_000
            assert 20_000 < int(line("MEMORY", "USAGE", "c", *samples)[1:]) < 40_000
