"""Whoever has been told that it has subscribed hears all that is published from then on, in however many domains."""

from __future__ import annotations

from typing import Any

import pytest

from radon.abi.delivery import Address
from radon.abi.exchange import Crossed
from radon.abi.frames import decode_all
from radon.host.placement import place
from radon.testing.harness import Harness
from tests.redis.lines import Line, redis
from tests.redis.test_pubsub import push

DOMAINS = 5


def home(harness: Harness, address: str) -> int:
    return place(Address.parse(address), harness.domain.resolve, DOMAINS)


class Distant:
    """A domain that what another one sends does not reach, until it is let go."""

    def __init__(self, domain: Any, source: int) -> None:
        self.domain, self.source, self.held = domain, source, list[bytes]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.domain, name)

    def submit(self, records: bytes) -> None:
        away = any(isinstance(record, Crossed) and record.domain == self.source for record in decode_all(records))
        self.held.append(records) if away else self.domain.submit(records)

    def let_go(self) -> Any:
        for records in self.held:
            self.domain.submit(records)
        return self.domain


@pytest.mark.parametrize("word", ["SUBSCRIBE", "PSUBSCRIBE"])
def test_what_is_published_behind_the_confirmation_is_heard(word: str, each_domain: str) -> None:
    """What leaves for other domains than that of the shard, which confirms, may take as long as it likes."""
    heard = "message" if word == "SUBSCRIBE" else "pmessage"
    with redis(1, domains=DOMAINS) as harness:
        shard, news = home(harness, "keys/#0"), Line(harness, "news")
        for number in range(10):
            channel, line = f"c{number}", Line(harness, f"{number}")
            source = home(harness, line.atom.text)
            if source == shard:
                continue
            for to in {*range(DOMAINS)} - {source, shard}:
                harness.domains[to] = Distant(harness.domains[to], source)
            assert line(word, channel) == push(word.lower(), channel, 1)
            assert news("PUBLISH", channel, "x") == b":1\r\n"
            harness.domains[:] = [each.let_go() if isinstance(each, Distant) else each for each in harness.domains]
            harness.run()
            assert line.listen() == push(heard, *([channel] if heard == "pmessage" else []), channel, "x")
