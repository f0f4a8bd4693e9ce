"""What large collections leave behind is removed a part at a time, whatever ended them."""

from __future__ import annotations

import pytest

from radon.host.limits import Limits
from radon.kv.messages import Op, Status, items, request
from tests.redis.keyspaces import Client, check_state, keyspace, keyspace_kind

NAME = b"t" * 16
LARGE = 10_000  # elements: more than one turn frees


def fill(client: Client, key: str, count: int) -> None:
    for start in range(0, count, 2000):
        client.run("RPUSH", key, *range(start, min(start + 2000, count)))


@pytest.mark.parametrize("ending", ["DEL", "SET", "expiry", "commit"])
def test_the_elements_of_a_large_collection_are_freed_a_part_at_a_time(ending: str) -> None:
    """By turns which a small fraction of the fuel is enough for that it takes to free all."""
    with keyspace(limits=Limits(turn=80_000_000)) as harness:
        client = Client(harness)
        fill(client, "k", 2 * LARGE)
        if ending == "expiry":
            client.run("PEXPIRE", "k", "1000")
            harness.now += 10**9
            harness.submit()
            harness.run()
        elif ending == "commit":
            assert client.ask(request(Op.PREPARE, NAME, items([request(Op.DELETE, b"\0k")]))).status is Status.OK
            assert client.ask(request(Op.COMMIT, NAME)).status is Status.OK
        else:
            client.run(*("DEL", "k") if ending == "DEL" else ("SET", "k", "v"))
        left = len(harness.state("keys/#0").get("elements", {}))
        assert left > LARGE
        fill(client, "k2", 10)
        harness.submit()
        harness.run()
        assert len(harness.state("keys/#0")["elements"]) < left
        harness.restart()
        harness.advance("1s")
        assert "freed" not in harness.state("keys/#0")
        check_state(harness)
        assert client.run("LRANGE", "k2", "0", "1") == [b"0", b"1"]
        assert harness.dead() == []


def test_what_a_failed_timer_left_is_removed_by_the_next_instance() -> None:
    with keyspace(limits=Limits(turn=20_000_000)) as harness:
        client = Client(harness)
        fill(client, "k", LARGE)
        client.run("PEXPIRE", "k", "1000")
        client.run("DEL", "k")
        client.run("SET", "s", "v", "PX", "1000")
        harness.advance("5s")
        assert {letter.cause for letter in harness.dead()} == {"trap: out-of-fuel"}
        harness.deploy({"keys": keyspace_kind()})
        assert client.run("EXISTS", "k", "s") == 0
        harness.advance("1s")
        check_state(harness)
