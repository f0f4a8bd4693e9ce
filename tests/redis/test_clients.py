"""Clients of Redis, as they are: redis-cli, redis-benchmark, and redis-py with and without asyncio."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from threading import Thread

import pytest
import redis
import redis.asyncio

from tests.redis.lines import command
from tests.redis.served import served

pytestmark = [pytest.mark.debian("redis-tools"), pytest.mark.timeout(120)]


@pytest.fixture
def each_domain() -> None:
    """Not here: the server is a process of its own."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("served")) as port:
        yield port


@pytest.fixture(params=[2, 3])
def client(port: int, request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    with closing(redis.Redis(port=port, decode_responses=True, protocol=request.param)) as client:
        client.flushall()
        yield client


def cli(port: int, *words: str, given: str = "") -> str:
    run = subprocess.run(
        ["redis-cli", "-p", f"{port}", *words], input=given, capture_output=True, text=True, check=True, timeout=60
    )
    return run.stdout


def test_redis_cli(port: int) -> None:
    assert cli(port, "FLUSHALL") == "OK\n"
    assert cli(port, given="SET a 1\nINCR a\nMULTI\nINCR a\nGET a\nEXEC\n") == "OK\n2\nOK\nQUEUED\nQUEUED\n3\n3\n"
    assert cli(port, "-3", "HGETALL", "nothing") == "\n"
    assert cli(port, "--scan") == "a\n"
    assert "redis_version" in cli(port, "INFO", "server")
    assert "ERR unknown command" in cli(port, "FOO")


@pytest.mark.parametrize("keys", [["jobs"], ["jobs", "more", "and", "others"]])
def test_what_is_pushed_is_not_for_a_client_that_left_while_it_waited(
    port: int, client: redis.Redis, keys: list[str]
) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as gone:
            gone.sendall(command("BLPOP", *keys, 0))
            while client.info("clients")["blocked_clients"] == 0:
                continue
        client.rpush("jobs", "one")
        assert client.lpop("jobs") == "one"


def test_nobody_waits_any_more_who_left_much_behind(port: int, client: redis.Redis) -> None:
    with socket.create_connection(("127.0.0.1", port)) as gone:
        gone.sendall(command("BLPOP", "jobs", 0) + command("PING") * 20_000)
        while client.info("clients")["blocked_clients"] == 0:
            continue
    while client.info("clients")["blocked_clients"] > 0:
        continue


def test_what_redis_cli_pipes_in_is_all_done(port: int) -> None:
    stream = b"".join(command("SET", f"piped:{number}", number) for number in range(10_000))
    words = ["redis-cli", "-p", f"{port}", "--pipe"]
    run = subprocess.run(words, input=stream, capture_output=True, check=True, timeout=60)
    assert b"errors: 0, replies: 10000" in run.stdout


@pytest.mark.parametrize(
    ("options", "commands", "tests"),
    [
        (["-c", "50"], "ping,set,get,incr,lpush,mset", 7),  # ping is two
        (["-c", "50", "-P", "16"], "ping,set,get,incr,lpush,mset", 7),
        (["-c", "1000"], "set,get", 2),  # each connects anew
    ],
    ids=["50", "50 with pipelines", "1000"],
)
def test_redis_benchmark(port: int, options: list[str], commands: str, tests: int) -> None:
    words = ["redis-benchmark", "-p", f"{port}", "-n", "10000", "-r", "1000", "-t", commands, "-q", *options]
    run = subprocess.run(words, capture_output=True, text=True, check=True, timeout=110)
    assert run.stdout.count("requests per second") == tests
    assert "rror" not in run.stdout + run.stderr


def test_a_pipeline_of_redis_py(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for number in range(2000):
            pipeline.set(f"k{number}", number).get(f"k{number}")
        assert pipeline.execute() == [value for number in range(2000) for value in (True, f"{number}")]


def test_transactions_of_redis_py(client: redis.Redis) -> None:
    """Each of eight threads moves what it has read; nothing is lost."""
    client.mset({f"account{number}": 100 for number in range(4)})

    def move(worker: int) -> None:
        def step(pipeline: redis.client.Pipeline) -> None:
            from_, to = f"account{worker % 4}", f"account{(worker + 1) % 4}"
            have, got = int(pipeline.get(from_)), int(pipeline.get(to))
            pipeline.multi()
            pipeline.set(from_, have - 1).set(to, got + 1)

        for _ in range(10):
            client.transaction(step, f"account{worker % 4}", f"account{(worker + 1) % 4}")

    threads = [Thread(target=move, args=[worker]) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [int(value) for value in client.mget([f"account{number}" for number in range(4)])] == [100] * 4


def test_subscribers_of_redis_py(client: redis.Redis) -> None:
    with closing(client.pubsub(ignore_subscribe_messages=True)) as listener:
        listener.subscribe("news")
        listener.psubscribe("n*")
        while listener.get_message(timeout=0.05) is not None or client.pubsub_numpat() == 0:
            pass
        assert client.publish("news", "hello") == 2
        found = []
        while len(found) < 2:
            message = listener.get_message(timeout=5)
            if message is not None:
                found.append((message["type"], message["data"]))
        assert sorted(found) == [("message", "hello"), ("pmessage", "hello")]


async def test_redis_py_with_asyncio(port: int) -> None:
    async with redis.asyncio.Redis(port=port, decode_responses=True) as client:
        await client.delete("counter")
        await asyncio.gather(*(client.incr("counter") for _ in range(90)))
        assert await client.get("counter") == "90"
        async with client.pipeline(transaction=True) as pipeline:
            assert await pipeline.set("x", 1).set("y", 2).mget("x", "y").execute() == [True, True, ["1", "2"]]
        waiting = asyncio.create_task(client.blpop(["jobs", "more"], timeout=20))
        await client.rpush("jobs", "job")
        assert await waiting in (["jobs", "job"], ("jobs", "job"))


async def test_a_thousand_connections_at_once(port: int) -> None:
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(1000)]
    for _, writer in lines:
        writer.write(command("INCR", "thousand"))
    assert sorted([int((await reader.readline())[1:]) for reader, _ in lines]) == list(range(1, 1001))
    for _, writer in lines:
        writer.close()
        await writer.wait_closed()


def ask_without_reading(connection: socket.socket) -> None:
    while True:
        connection.sendall(command("GET", "long") * 1000)


def test_who_never_reads_is_cut_off_and_the_others_are_served(port: int) -> None:
    """The server keeps so much for it, and no more: its peer is reset, or finds no room to send into."""
    with closing(redis.Redis(port=port)) as client, closing(socket.create_connection(("127.0.0.1", port))) as deaf:
        client.set("long", b"x" * 500_000)
        deaf.settimeout(10)
        with pytest.raises((ConnectionError, TimeoutError)):
            ask_without_reading(deaf)
        assert client.ping()


PUBLISHED = 256  # messages of 256 KiB: more than the 25 MiB for each peer, and than what buffers of the system hold


@pytest.mark.parametrize("word", ["SUBSCRIBE", "PSUBSCRIBE"])
def test_a_subscriber_that_never_reads_is_cut_off_and_the_others_hear_all(port: int, word: str) -> None:
    message, channel = b"x" * 262_144, f"for the deaf, by {word}"
    with ExitStack() as stack:
        client = stack.enter_context(closing(redis.Redis(port=port)))
        deaf = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=30)))
        heard = stack.enter_context(closing(client.pubsub()))
        deaf.sendall(command(word, channel))
        heard.subscribe(channel)
        assert heard.get_message(timeout=10)["type"] == "subscribe"
        while client.publish(channel, b"") < 2:
            assert heard.get_message(timeout=10)["data"] == b""
        assert heard.get_message(timeout=10)["data"] == b""
        for _ in range(PUBLISHED):
            client.publish(channel, message)
            assert heard.get_message(timeout=10)["data"] == message
        came = 0
        with suppress(ConnectionResetError):  # what had left the server may come, and then the end
            while some := deaf.recv(1 << 20):
                came += len(some)
        assert came < PUBLISHED * len(message)


def test_who_says_half_a_command_disturbs_nobody(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            half = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port))))
            half.sendall(b"*3\r\n$3\r\nSET\r\n$1000\r\nabc")
        with closing(redis.Redis(port=port)) as client:
            assert client.ping()
            client.set("a", 1)
            assert client.get("a") == b"1"
