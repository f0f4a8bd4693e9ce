"""Where a guest may not call out: inside `cabi_realloc` and `cabi_post` (rule 11). And where it may: as it begins."""

from __future__ import annotations

import pytest

from radon.abi.signature import Syscall
from radon.abi.syscalls import HANDLERS, SYSCALLS
from radon.host.kind import Retry
from radon.testing.harness import Harness
from tests.hostile.conftest import Yard, hostile
from tests.hostile.puppet import Act, Allocate, Script
from tests.hostile.test_pointers import arguments
from tests.hostile.wat import BY_NAME, module

LOG = "(call $log.write (i32.const 1) (i32.const 16) (i32.const 5))"
HELLO = '(data (i32.const 16) "hello")'


@pytest.mark.parametrize("where", ["cabi_realloc", "cabi_post"])
def test_no_syscall_may_be_made_while_the_guest_is_called_for_memory_or_after_its_result(
    h: Harness, where: str
) -> None:
    for row in SYSCALLS:
        if where == "cabi_post" and row.field.startswith("[resource-drop]"):
            continue
        script = Script()
        call = script.call(row.name, *arguments_for(script, row))
        if where == "cabi_realloc":
            script.call(Act.ALLOCATE, Allocate.SYSCALL, script.step_at(call))
            script.call("random.fill", 8, script.area())
        else:
            script.call(Act.POST, 3, script.step_at(call))
        line = script.fail(h, f"puppet/{row.name}")
        assert f"trap: a syscall inside cabi_realloc or cabi_post in step.{row.name} < step < " in line
    assert all(letter.cause == "trap: abi" for letter in h.dead())
    assert not h.sent()


def test_handles_may_be_dropped_inside_of_cabi_post(h: Harness) -> None:
    script = Script()
    script.call("messaging.self")
    drop = script.call("messaging.address.drop", 2)
    again = script.call("messaging.self")
    script.call(Act.POST, 3, script.step_at(drop))
    assert script.play(h).result(again) == 2
    script = Script()
    after = script.call("messaging.self")
    script.call(Act.POST, 0)
    assert script.play(h).result(after) == 2


def arguments_for(script: Script, row: Syscall) -> list[int]:
    """Good ones, but that the call is made twice: what was dropped must be there the second time."""
    if row.field.startswith("[resource-drop]"):
        resource = row.takes[0][4:-1]
        values = arguments(script, BY_NAME[{"message": "messaging.message.id"}.get(resource, row.name)])
        script.call("messaging.self")
        return values[:1]
    return arguments(script, row)


@pytest.mark.parametrize(
    "post", [(1, "unreachable in radon:atom/handler"), (2, "all fuel consumed by WebAssembly in ")]
)
def test_a_turn_fails_with_what_is_called_after_it(h: Harness, post: tuple[int, str]) -> None:
    how, says = post
    script = Script()
    script.call("state.open", *script.data(b"data"), script.area())
    script.call("state.bucket.put", 2, 8, 1, 8, 1, script.area())
    script.call(Act.POST, how)
    assert says.split(" in ")[0] in script.fail(h)
    assert h.state("puppet/a") == {}


def test_wasi_is_not_there_either(yard: Yard) -> None:
    calls = "(drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 0) (i32.const 32)))"
    realloc = f"""(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {calls} (i32.const 64))"""
    h = yard(guest=module(wasi=["fd_write"], realloc=realloc))
    h.send("guest/a", b"x")
    assert "trap: a syscall inside cabi_realloc or cabi_post in realloc" in h.logs()[-1]


# ---- as it begins: a start section and `_initialize` run in the first turn of an instance ----

BEGINNINGS = {
    "start section": "(start $begin) (func $begin {})",
    "_initialize": '(func $begin (export "_initialize") {})',
}


@pytest.fixture(params=BEGINNINGS.values(), ids=list(BEGINNINGS))
def beginning(request: pytest.FixtureRequest) -> str:
    text = request.param
    assert isinstance(text, str)
    return text


def test_a_guest_may_call_out_as_it_begins(yard: Yard, beginning: str) -> None:
    calls = f"{LOG} (call $random.fill (i32.const 100) (i32.const 32)) (drop (call $messaging.self))"
    guest = module(["log.write", "random.fill", "messaging.self"], more=HELLO + beginning.format(calls))
    h = yard(guest=guest)
    h.send("guest/a", b"x")
    assert h.logs() == ["hello"]
    h.send("guest/a", b"x")
    assert h.logs() == ["hello"]
    h.forget()
    h.send("guest/a", b"x")
    assert h.logs() == ["hello"] * 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("unreachable", "unreachable"),
        ("(loop $on (br $on))", "all fuel consumed by WebAssembly in begin"),
        ("(call $begin)", "call stack exhausted in begin < begin < "),
        ("(call $random.fill (i32.const 1) (i32.const -4))", "outside of the 65536 bytes of memory in begin"),
        ("(call $state.bucket.drop (i32.const 1))", "1 is no handle of a live bucket in begin"),
        ("(loop $on (drop (call $messaging.self)) (br $on))", "1024 of 1024 handles are in use"),
    ],
)
def test_a_guest_that_fails_as_it_begins_fails_its_turn_each_time(
    yard: Yard, beginning: str, body: str, says: str
) -> None:
    guest = module(["random.fill", "messaging.self", "state.bucket.drop"], more=beginning.format(body))
    h = yard(guest=hostile("guest", guest, retry=Retry(attempts=3)))
    h.send("guest/a", b"x")
    h.advance("1s")
    assert len(h.logs()) == 3
    assert all(says in line for line in h.logs())
    assert [letter.delivery.body for letter in h.dead()] == [b"x"]


def test_a_guest_may_wait_as_it_begins(yard: Yard, beginning: str) -> None:
    h = yard(guest=module(["clock.sleep", "log.write"], more=HELLO + beginning.format(
        f"(call $clock.sleep (i64.const 1000000000)) {LOG}")))  # fmt: skip
    h.post("guest/a", b"x")
    assert h.logs() == []
    h.forget()
    h.advance("1s")
    assert h.logs() == ["hello"]


def test_a_guest_that_waits_as_it_begins_can_be_abandoned_there(yard: Yard, beginning: str) -> None:
    text = beginning.format("(call $clock.sleep (i64.const -1))")
    h = yard(guest=module(["clock.sleep"], more=text))
    for number in range(10):
        h.post(f"guest/{number}", b"x")
    h.forget()
    h.deploy({"guest": hostile("guest", module()), "witness": h.kinds["witness"]})


def test_an_atom_may_end_as_it_begins(yard: Yard, beginning: str) -> None:
    h = yard(guest=module(["lifecycle.exit"], more=beginning.format("(call $lifecycle.exit (i32.const 7))")))
    h.send("guest/a", b"x")
    assert not h.lives("guest/a")
    assert h.logs() == []


def test_a_handler_that_a_deployment_took_away_is_no_crash(yard: Yard) -> None:
    timer = "(drop (i32.const 0)) (call $clock.set-timer (i64.const 1000) (i64.const 1) (i32.const 64))"
    h = yard(guest=module(["clock.set-timer"], receive=timer))
    h.send("guest/a", b"x")
    h.deploy({"guest": hostile("guest", module()), "witness": h.kinds["witness"]})
    h.advance("1s")
    assert f"the module does not export {HANDLERS['fired'].export}" in h.logs()[-1]
