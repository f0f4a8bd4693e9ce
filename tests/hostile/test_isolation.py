"""Never another atom's bytes: fresh memory is zero, numbers mean nothing, and what is guessed opens nothing."""

from __future__ import annotations

import hashlib

from radon.host.domain import Settings
from radon.host.domains import default
from radon.testing.around import around
from radon.testing.harness import Harness, kind
from tests.domains import AnotherSecret
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import DATA, MESSAGE, PUPPET, Act, Script
from tests.hostile.wat import module

FIRST = MESSAGE + 1
SECRET = b"the launch code"

WRITER = module(
    more="(table $t 1 1000 funcref) (global $mine (mut i64) (i64.const 0))",
    receive="""(drop (memory.grow (i32.const 256)))
      (drop (table.grow $t (ref.func $receive) (i32.const 999)))
      (global.set $mine (i64.const -1))
      (memory.fill (i32.const 16384) (i32.const 115) (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 16384)))
      """,
)
"""Writes to all of 16 MiB of memory, to a table and to a global."""

READER = module(
    ["messaging.message.reply"],
    more="(table $t 1 1000 funcref) (global $mine (mut i64) (i64.const 0))",
    receive="""(drop (memory.grow (i32.const 256)))
      (drop (table.grow $t (ref.null func) (i32.const 999)))
      (local.set $a (i32.const 16384))
      (loop $on
        (local.set $b (i32.add (local.get $b) (i64.ne (i64.load (local.get $a)) (i64.const 0))))
        (local.set $a (i32.add (local.get $a) (i32.const 8)))
        (br_if $on (i32.lt_u (local.get $a) (i32.shl (memory.size) (i32.const 16)))))
      (local.set $a (i32.const 1))
      (loop $on
        (local.set $b (i32.add (local.get $b) (i32.eqz (ref.is_null (table.get $t (local.get $a))))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (br_if $on (i32.lt_u (local.get $a) (table.size $t))))
      (i32.store (i32.const 64) (i32.add (local.get $b) (i64.ne (global.get $mine) (i64.const 0))))
      (call $messaging.message.reply (local.get 0) (i32.const 64) (i32.const 4) (i32.const 128))""",
)
"""Answers with the number of words of its memory, table and globals that are not as a new one's."""


def test_fresh_memory_is_zero_whoever_had_it_before(yard: Yard) -> None:
    h = yard(Settings(instances=2), writer=WRITER, reader=READER)
    for number in range(10):
        h.send(f"writer/{number}", SECRET)
        assert h.call(f"reader/{number}") == bytes(4)
    h.forget()
    assert h.call("reader/x") == bytes(4)
    assert h.call("reader/y") == bytes(4)


def test_one_kind_has_no_memory_in_common(yard: Yard) -> None:
    both = module(
        ["messaging.message.reply"],
        receive="""(i32.store (i32.const 64) (i32.load (i32.const 70000)))
          (i32.store (i32.const 70000) (i32.const -1))
          (call $messaging.message.reply (local.get 0) (i32.const 64) (i32.const 4) (i32.const 128))""",
        memory='(memory (export "memory") 2)',
    )
    h = yard(guest=both)
    assert [h.call(f"guest/{key}") for key in "abcab"] == [bytes(4)] * 3 + [b"\xff" * 4] * 2


def keeping_secrets(h: Harness, atom: str) -> None:
    """The atom has a secret in its state and in its memory, a kept message, a timer and handles."""
    script = Script()
    script.call("state.open", *script.data(b"data"), script.area())
    script.call("state.bucket.put", FIRST, *script.data(b"key"), *script.data(SECRET), script.area())
    script.call("messaging.message.keep", MESSAGE, 5, script.area())
    script.call("clock.set-timer", 10**12, 5, script.area())
    script.call("messaging.self")
    script.call("objects.put", *script.data(SECRET), script.area())
    h.post(atom, script.body())


def test_no_number_reaches_another_atoms_resources(h: Harness) -> None:
    keeping_secrets(h, "puppet/a")
    asking = {
        "messaging.message.id": (64,), "messaging.address.text": (64,), "state.bucket.get": (DATA, 3, 64),
        "objects.object.read": (0, 100, 64), "messaging.message.reply": (DATA, 3, 64),
    }  # fmt: skip
    for name, arguments in asking.items():
        for handle in range(2 if name.startswith("messaging.message") else 1, 12):
            script = Script()
            script.data(b"key")
            script.call(name, handle, *arguments)
            assert f"{handle} is no handle of a live" in script.fail(h, f"puppet/{name}-{handle}")


def test_the_same_bucket_key_and_tokens_of_another_atom_are_its_own(h: Harness) -> None:
    keeping_secrets(h, "puppet/a")
    script = Script()
    got, kept, scanned = script.area(), script.area(), script.area()
    script.call("state.open", *script.data(b"data"), script.area())
    script.call("state.bucket.get", FIRST, *script.data(b"key"), got)
    script.call("messaging.kept", 5, kept)
    script.call("state.bucket.scan", FIRST, *[0] * 6, 100, 0, scanned)
    script.call("clock.cancel-timer", 5)
    played = script.play(h, "puppet/b")
    assert played.word(got + 4) == 0  # ok(none)
    assert played.word(kept) == 0
    assert played.word(scanned + 8) == 0
    assert SECRET not in played.memory
    assert h.image().atoms["puppet", "a"].timers


def test_an_object_is_opened_by_who_knows_its_name(h: Harness) -> None:
    """Its name is a hash of what is in it: to know it is to know the bytes, or to have been told."""
    keeping_secrets(h, "puppet/a")
    script = Script()
    areas = [script.area() for _ in range(3)]
    for guess, area in zip((hashlib.sha256(b"guess").hexdigest(), "0" * 64, ""), areas, strict=True):
        script.call("objects.open", *script.data(guess.encode()), area)
    played = script.play(h, "puppet/b")
    assert [played.code(area, gap=4) for area in areas] == ["not-found"] * 3


def sealed(h: Harness) -> bytes:
    """What puppet/a seals its own address as."""
    script = Script()
    area = script.area()
    script.call("messaging.self")
    script.call("messaging.address.seal", FIRST, area)
    played = script.play(h)
    at, length = played.word(area), played.word(area + 4)
    script = Script()
    script.call("objects.put", at, length, area)
    h.send("puppet/a", script.body())
    (thing,) = h.image().objects.values()
    return thing.body


def unsealing(h: Harness, data: bytes) -> str:
    """What another atom is told of it."""
    script = Script()
    area = script.area()
    script.call("messaging.unseal", *script.data(data), area)
    return script.play(h, "puppet/b").code(area, gap=4)


def test_an_address_that_was_not_sealed_here_is_invalid(h: Harness) -> None:
    good = sealed(h)
    forged = [
        b"", good[:-1], good[:-16], good[:-1] + bytes([good[-1] ^ 1]), good[:8] + b"witness" + good[-16:], bytes(16),
        bytes(24), good + b"x", good * 1000, b"\xff" * len(good), bytes(8) + good[8:],
    ]  # fmt: skip
    assert [unsealing(h, data) for data in forged] == ["invalid"] * len(forged)
    assert unsealing(h, good) == "ok"


def test_a_seal_of_another_application_is_none_here(h: Harness) -> None:
    with Harness({"puppet": hostile("puppet", PUPPET)}, make=around(AnotherSecret, default())) as there:
        assert unsealing(h, sealed(there)) == "invalid"


def test_what_a_kind_was_not_granted_stays_closed(yard: Yard) -> None:
    h = yard(puppet=kind("puppet", PUPPET), witness2=module())
    script = Script()
    names = [b"witness/w", b"witness2", b"http:api", b"@topic/news", b"@client/1", b"@once/x", b"", b"/", b"nowhere/x"]
    areas = [script.area() for _ in names]
    for name, area in zip(names, areas, strict=True):
        script.call("messaging.open", *script.data(name), area)
    for act, arguments in (
        ("topics.publish", (8, 0)), ("topics.subscribe", ()), ("topics.unsubscribe", ()),
    ):  # fmt: skip
        areas.append(script.area() + 3)
        script.call(act, *script.data(b"news"), *arguments, areas[-1])
    areas.append(script.area())
    script.call("lifecycle.spawn", *script.data(b"witness"), 0, 0, areas[-1])
    played = script.play(h)
    assert [played.code(area, 1 if area % 4 else 4) for area in areas] == [
        "denied", "denied", "denied", "not-found", "not-found", "not-found", "invalid", "not-found", "not-found",
        "denied", "denied", "denied", "denied",
    ]  # fmt: skip


def test_a_spawned_atom_has_a_key_that_nobody_could_have_taken_before(h: Harness) -> None:
    """All but the secret that it is hashed with can be seen by guests: ids say the turn, addresses the parent."""
    script = Script()
    area = script.area()
    script.call("lifecycle.spawn", *script.data(b"witness"), 0, 0, area)
    script.play(h)
    (key,) = [key for kind, key in h.image().atoms if kind == "witness"]
    image = h.image()
    ids = [
        step.to_bytes(12, "big") + ordinal.to_bytes(4, "big") for step in range(image.step + 1) for ordinal in range(9)
    ]
    guesses = {hashlib.sha256(b"puppet/a\0" + id).hexdigest()[:20] for id in ids}
    assert key not in guesses


def test_random_numbers_of_two_atoms_and_of_two_turns_differ(h: Harness) -> None:
    drawn = []
    for atom in ("puppet/a", "puppet/b", "puppet/a"):
        script = Script()
        steps = [script.call("random.next") for _ in range(5)]
        played = script.play(h, atom)
        drawn += [played.result(step) for step in steps]
    assert len(set(drawn)) == 15


def test_what_a_failed_turn_had_is_not_there_afterwards(h: Harness) -> None:
    script = Script()
    script.call(Act.STORE, 50_000, 0x5EC4E7)
    script.call("messaging.message.keep", MESSAGE, 5, script.area())
    script.call("clock.set-timer", 10**9, 5, script.area())
    script.call("objects.put", *script.data(SECRET), script.area())
    script.call("state.open", *script.data(b"data"), script.area())
    script.call("state.bucket.put", FIRST + 1, 8, 1, 8, 1, script.area())
    script.call(Act.TRAP)
    script.fail(h)
    atom = h.image().atoms["puppet", "a"]
    assert (atom.buckets, atom.used, atom.timers, atom.kept, h.image().objects) == ({}, 0, {}, {}, {})
    script = Script()
    seen = script.call(Act.LOAD, 50_000)
    assert script.play(h).result(seen) == 0
