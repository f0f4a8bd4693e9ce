"""What redis-py can say, said to a server of Radon and to one of Redis: the same comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.commands import core

from tests.redis.served import served
from tests.redis.server import Server

pytestmark = [
    pytest.mark.debian("redis-server"),
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of methods that redis-py would rather not have
]

CALLS = [
    line for line in (Path(__file__).parent / "redis_py_calls.txt").read_text().splitlines() if not line.startswith("#")
]

MIXINS = (
    core.BasicKeyCommands, core.ListCommands, core.ScanCommands, core.SetCommands, core.SortedSetCommands,
    core.HashCommands, core.HyperlogCommands, core.GeoCommands,
)  # fmt: skip

NEWER = {
    "blmovem", "delex", "digest", "digest_local", "hexpire", "hexpireat", "hexpiretime", "hgetdel", "hgetex",
    "himport_discard_all_internal", "himport_discard_internal", "himport_prepare_internal", "himport_set", "hpersist",
    "hpexpire", "hpexpireat", "hpexpiretime", "hpttl", "hsetex", "httl", "increx", "lmovem", "msetex", "sdiffcard",
    "sunioncard",
}  # fmt: skip
"""Methods for commands that Redis 7.0 does not have."""

ELSEWHERE = {"watch", "unwatch", "stralgo"}
"""Of a pipeline only; and one of a command that Redis has no more."""


@pytest.fixture
def each_domain() -> None:
    """Not here: the server is a process of its own."""


@pytest.fixture(scope="module", params=[1, 3])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("served"), shards=request.param) as port:
        yield port


def comparable(value: Any) -> Any:
    """Without an order where Redis promises none."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, dict):
        return sorted(((key, comparable(each)) for key, each in value.items()), key=repr)
    if isinstance(value, list):
        return [comparable(each) for each in value]
    return value


WITHOUT_ORDER = "keys|scan|scan_iter|sinter|sunion|sdiff|smembers|sscan|hscan|hkeys|hvals|zscan"
UNORDERED = re.compile(rf"^(list\()?r\.({WITHOUT_ORDER})\(")


def outcome(call: str, client: redis.Redis) -> Any:
    try:
        value = eval(call, {"r": client})
    except redis.RedisError as error:
        return type(error).__name__, str(error)
    if UNORDERED.match(call) and isinstance(value, (list, set)):
        return sorted(value)
    return comparable(value)


@pytest.mark.parametrize("protocol", [2, 3])
def test_every_call_gives_the_same(port: int, protocol: int, tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        path = server.socket.getpeername()
        ours = redis.Redis(port=port, protocol=protocol, decode_responses=False)
        theirs = redis.Redis(unix_socket_path=path, protocol=protocol, decode_responses=False)
        with closing(ours), closing(theirs):
            ours.flushall()
            different = [
                (call, mine, wanted)
                for call in CALLS
                if (mine := outcome(call, ours)) != (wanted := outcome(call, theirs))
            ]
    assert not different, "\n".join(map(str, different))


def test_every_method_for_these_types_is_called() -> None:
    methods = {name for mixin in MIXINS for name, value in vars(mixin).items() if callable(value) and name[0] != "_"}
    called = set(re.findall(r"\br\.(\w+)\(", "\n".join(CALLS)))
    assert methods - called - NEWER - ELSEWHERE == set()
