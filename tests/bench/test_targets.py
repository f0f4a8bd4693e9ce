"""Stores that are started for a measurement: a redis-server, and Radon in a process of its own."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from radon.abi.errors import Invalid, Unavailable
from radon.bench import servers, tcp
from radon.bench.inside import Inside, inside
from radon.bench.load import Load
from radon.bench.processes import Pins, parse_pins, spent, used_by
from radon.bench.targets import Measured, Target, TcpTarget
from radon.bench.workloads import WORKLOADS

RECORDS = 2000


@pytest.fixture(scope="module")
def redis() -> Iterator[TcpTarget]:
    with servers.redis(durable=False, pins=Pins()) as target:
        yield target


@pytest.fixture(scope="module")
def in_process() -> Iterator[Inside]:
    with inside(durable=False, shards=4, domains=None, pins=Pins()) as target:
        yield target


def run(target: Target, load: Load, clients: int = 3) -> Measured:
    return target.run(load, clients, lambda done: None)


def works(target: Target, name: str) -> None:
    """Loads it, puts a workload on it, and finds nothing wrong."""
    workload = WORKLOADS[name]
    put = Load(operations=RECORDS, shares={"insert": 1}, window=8, indexed=workload.scans)
    loaded = run(target, put).outcome
    assert (loaded.operations, loaded.errors, loaded.wrong, loaded.why) == (RECORDS, 0, 0, "")
    load = Load(
        seed=1, records=RECORDS, fresh=RECORDS, operations=1500, shares=workload.shares, window=4,
        distribution=workload.distribution, longest_scan=30, indexed=workload.scans,
    )  # fmt: skip
    measured = run(target, load)
    outcome = measured.outcome
    assert (outcome.operations, outcome.errors, outcome.wrong, outcome.unfinished) == (1500, 0, 0, 0)
    assert outcome.why == ""
    assert set(workload.shares) == {kind for kind, done in outcome.done.items() if done}
    assert measured.server_cpu is not None
    assert measured.server_cpu > 0


@pytest.mark.debian("redis-server")
@pytest.mark.parametrize("name", WORKLOADS)
def test_redis_under_each_workload(request: pytest.FixtureRequest, name: str) -> None:
    works(request.getfixturevalue("redis"), name)


@pytest.mark.parametrize("name", ["a", "d", "e", "f", "zipf-4"])
def test_radon_in_process_under_each_kind_of_workload(in_process: Inside, name: str) -> None:
    works(in_process, name)


def test_radon_in_process_durable_and_over_two_domains() -> None:
    with inside(durable=True, shards=4, domains=2, pins=Pins()) as target:
        assert target.durable
        works(target, "a")


def test_more_clients_than_atoms_have_as_much_under_way(in_process: Inside) -> None:
    outcome = run(in_process, Load(operations=RECORDS, shares={"insert": 1}), clients=100).outcome
    assert (outcome.operations, outcome.wrong) == (RECORDS, 0)


def test_an_open_loop_in_process_has_latencies_and_a_closed_one_has_not(in_process: Inside) -> None:
    assert not run(in_process, Load(operations=RECORDS, shares={"insert": 1})).outcome.latencies
    opened = run(in_process, Load(records=RECORDS, operations=100, rate=2000)).outcome
    assert opened.latencies["read"].total == 100


@pytest.mark.debian("redis-server")
def test_a_durable_redis_writes_before_it_answers() -> None:
    with servers.redis(durable=True, pins=Pins()) as target:
        assert target.name == "redis, durable"
        for option, value in (("appendonly", "yes"), ("appendfsync", "always")):
            with tcp.connect(target.address) as made, made.makefile("rb") as stream:
                made.sendall(f"CONFIG GET {option}\r\n".encode())
                lines = [stream.readline().rstrip() for _ in range(5)]
                assert lines[-1] == value.encode()
        works(target, "a")


@pytest.mark.debian("redis-server")
def test_a_server_that_runs_tells_its_process(redis: TcpTarget) -> None:
    found = servers.attached(redis.address, Pins())
    assert (found.pid, found.version) == (redis.pid, redis.version)
    assert found.name == tcp.text_of(redis.address)
    assert run(found, Load(operations=10, shares={"insert": 1})).server_cpu is not None


@pytest.mark.debian("redis-server")
def test_a_redis_ends_with_its_block_and_leaves_nothing() -> None:
    with servers.redis(durable=True, pins=Pins()) as target:
        assert target.pid is not None
        folder = Path(os.readlink(f"/proc/{target.pid}/cwd"))
        assert folder.is_dir()
    assert not folder.exists()
    assert not os.path.exists(f"/proc/{target.pid}")
    with pytest.raises(Unavailable, match="Connection refused"):
        tcp.connect(target.address)


@pytest.mark.debian("redis-server")
def test_a_redis_does_not_outlive_who_started_it() -> None:
    program = """
from radon.bench import servers
from radon.bench.processes import Pins
with servers.redis(durable=False, pins=Pins()) as target:
    print(target.pid, flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        server = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
    ended = select.poll()
    ended.register(server, select.POLLIN)
    assert ended.poll(30_000)
    os.close(server)


@pytest.mark.debian("redis-server")
def test_a_server_is_pinned() -> None:
    first = min(os.sched_getaffinity(0))
    with servers.redis(durable=False, pins=Pins(frozenset({first}), frozenset({first}))) as target:
        assert target.pid is not None
        assert os.sched_getaffinity(target.pid) == {first}
        before = os.sched_getaffinity(0)
        run(target, Load(operations=10, shares={"insert": 1}))
        assert os.sched_getaffinity(0) == before


def test_a_program_that_is_not_there_is_named() -> None:
    with (
        pytest.raises(Unavailable, match="there is no no-such-redis; apt-get install redis-server"),
        servers.redis(durable=False, pins=Pins(), program="no-such-redis"),
    ):
        pass


def test_a_program_that_is_no_server_is_quoted(tmp_path: Path) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho no luck today >&2\nexit 7\n")
    program.chmod(0o755)
    with (
        pytest.raises(Unavailable, match=r"no answer at 127\.0\.0\.1:[0-9]+; it ended with 7: no luck today"),
        servers.redis(durable=False, pins=Pins(), program=str(program)),
    ):
        pass


def test_a_process_of_ours_that_dies_is_named() -> None:
    with inside(durable=False, shards=4, domains=None, pins=Pins()) as target:
        target.process.kill()
        target.process.wait()
        with pytest.raises(Unavailable, match=r"in process: .*it ended with -9"):
            run(target, Load(operations=10, shares={"insert": 1}))


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:6379", ("127.0.0.1", 6379)), ("[::1]:1", ("::1", 1)), (":80", ("127.0.0.1", 80)), ("db:9", ("db", 9))],
)
def test_an_address(text: str, address: tcp.Address) -> None:
    assert servers.parse_address(text) == address


@pytest.mark.parametrize("text", ["", "localhost", "localhost:", "localhost:0", "localhost:65536", "localhost:x"])
def test_no_address(text: str) -> None:
    with pytest.raises(Invalid, match="it is HOST:PORT"):
        servers.parse_address(text)


def test_pins_are_read() -> None:
    first = min(os.sched_getaffinity(0))
    assert parse_pins(f"{first}:{first}-{first}") == (frozenset({first}), frozenset({first}))


@pytest.mark.parametrize("text", ["", "0", ":", "0:", ":0", "x:0", "1-0:0", "0:0-99999", "0:4095"])
def test_no_pins(text: str) -> None:
    with pytest.raises(Invalid, match="--pin"):
        parse_pins(text)


def test_time_on_processors_is_that_of_all_threads_between_two_looks() -> None:
    before = used_by(os.getpid())
    sum(range(2_000_000))
    took = spent(before, used_by(os.getpid()))
    assert took is not None
    assert 0.001 < took < 30
    assert spent({}, {}) is None
    assert spent({1: 5, 2: 10}, {2: 10, 3: 10**9}) == 1
    assert not used_by(2**22 + 1)
