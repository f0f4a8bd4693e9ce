"""Rules 2 and 11: what a guest can observe of the host at the crossing, and where it may not cross.

The guests are WAT, because the SDK hides what is looked at here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from radon.abi.signature import Syscall
from radon.abi.syscalls import HANDLERS, SYSCALLS
from radon.host.kind import Retry
from radon.host.limits import Limits
from radon.testing.harness import Harness, kind
from tests.scripts import run, script, script_kind

Open = Callable[..., Harness]

MESSAGING, STATE = "radon:atom/messaging@0.1.0", "radon:atom/state@0.1.0"
RECEIVE = HANDLERS["receive"]

# ---- rule 2: specified, not incidental ----

REALLOCS = f"""
(module
  (import "{STATE}" "open" (func $open (param i32 i32 i32)))
  (import "{STATE}" "[method]bucket.put" (func $put (param i32 i32 i32 i32 i32 i32)))
  (import "{STATE}" "[method]bucket.get-many" (func $get_many (param i32 i32 i32 i32)))
  (import "{STATE}" "[method]bucket.scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "{MESSAGING}" "[method]message.reply" (func $reply (param i32 i32 i32 i32)))
  (import "{MESSAGING}" "[method]message.metadata" (func $metadata (param i32 i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "databkvxyz")
  (data (i32.const 16) "\\04\\00\\00\\00\\01\\00\\00\\00")  ;; three keys: b, k, v
  (data (i32.const 24) "\\05\\00\\00\\00\\01\\00\\00\\00")
  (data (i32.const 32) "\\06\\00\\00\\00\\01\\00\\00\\00")
  (global $calls (mut i32) (i32.const 4096))
  (global $top (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.store (global.get $calls) (local.get 0))
    (i32.store offset=4 (global.get $calls) (local.get 1))
    (i32.store offset=8 (global.get $calls) (local.get 2))
    (i32.store offset=12 (global.get $calls) (local.get 3))
    (global.set $calls (i32.add (global.get $calls) (i32.const 16)))
    (global.set $top (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get 3))))
  (func (export "{RECEIVE.export}") (param $message i32) (param i32 i32) (result i32)
    (local $bucket i32)
    (call $open (i32.const 0) (i32.const 4) (i32.const 256))
    (local.set $bucket (i32.load (i32.const 260)))
    (call $put (local.get $bucket) (i32.const 4) (i32.const 1) (i32.const 7) (i32.const 3) (i32.const 256)) ;; b: xyz
    (call $put (local.get $bucket) (i32.const 5) (i32.const 1) (i32.const 7) (i32.const 0) (i32.const 256)) ;; k: empty
    (call $get_many (local.get $bucket) (i32.const 16) (i32.const 3) (i32.const 256))
    (call $scan (local.get $bucket) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 9) (i32.const 0) (i32.const 256))
    (call $metadata (local.get $message) (i32.const 4) (i32.const 1) (i32.const 256))
    (call $reply (local.get $message) (i32.const 4096) (i32.sub (global.get $calls) (i32.const 4096)) (i32.const 256))
    i32.const 512))
""".encode()


def test_cabi_realloc_is_called_in_the_order_of_the_values_and_never_for_length_0(open_harness: Open) -> None:
    h = open_harness({"guest": kind("guest", REALLOCS)})
    recorded = h.call("guest/a", b"body", metadata=[("b", b"12345")])
    assert list(struct.iter_unpack("<4I", recorded)) == [
        (0, 0, 1, 4),  # the body
        (0, 0, 4, 36), (0, 0, 1, 3),  # three options of bytes; of these only "xyz" has any
        (0, 0, 4, 32), (0, 0, 1, 1), (0, 0, 1, 3), (0, 0, 1, 1),  # two entries: b and xyz, k and nothing
        (0, 0, 1, 5),  # metadata
    ]  # fmt: skip
    assert next(struct.iter_unpack("<4I", h.call("guest/b"))) == (0, 0, 4, 36), "no body, no memory for it"


def test_room_is_taken_from_an_arena_in_units_of_16_before_the_guest_is_asked(open_harness: Open) -> None:
    shown = """
      (global (export "radon_arena") i32 (i32.const 48))
      (data (i32.const 48) "\\00\\00\\01\\00\\40\\00\\01\\00")  ;; 64 bytes at 65536
      (global $top (mut i32) (i32.const 65600))"""
    h = open_harness(
        {"guest": kind("guest", REALLOCS.replace(b"(global $top (mut i32) (i32.const 65536))", shown.encode()))}
    )
    recorded = h.call("guest/a", b"body", metadata=[("b", b"12345")])
    assert list(struct.iter_unpack("<4I", recorded)) == [
        # the body took 16 bytes, the list of three options 48: that was all
        (0, 0, 1, 3), (0, 0, 4, 32), (0, 0, 1, 1), (0, 0, 1, 3), (0, 0, 1, 1), (0, 0, 1, 5),
    ]  # fmt: skip


HANDLES = f"""
(module
  (import "{MESSAGING}" "self" (func $self (result i32)))
  (import "{MESSAGING}" "[resource-drop]address" (func $drop (param i32)))
  (import "{MESSAGING}" "[method]message.reply" (func $reply (param i32 i32 i32 i32)))
  (import "{STATE}" "open" (func $open (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "data")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
  (func (export "{RECEIVE.export}") (param $message i32) (param i32 i32) (result i32)
    (i32.store (i32.const 64) (local.get $message))
    (i32.store (i32.const 68) (call $self))
    (i32.store (i32.const 72) (call $self))
    (i32.store (i32.const 76) (call $self))
    (call $drop (i32.load (i32.const 76)))
    (call $drop (i32.load (i32.const 68)))
    (call $open (i32.const 0) (i32.const 4) (i32.const 256))
    (i32.store (i32.const 80) (i32.load (i32.const 260)))
    (i32.store (i32.const 84) (call $self))
    (i32.store (i32.const 88) (call $self))
    (call $reply (local.get $message) (i32.const 64) (i32.const 28) (i32.const 256))
    i32.const 512))
""".encode()


def test_a_handle_is_the_lowest_free_number_of_one_table_for_all_types(open_harness: Open) -> None:
    h = open_harness({"guest": kind("guest", HANDLES)})
    assert struct.unpack("<7I", h.call("guest/a")) == (1, 2, 3, 4, 2, 4, 5)
    assert struct.unpack("<7I", h.call("guest/a"))[0] == 1, "the message that was lent is taken back"


def test_what_a_guest_is_not_told_in_words_is_the_same_for_all(h: Harness) -> None:
    """Failure is a code; the words that explain it are for the log alone."""
    assert run(h, "other/a", "messaging.open nobody/x", "messaging.open script/x", "messaging.open other/x") == [
        "not-found", "denied", "ok",
    ]  # fmt: skip


# ---- rule 11: where no syscall may be made ----


def trespasser(row: Syscall, place: str) -> bytes:
    """An atom that makes the syscall inside of its `cabi_realloc` or `cabi_post`."""
    zeros = " ".join(f"({core}.const 0)" for core in row.params)
    call = f"(call $syscall {zeros}) {'drop' if row.results else ''}"
    others = "".join(
        f'(func (export "{handler.export}") (param {" ".join(handler.params)}) (result i32) unreachable)'
        for handler in HANDLERS.values()
        if handler.name in ("replied", "fired", "down")  # without them some syscalls may not be imported
    )
    return f"""
    (module
      (import "{row.interface}" "{row.field}"
        (func $syscall (param {" ".join(row.params)}) (result {" ".join(row.results)})))
      (memory (export "memory") 1)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        {call if place == "cabi_realloc" else ""} i32.const 64)
      (func (export "{RECEIVE.export}") (param i32 i32 i32) (result i32) i32.const 512)
      (func (export "{RECEIVE.post}") (param i32) {call if place == "cabi_post" else ""})
      {others})
    """.encode()


@pytest.mark.parametrize("place", ["cabi_realloc", "cabi_post"])
def test_every_syscall_traps_inside_of_cabi_realloc_and_cabi_post(open_harness: Open, place: str) -> None:
    rows = [row for row in SYSCALLS if place == "cabi_realloc" or not row.field.startswith("[resource-drop]")]
    guests = {f"guest{number}": trespasser(row, place) for number, row in enumerate(rows)}
    h = open_harness({name: kind(name, guest, retry=Retry(attempts=1)) for name, guest in guests.items()})
    for name in guests:
        h.send(f"{name}/a", b"body")
    assert [letter.cause for letter in h.dead()] == ["trap: abi"] * len(rows)
    assert all("inside cabi_realloc or cabi_post" in line for line in h.logs())


def test_a_guest_that_can_suspend_is_entered_leaves_and_is_entered_again(hf: Harness) -> None:
    """Body, answer and result all pass through `cabi_realloc` of a turn that was left in between."""
    token = hf.post("script/a", script('address.call script/b "clock.sleep 1s" 9s', "say end"))
    assert run(hf, "script/a2", 'address.call script/c "say nested" 1s') == ['ok "ok nested"']
    hf.advance("1s")
    assert hf.answer(token) == b"ok ok\nok end"


def test_both_ways_of_entering_a_guest_give_the_same(open_harness: Open, script_module: Callable[[str], bytes]) -> None:
    lines = ("bucket.put data k v", "bucket.get data k", "random.next", "clock.now", "message.id $message",
             '$c = lifecycle.spawn script "event x"', "address.text $c", "address.seal $c")  # fmt: skip
    harnesses = [open_harness({"script": script_kind(script_module(name))}) for name in ("fiber", "direct")]
    first, second = [run(h, "script/a", *lines) for h in harnesses]
    assert first == second
    assert harnesses[0].domain.snapshot() == harnesses[1].domain.snapshot()


def test_a_message_over_the_limit_never_reaches_the_guest(open_harness: Open, module: bytes) -> None:
    h = open_harness({"script": script_kind(module, limits=Limits(message=100))})
    reply = h.reply(h.post("script/a", bytes(101)))
    assert reply is not None
    assert reply.code == 3
    assert not h.lives("script/a")
