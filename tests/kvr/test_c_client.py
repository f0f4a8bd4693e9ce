"""kv.h as an atom uses it with a replicated store: the near replica, sessions, sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radon.atoms.build import build_c
from radon.host.hash import domain_of
from radon.kv.messages import Status
from radon.testing.harness import Harness, kind
from tests.kvr.stores import REPLICAS, kvr_kind


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("client") / "client.wasm"
    assert build_c([Path(__file__).with_name("client.c")], out).warnings == ""
    return out.read_bytes()


@pytest.fixture
def pair(guest: bytes, domains: int) -> Iterator[Harness]:
    kinds = {"kvr": kvr_kind("causal"), "client": kind("client", guest, ["kvr/*"])}
    with Harness(kinds, domains=domains) as harness:
        yield harness


def test_the_near_replica_is_that_of_the_atom_s_own_domain(pair: Harness) -> None:
    domains = len(pair.domains)
    for client in "abcdef":
        near = pair.call(f"client/{client}", b"near k").decode().removeprefix("kvr/")
        assert domain_of("kvr", near, domains) == domain_of("client", client, domains)


def test_a_session_is_not_told_less_than_it_has_seen(pair: Harness) -> None:
    assert pair.call("client/x", b"at 0 put k one") == b"0 "
    behind = b"%d " % Status.BEHIND
    assert [pair.call("client/x", b"at %d get k" % replica) for replica in range(REPLICAS)] == [
        b"0 one",
        behind,
        behind,
    ]
    assert pair.call("client/y", b"at 1 get k") == b"1 "
    pair.advance("1s")
    assert [pair.call("client/x", b"at %d get k" % replica) for replica in range(REPLICAS)] == [b"0 one"] * REPLICAS
    assert pair.call("client/x", b"get k") == b"0 one"


def test_sets(pair: Harness) -> None:
    assert pair.call("client/x", b"insert s red") == b"0 "
    assert pair.call("client/x", b"insert s blue") == b"0 "
    assert pair.call("client/x", b"get s") == b"0 \4\0\0\0blue\3\0\0\0red"
    assert pair.call("client/x", b"remove s red") == b"0 "
    assert pair.call("client/x", b"remove s red") == b"1 "
    assert pair.call("client/x", b"get s") == b"0 \4\0\0\0blue"
