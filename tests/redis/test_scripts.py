"""Commands of all kinds, each script with those of one subject: their replies are those of Redis, byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.redis.comparing import compare, script
from tests.redis.keyspaces import Client
from tests.redis.server import Server

SCRIPTS = sorted(Path(__file__).with_name("scripts").glob("*.txt"))


@pytest.mark.debian("redis-server")
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_replies_are_those_of_redis(both: tuple[Client, Server], path: Path) -> None:
    compare(script(path), *both)
