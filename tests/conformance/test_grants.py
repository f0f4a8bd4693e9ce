"""Rule 20: what an atom may name is granted; what it was given is a capability, and cannot be forged."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.host.domain import Make
from radon.testing.around import around
from radon.testing.harness import Harness, kind
from tests.domains import AnotherSecret
from tests.scripts import ScriptModule, events, run, script, script_kind, word

Open = Callable[..., Harness]


def granted(open_harness: Open, module: bytes, *grants: str, **fields: object) -> Harness:
    """Atoms `script/KEY` with these grants, `other/KEY` with none."""
    return open_harness({"script": script_kind(module, grants=grants, **fields), "other": kind("other", module)})


def sealed(h: Harness, atom: str, name: str) -> str:
    """The address that the atom opens under the name, sealed, as a word."""
    run(h, atom, f"$s = address.seal {name}", "bucket.put data sealed $s")
    return word(h.state(atom)["data"][b"sealed"])


# ---- names ----


def test_opening_another_kind_needs_a_grant_that_fits_the_key(open_harness: Open, module: bytes) -> None:
    h = granted(open_harness, module, "other/user-*", "other/main")
    names = (
        "other/user-1",
        "other/user-",
        "other/main",
        "other/main2",
        "other",
        "other/x/user-1",
        "script/any",
        "script",
    )
    assert run(h, "script/a", *(f"messaging.open {name}" for name in names)) == [
        "ok", "ok", "ok", "denied", "denied", "denied", "ok", "ok",
    ]  # fmt: skip


def test_a_grant_of_a_kind_alone_is_for_the_atom_with_the_empty_key(open_harness: Open, module: bytes) -> None:
    h = granted(open_harness, module, "other")
    names = ("other", "other/", "other/main")
    assert run(h, "script/a", *(f"messaging.open {name}" for name in names)) == ["ok", "ok", "denied"]


def test_an_atom_may_always_open_its_own_kind_and_nothing_else_without_a_grant(h: Harness) -> None:
    assert run(h, "other/a", "messaging.open other/b", "messaging.open script/b", "messaging.open nobody/b") == [
        "ok", "denied", "not-found",
    ]  # fmt: skip


def test_a_name_that_makes_no_sense_is_invalid_and_one_that_is_too_long_too_large(h: Harness) -> None:
    lines = ('messaging.open ""', "$n = fill 2000 n", "messaging.open $n", "$k = fill 1025 k", "$p = say script/",
             "$n = join $p $k", "messaging.open $n")  # fmt: skip
    assert run(h, "script/a", *lines)[::2] == ["invalid", "too-large", "ok script/", "too-large"]


def test_every_right_needs_its_own_grant(open_harness: Open, module: bytes) -> None:
    lines = ("messaging.open other/x", "$c = lifecycle.spawn other x", "lifecycle.stop other/x",
             "topics.publish news x", "topics.subscribe news", "messaging.open http:api")  # fmt: skip
    grants = ("other/*", "spawn:other", "stop:other/*", "publish:news", "subscribe:news", "http:api")
    for index, grant in enumerate(grants):
        kinds = {"script": script_kind(module, grants=(grant, "other/x")), "other": kind("other", module)}
        outcomes = run(open_harness(kinds, endpoints=["api"]), "script/a", *lines)
        expected = ["ok", *(["denied"] * 5)]
        expected[index] = "ok"
        assert outcomes == expected, grant


def test_grants_are_those_of_the_present_deployment(h: Harness, module: bytes) -> None:
    assert run(h, "script/a", "messaging.open other/b") == ["ok"]
    h.deploy({"script": script_kind(module, grants=()), "other": kind("other", module)})
    assert run(h, "script/a", "messaging.open other/b") == ["denied"]


# ---- links ----


def test_a_link_opens_an_address_under_a_name_of_the_manifest(open_harness: Open, module: bytes) -> None:
    h = granted(open_harness, module, links={"audit": "other/main", "script/x": "other/y"})
    assert run(h, "script/a", "address.text audit", "address.send audit x", "address.text script/x") == [
        "ok other/main", "ok", "ok other/y",
    ]  # fmt: skip
    assert run(h, "script/a", "messaging.open other/main", "messaging.open Audit") == ["denied", "not-found"]
    assert run(h, "other/a", "messaging.open audit") == ["not-found"]


# ---- capabilities ----


def test_an_address_that_was_received_needs_no_grant(open_harness: Open, module: bytes) -> None:
    h = granted(open_harness, module, "other/*")
    reply = script(
        "$s = message.sender $message", 'address.send $s "event pong"', "$t = address.text $s", "messaging.open $t"
    )
    run(h, "script/a", f"address.request other/b {word(reply)} 1s 1")
    assert events(h, "script/a") == ['start ""', "pong", 'replied 1 ok "ok\\nok\\nok script/a\\ndenied"']


def test_an_address_that_was_unsealed_needs_no_grant(h: Harness) -> None:
    seal = sealed(h, "script/a", "script/b")
    assert run(h, "other/x", f"$a = messaging.unseal {seal}", 'address.send $a "event mail"', "address.text $a") == [
        "ok", "ok", "ok script/b",
    ]  # fmt: skip
    assert events(h, "script/b") == ['start ""', "mail"]


def test_a_seal_is_the_same_every_time_and_for_everyone_across_losses(h: Harness) -> None:
    first = sealed(h, "script/a", "other/b")
    h.forget()
    h.restart(snapshot=True)
    assert sealed(h, "script/c", "other/b") == first
    assert sealed(h, "script/c", "other/c") != first


def test_a_seal_of_another_application_is_invalid(open_harness: Open, module: bytes, make: Make) -> None:
    h = open_harness({"script": script_kind(module)})
    with Harness({"script": script_kind(module)}, make=around(AnotherSecret, make)) as foreign:
        seal = sealed(foreign, "script/a", "script/b")
    assert run(h, "script/a", f"messaging.unseal {seal}") == ["invalid"]


@given(st.data())
def test_no_bytes_that_were_not_sealed_are_unsealed(
    make: Make, script_module: ScriptModule, data: st.DataObject
) -> None:
    with Harness({"script": script_kind(script_module("direct"))}, make=make) as h:
        sealed(h, "script/a", "script/b")
        good = h.state("script/a")["data"][b"sealed"]
        forged = data.draw(
            st.binary(max_size=60)
            | st.integers(0, len(good) - 1).map(lambda length: good[:length])
            | st.binary(min_size=1, max_size=20).map(lambda more: good + more)
            | st.tuples(st.integers(0, len(good) - 1), st.integers(1, 255)).map(
                lambda change: good[: change[0]] + bytes([good[change[0]] ^ change[1]]) + good[change[0] + 1 :]
            )
        )
        assert run(h, "script/a", f"messaging.unseal {word(forged)}") == ["invalid"]


@pytest.mark.parametrize("key", ["", "b", "a/b/c", "ü"])
def test_what_is_unsealed_is_the_address_that_was_sealed(h: Harness, key: str) -> None:
    name = word(f"script/{key}".rstrip("/").encode())
    lines = (f"$s = address.seal {name}", "$a = messaging.unseal $s", "$t = address.seal $a", "if $s $t say same",
             "address.text $a")  # fmt: skip
    assert run(h, "script/a", *lines)[3:] == ["ok same", f"ok {name}"]
