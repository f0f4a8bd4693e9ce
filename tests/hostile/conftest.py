"""Every hostile test ends with the same question: does another atom of the same domain still answer?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from radon.host.domain import Settings
from radon.host.domains import default
from radon.host.kind import Kind, Retry
from radon.testing.domains import each_domain
from radon.testing.harness import Harness, kind
from tests.hostile.puppet import DIRECT, PUPPET
from tests.hostile.wat import module

__all__ = ["each_domain"]  # a fixture, found here by its name

GRANTS = (
    "puppet/*", "direct/*", "guest/*", "witness/*", "spawn:puppet", "spawn:direct", "spawn:witness",
    "stop:puppet/*", "stop:guest/*", "publish:*", "subscribe:*",
)  # fmt: skip

Yard = Callable[..., Harness]

WITNESS = module(
    ["messaging.message.reply"],
    receive="(call $messaging.message.reply (local.get 0) (local.get 1) (local.get 2) (i32.const 1024))",
    name="witness",
)
"""Answers with what it is told."""


def hostile(name: str, guest: bytes, **fields: Any) -> Kind:
    """A kind that may do everything and is tried once, unless `fields` say otherwise."""
    return kind(name, guest, **{"grants": GRANTS, "retry": Retry(attempts=1), **fields})


@pytest.fixture
def yard() -> Iterator[Yard]:
    """yard(guest=WAT or Kind, ..., settings=...): a domain of those, a witness, and both puppets where none is given.

    At the end of the test the domain must live, and so must one made from its commits, and one from its snapshot.
    """
    opened: list[Harness] = []

    def open_one(settings: Any = None, **guests: bytes | Kind) -> Harness:
        named: Mapping[str, bytes | Kind] = {"puppet": PUPPET, "direct": DIRECT, **guests, "witness": WITNESS}
        kinds = {name: it if isinstance(it, Kind) else hostile(name, it) for name, it in named.items()}
        opened.append(Harness(kinds, **({"settings": settings} if settings is not None else {})))
        return opened[-1]

    yield open_one
    for h in opened:
        must_live(h)
        h.close()


@pytest.fixture
def h(yard: Yard) -> Harness:
    """Both puppets and the witness."""
    return yard()


def must_live(h: Harness) -> None:
    """The domain answers, now and after it was restored."""
    assert h.call("witness/w", b"well?") == b"well?"
    snapshot = h.domain.snapshot()
    copy = default()(Settings())
    copy.restore(snapshot)
    assert copy.snapshot() == snapshot
    copy.close()
    h.restart()
    assert h.call("witness/w", b"still?") == b"still?"
    h.restart(snapshot=True)
    assert h.call("witness/w", b"and now?") == b"and now?"
