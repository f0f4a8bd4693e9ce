"""Components of several core instances: whose memory, whose `realloc`, and what their start functions may do."""

from __future__ import annotations

import pytest
import wasmtime
import wasmtime.component

from radon.abi.errors import Closed, LoadError
from radon.abi.syscalls import HANDLERS
from radon.host.engine import engine
from radon.host.limits import MIB, Limits
from radon.host.loader import load
from radon.testing.harness import Harness
from tests.hostile.conftest import Yard, hostile

RECEIVE = HANDLERS["receive"].export

TYPES = """
    (import "radon:atom/errors@0.1.0" (instance $errors
      (type $e (enum "denied" "not-found" "too-large" "exhausted" "timeout" "closed" "unavailable" "invalid"))
      (export "error-code" (type (eq $e)))))
    (alias export $errors "error-code" (type $code))
    (import "radon:atom/messaging@0.1.0" (instance $messaging
      (alias outer 1 $code (type $c)) (export "error-code" (type $error (eq $c)))
      (export "message" (type $m (sub resource)))
      (export "[method]message.id" (func (param "self" (borrow $m)) (result (list u8))))
      (export "[method]message.reply"
        (func (param "self" (borrow $m)) (param "body" (list u8)) (result (result (error $error)))))))
    (alias export $messaging "message" (type $message))
    (import "radon:atom/clock@0.1.0" (instance $clock
      (export "now" (func (result u64)))
      (export "sleep" (func (param "duration" u64)))))"""

HEAP = """
      (global $heap (mut i32) (i32.const 1024))
      (func $bump (param $size i32) (result i32) (local $at i32)
        (local.set $at (global.get $heap))
        (global.set $heap (i32.add (global.get $heap) (local.get $size)))
        (local.get $at))"""


def component(*, realloc: str = "", second: str = "", receive: str = "", start: str = "", more: str = "") -> bytes:
    """An atom whose memory and `realloc`s are of another instance than its handler.

    `realloc` is the body of the one for messages, `second` of the one for `message.id`: `$size` bytes are wanted, and
    `$bump` gives some. `start` is the start function's body.
    """
    text = f"""(component {TYPES}
    (core module $Library
      (memory (export "memory") 1) {HEAP}
      (func (export "first") (param i32 i32 i32) (param $size i32) (result i32)
        {realloc} (call $bump (local.get $size)))
      (func (export "second") (param i32 i32 i32) (param $size i32) (result i32)
        (i32.store (i32.const 512) (i32.add (i32.load (i32.const 512)) (i32.const 1)))
        {second} (call $bump (local.get $size))))
    (core module $Main
      (import "library" "memory" (memory 1))
      (import "host" "id" (func $id (param i32 i32)))
      (import "host" "reply" (func $reply (param i32 i32 i32 i32)))
      (import "host" "now" (func $now (result i64)))
      (import "host" "sleep" (func $sleep (param i64)))
      (func $start {start}) (start $start)
      (func (export "receive") (param i32 i32 i32) (result i32)
        {receive}
        (call $id (local.get 0) (i32.const 256))
        (call $reply (local.get 0) (i32.const 512) (i32.const 4) (i32.const 256))
        (i32.const 16)))
    (core instance $library (instantiate $Library)) {more}
    (alias core export $library "memory" (core memory $memory))
    (alias core export $library "first" (core func $first))
    (alias core export $library "second" (core func $second))
    (core func $id (canon lower (func $messaging "[method]message.id") (memory $memory) (realloc $second)))
    (core func $reply (canon lower (func $messaging "[method]message.reply") (memory $memory)))
    (core func $now (canon lower (func $clock "now")))
    (core func $sleep (canon lower (func $clock "sleep")))
    (core instance $main (instantiate $Main
      (with "library" (instance $library))
      (with "host" (instance (export "id" (func $id)) (export "reply" (func $reply))
        (export "now" (func $now)) (export "sleep" (func $sleep))))))
    (func $receive (param "message" (borrow $message)) (param "body" (list u8)) (result (result (error string)))
      (canon lift (core func $main "receive") (memory $memory) (realloc $first)))
    (component $Shim
      (import "message" (type $m (sub resource)))
      (import "receive" (func $f
        (param "message" (borrow $m)) (param "body" (list u8)) (result (result (error string)))))
      (export $exported "message" (type $m))
      (export "receive" (func $f)
        (func (param "message" (borrow $exported)) (param "body" (list u8)) (result (result (error string))))))
    (instance $handler (instantiate $Shim (with "message" (type $message)) (with "receive" (func $receive))))
    (export "radon:atom/handler@0.1.0" (instance $handler)))"""
    return text.encode()


def opened(yard: Yard, **parts: str) -> Harness:
    return yard(joined=component(**parts))


def failure(h: Harness) -> str:
    with pytest.raises(Closed):
        h.call("joined/a", b"body")
    return h.logs()[-1]


def test_these_components_are_such_as_the_engine_takes() -> None:
    wasmtime.component.Component(engine(), bytes(wasmtime.wat2wasm(component().decode())))


def test_each_function_has_the_realloc_that_was_chosen_for_it(yard: Yard) -> None:
    h = opened(yard)
    assert [h.call("joined/a", b"body") for _ in range(3)] == [b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0"]


@pytest.mark.parametrize("which", ["realloc", "second"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("unreachable", "unreachable"),
        ("(loop $on (br $on))", "all fuel consumed"),
        ("(return (i32.const 65535))", "outside of the 65536 bytes"),
        ("(return (i32.const -1))", "outside of the 65536 bytes"),
    ],
)
def test_a_realloc_of_another_instance_that_misbehaves_fails_the_turn(
    yard: Yard, which: str, body: str, said: str
) -> None:
    assert said in failure(opened(yard, **{which: body}))


@pytest.mark.parametrize("which", ["realloc", "second"])
def test_memory_that_a_realloc_of_another_instance_grows_is_seen(yard: Yard, which: str) -> None:
    grow = "(return (i32.shl (memory.grow (i32.const 1)) (i32.const 16)))"
    h = opened(yard, **{which: grow})
    assert [h.call("joined/a", b"body") for _ in range(3)] == [b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0"]


def test_the_memory_of_all_its_instances_is_limited(yard: Yard) -> None:
    grow = "(if (i32.eq (memory.grow (i32.const 20)) (i32.const -1)) (then unreachable))"
    assert "unreachable" in failure(yard(joined=hostile("joined", component(realloc=grow), limits=Limits(memory=MIB))))
    least = hostile("joined", component(), limits=Limits(memory=60_000))
    assert "needs 65536 bytes of memory to begin with" in failure(yard(joined=least))


# -- start functions --


def test_a_start_function_may_call_the_host(yard: Yard) -> None:
    start = "(i64.store (i32.const 600) (call $now)) (if (i64.eqz (i64.load (i32.const 600))) (then unreachable))"
    assert opened(yard, start=start).call("joined/a", b"body") == b"\1\0\0\0"


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("unreachable", "unreachable"),
        ("(loop $on (br $on))", "all fuel consumed"),
        ("(call $sleep (i64.const 5))", "a turn cannot wait here"),
        ("(call $reply (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 256))", "1 is no handle of a live message"),
    ],
)
def test_a_start_function_that_does_not_end_well_fails_the_turn(yard: Yard, start: str, said: str) -> None:
    assert said in failure(opened(yard, start=start))


def test_a_handler_may_wait_where_a_start_function_may_not(yard: Yard) -> None:
    h = opened(yard, receive="(call $sleep (i64.const 5))")
    token = h.post("joined/a", b"body")
    h.advance("1s")
    assert h.answer(token) == b"\1\0\0\0"


# -- what is refused before it runs --


def refusal(text: bytes) -> str:
    with pytest.raises(LoadError) as caught:
        load(text, "x")
    return str(caught.value).removeprefix("module 'x': ")


ADAPTS = '(import "library" "first" (func (param i32 i32 i32 i32) (result i32)))'


def test_a_component_has_one_memory() -> None:
    more = f"""(core module $Other {ADAPTS} (memory 1))
        (core instance $other (instantiate $Other (with "library" (instance $library))))"""
    assert refusal(component(more=more)) == "has 2 memories; an atom has one"


def test_a_component_of_exceptions_is_refused() -> None:
    more = f"""(core module $Other {ADAPTS} (tag))
        (core instance $other (instantiate $Other (with "library" (instance $library))))"""
    assert "uses WebAssembly exceptions" in refusal(component(more=more))


def test_core_types_are_those_of_the_table() -> None:
    text = component().replace(b'"now" (func $now (result i64))', b'"now" (func $now (result i32))')
    said = "import radon:atom/clock@0.1.0.now is () -> (i32); it must be () -> (i64)"
    assert refusal(text) == said
    text = component().replace(b'"second") (param i32 i32 i32)', b'"second") (param i32 i32 i64)')
    assert refusal(text).startswith("export 'second' is (i32 i32 i64 i32) -> (i32); it must be")


def test_a_component_that_cannot_be_given_a_message_is_refused() -> None:
    text = component().replace(b" (memory $memory) (realloc $first)))\n    (component", b"))\n    (component")
    assert "without memory or realloc" in refusal(text)


def test_a_component_that_exports_no_handler_is_no_atom() -> None:
    text = component().replace(b'(export "radon:atom/handler@0.1.0" (instance $handler))', b"")
    assert refusal(text) == f"does not export {RECEIVE!r}, without which it is no atom"
    text = component().replace(b'(export "radon:atom/handler@0.1.0"', b'(export "radon:atom/handler@0.9.0"')
    assert "which no handler of radon:atom 0.1.0 is named" in refusal(text)


def test_functions_that_the_standard_does_not_have_are_refused() -> None:
    text = component().replace(b"message.id", b"message.age")
    assert "imports what Radon does not offer: radon:atom/messaging@0.1.0.[method]message.age" in refusal(text)


def joint(exports: str, imports: str) -> bytes:
    """A component whose library exports something else than a memory of a page, too, and whose handler imports it."""
    text = component().decode()
    text = text.replace('(memory (export "memory") 1)', exports)
    return text.replace('(import "library" "memory" (memory 1))', imports).encode()


MEMORY = '(memory (export "memory") 1)'
MORE = f"""{MEMORY} (func (export "func") (result i32) unreachable) (global (export "global") i32 (i32.const 0))
  (table (export "table") 1 3 funcref)"""


@pytest.mark.parametrize(("exports", "wanted", "said"), [
    (MEMORY, "(memory 9)", "a memory of 9 or more, and is given a memory of 1 or more"),
    (MEMORY, "(memory 1 4)", "a memory of 1 to 4, and is given a memory of 1 or more"),
    ('(memory (export "memory") 1 5)', "(memory 1 4)", "a memory of 1 to 4, and is given a memory of 1 to 5"),
    (MORE, "(func (param i32))", "(i32) -> (), and is given () -> (i32)"),
    (MORE, "(global (mut i32))", "a mutable i32, and is given a constant i32"),
    (MORE, "(global i64)", "a constant i64, and is given a constant i32"),
    (MORE, "(table 2 funcref)", "a table of funcref of 2 or more, and is given a table of funcref of 1 to 3"),
    (MORE, "(table 1 2 funcref)", "a table of funcref of 1 to 2, and is given a table of funcref of 1 to 3"),
])  # fmt: skip
def test_parts_that_do_not_fit_each_other_are_refused(exports: str, wanted: str, said: str) -> None:
    """No tool makes such a component."""
    name = wanted[1:].partition(" ")[0]
    memory = "" if name == "memory" else '(import "library" "memory" (memory 1))'
    text = joint(exports, f'{memory} (import "library" "{name}" {wanted})')
    assert refusal(text) == f"import library.{name} of a module inside the component is {said}"


@pytest.mark.parametrize("wanted", ["(table 1 3 funcref)", "(table 0 8 funcref)", "(table 0 funcref)"])
def test_parts_that_fit_each_other_need_not_say_the_same(wanted: str) -> None:
    load(joint(MORE, f'(import "library" "memory" (memory 0)) (import "library" "table" {wanted})'), "x")
