"""What the calls of the C SDK carry, each way.

The guest `everything.c` calls each function of radon.h. It is run as a component, so that wasmtime's own Canonical ABI
stands on the other side: nothing of Radon's host takes part.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from wasmtime import component

from radon.abi.syscalls import HANDLERS, SYSCALLS
from radon.atoms import build
from radon.host.engine import engine

EVERYTHING = Path(__file__).parent / "everything.c"
COUNTER = build.sdk_directory() / "counter.c"

REP = {"address": 7, "message": 9, "bucket": 11, "object": 13}
"""What a handle of each type stands for on the host's side."""

Build = Callable[[Path], Path]


class Host:
    """Stands in for Radon: notes each call by its short name, and answers as the test has laid down."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[Any, ...]] = []
        self.given: list[int] = []
        self.dropped: list[int] = []
        self.types = {name: component.ResourceType.host(number) for number, name in enumerate(REP)}

    def link(self, linker: component.Linker) -> None:
        with linker.root() as root:
            for interface in dict.fromkeys(row.interface for row in SYSCALLS):
                with root.add_instance(interface) as instance:
                    self.define(instance, interface)

    def define(self, instance: component.LinkerInstance, interface: str) -> None:
        for row in SYSCALLS:
            if row.interface == interface and row.field.startswith("[resource-drop]"):
                name = row.field.removeprefix("[resource-drop]")
                instance.add_resource(name, self.types[name], lambda _, rep: self.dropped.append(rep))
        for row in SYSCALLS:
            if row.interface == interface and not row.field.startswith("[resource-drop]"):
                instance.add_func(row.field, self.function(row.name))

    def function(self, name: str) -> Callable[..., Any]:
        def call(store: wasmtime.StoreContext, *args: Any) -> Any:
            plain = tuple(self.plain(store, arg) for arg in args)
            self.calls.append((name, *plain))
            answer = self.answers.get(name)
            return self.own(store, answer(*plain) if callable(answer) else answer)

        return call

    def plain(self, store: wasmtime.StoreContext, value: Any) -> Any:
        """Handles as what they stand for."""
        return value.to_host(store).rep if isinstance(value, component.ResourceAny) else value

    def own(self, store: wasmtime.StoreContext, value: Any) -> Any:
        """Names of resources as new handles, also in lists."""
        if isinstance(value, list):
            return [self.own(store, item) for item in value]
        if isinstance(value, Handle):
            self.given.append(REP[value])
            return self.handle(store, value)
        return value

    def handle(self, store: Any, name: str) -> component.ResourceAny:
        return component.ResourceHost.own(REP[name], list(REP).index(name)).to_any(store)


class Handle(str):
    """In an answer: a new handle of the resource of this name."""


class Guest:
    """A component, instantiated on a `Host`."""

    def __init__(self, path: Path, host: Host) -> None:
        self.host = host
        self.store = wasmtime.Store(engine())
        self.store.set_fuel(10**9)
        linker = component.Linker(engine())
        host.link(linker)
        self.instance = linker.instantiate(self.store, component.Component(engine(), path.read_bytes()))

    def deliver(self, handler: str, *args: Any) -> str | None:
        """None when the turn is good, else why it is not."""
        row = HANDLERS[handler]
        interface = self.instance.get_export_index(self.store, row.interface)
        index = self.instance.get_export_index(self.store, handler, interface)
        assert index is not None
        function = self.instance.get_func(self.store, index)
        assert function is not None
        outcome = function(self.store, *args)
        function.post_return(self.store)
        assert outcome is None or isinstance(outcome, str)
        return outcome

    def receive(self, body: bytes) -> str | None:
        message = self.host.handle(self.store, "message")
        outcome = self.deliver("receive", message, body)
        message.drop(self.store)
        return outcome


class Entry:
    """A `state.entry`."""

    def __init__(self, key: bytes, value: bytes) -> None:
        self.key, self.value = key, value


ANSWERS: dict[str, Any] = {
    "messaging.self": Handle("address"),
    "messaging.message.sender": Handle("address"),
    "messaging.message.wants-reply": True,
    "messaging.message.id": b"an id",
    "messaging.message.attempt": 4_000_000_000,
    "messaging.message.deadline": 0xFFFF_FFFF_FFFF_FFFE,
    "messaging.message.topic": "news",
    "messaging.message.metadata": lambda _, name: b"" if name == "trace" else None,
    "messaging.address.text": "kind/key",
    "messaging.address.distance": "same-host",
    "messaging.address.seal": b"sealed",
    "messaging.address.call": b"answer",
    "messaging.open": Handle("address"),
    "messaging.unseal": Handle("address"),
    "messaging.kept": lambda token: Handle("message") if token == 77 else None,
    "messaging.answer-metadata": b"202",
    "state.open": Handle("bucket"),
    "state.bucket.get": lambda _, key: b"1" if key == b"a" else None,
    "state.bucket.get-many": [b"1", None, b""],
    "state.bucket.add": -(1 << 63),
    "state.bucket.scan": [Entry(b"k2", b"v2"), Entry(b"k1", b"")],
    "objects.put": Handle("object"),
    "objects.open": Handle("object"),
    "objects.object.name": "abc",
    "objects.object.size": 1 << 33,
    "objects.object.read": b"large",
    "lifecycle.spawn": Handle("address"),
    "lifecycle.spawn-many": [Handle("address"), Handle("address")],
    "lifecycle.wait": 3,
    "clock.now": 1_700_000_000_000_000_000,
    "random.next": 0x0123_4567_89AB_CDEF,
    "random.fill": b"rand",
    "config.get": "value",
}

CALLS = [
    ("messaging.self",),
    ("messaging.message.topic", 9),
    ("messaging.message.metadata", 9, "trace"),
    ("messaging.message.metadata", 9, "absent"),
    ("messaging.message.sender", 9),
    ("messaging.message.wants-reply", 9),
    ("messaging.message.id", 9),
    ("messaging.message.attempt", 9),
    ("messaging.message.deadline", 9),
    ("messaging.address.text", 7),
    ("messaging.address.distance", 7),
    ("messaging.address.seal", 7),
    ("messaging.open", "kv/é"),
    ("messaging.unseal", b"sealed"),
    ("messaging.kept", 77),
    ("messaging.kept", 78),
    ("messaging.answer-metadata", "http.status"),
    ("messaging.self",),
    ("messaging.address.send", 7, b"send"),
    ("messaging.address.cast", 7, b""),
    ("messaging.address.send-later", 7, b"later", 1 << 40),
    ("messaging.address.request", 7, b"request", 5, 6),
    ("messaging.address.call", 7, b"call", 7),
    ("messaging.message.reply", 9, b"reply"),
    ("messaging.message.reply-with", 9, [("status", b"200"), ("empty", b"")], b"body"),
    ("messaging.message.keep", 9, 99),
    ("state.open", "bucket"),
    ("state.bucket.get", 11, b"a"),
    ("state.bucket.get", 11, b"b"),
    ("state.bucket.get-many", 11, [b"a", b"b", b"c"]),
    ("state.bucket.put", 11, b"k", b"v"),
    ("state.bucket.delete", 11, b"k"),
    ("state.bucket.delete-range", 11, None, b"z"),
    ("state.bucket.add", 11, b"n", -5),
    ("state.bucket.scan", 11, b"a", None, 7, True),
    ("objects.put", b"large"),
    ("objects.open", "abc"),
    ("objects.object.name", 13),
    ("objects.object.size", 13),
    ("objects.object.read", 13, 1 << 32, 5),
    ("objects.pin", "abc"),
    ("objects.unpin", "abc"),
    ("lifecycle.spawn", "worker", b"args"),
    ("lifecycle.spawn-many", "worker", 2, b""),
    ("lifecycle.monitor", 7, 1),
    ("lifecycle.wait", 7, 2),
    ("lifecycle.stop", 7),
    ("lifecycle.exit", 4),
    ("config.get", "name"),
    ("topics.publish", "news", b"body"),
    ("topics.subscribe", "news"),
    ("topics.unsubscribe", "news"),
    ("clock.now",),
    ("clock.set-timer", 10, 11),
    ("clock.cancel-timer", 11),
    ("clock.sleep", 12),
    ("random.next",),
    ("random.fill", 4),
    ("log.write", "warn", "look"),
    ("log.count", "hits", 2),
    ("log.observe", "seconds", 0.5),
]

ERRORS: dict[str, Any] = {
    **dict.fromkeys((row.name for row in SYSCALLS if row.fails), "closed"),
    "messaging.open": "denied",
    "messaging.unseal": "invalid",
    "messaging.self": Handle("address"),
    "state.open": lambda name: Handle("bucket") if name == "bucket" else "not-found",
    "state.bucket.get-many": "too-large",
    "state.bucket.put": "exhausted",
    "state.bucket.add": "invalid",
    "state.bucket.scan": "invalid",
    "objects.put": "too-large",
    "objects.open": Handle("object"),
    "objects.object.read": "unavailable",
    "lifecycle.spawn-many": "exhausted",
    "lifecycle.wait": "timeout",
}


@pytest.fixture(scope="module")
def components(built: Build, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("components")
    for source in (EVERYTHING, COUNTER):
        build.componentize(built(source), folder / f"{source.stem}.wasm")
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture
def everything(components: dict[str, Path]) -> Path:
    return components["everything"]


def test_arguments_and_results_of_every_syscall_arrive_unchanged(everything: Path) -> None:
    host = Host(ANSWERS)
    assert Guest(everything, host).receive(b"ok") is None
    assert host.calls == CALLS
    assert sorted(host.dropped) == sorted(host.given)


def test_every_syscall_is_among_the_calls() -> None:
    names = {row.name for row in SYSCALLS if not row.name.endswith(".drop")}
    assert {call[0] for call in CALLS} == names - {"messaging.message.forward"}


def test_errors_arrive_by_name_and_zero_what_comes_out(everything: Path) -> None:
    assert Guest(everything, Host(ERRORS)).receive(b"err") is None


def test_the_turn_fails_with_the_text_that_the_guest_gave(everything: Path) -> None:
    guest = Guest(everything, Host(ANSWERS))
    assert guest.receive(b"neither") == 'radon_is(body, "ok")'


def test_a_guest_takes_many_turns_in_one_life(everything: Path) -> None:
    host = Host(ANSWERS)
    guest = Guest(everything, host)
    for _ in range(20):
        assert guest.receive(b"ok") is None
    assert host.calls == CALLS * 20


def test_the_core_module_itself_passes_handles_and_drops_the_message_that_was_lent(built: Build) -> None:
    calls: list[tuple[Any, ...]] = []
    module = wasmtime.Module(engine(), built(EVERYTHING).read_bytes())
    store = wasmtime.Store(engine())
    store.set_fuel(10**9)
    linker = wasmtime.Linker(engine())
    linker.define_unknown_imports_as_traps(module)
    linker.allow_shadowing = True

    def define(name: str, handles: int, answer: int | None = None, area: bytes = b"") -> None:
        """Note the call with its first `handles` arguments; answer a number, or write to the area."""
        row = next(row for row in SYSCALLS if row.name == name)
        params, results = ([wasmtime.ValType.i32() for _ in side] for side in (row.params, row.results))

        def call(*args: int) -> int | None:
            calls.append((name, *args[:handles]))
            if area:
                memory.write(store, area, args[-1])
            return answer

        linker.define_func(row.interface, row.field, wasmtime.FuncType(params, results), call)

    define("messaging.self", 0, answer=5)
    define("messaging.message.forward", 2, area=bytes([1, 6]))
    define("messaging.message.drop", 1)
    define("state.open", 0, area=bytes([0, 0, 0, 0, 8, 0, 0, 0]))
    define("state.bucket.get", 1, area=bytes([1, 0, 0, 0, 5, 0xAA, 0xAA, 0xAA]))
    exports = linker.instantiate(store, module).exports(store)
    memory, realloc, receive = exports["memory"], exports["cabi_realloc"], exports[HANDLERS["receive"].export]
    assert isinstance(memory, wasmtime.Memory)
    assert isinstance(realloc, wasmtime.Func)
    assert isinstance(receive, wasmtime.Func)
    body = realloc(store, 0, 0, 1, 4)
    memory.write(store, b"bare", body)
    outcome = receive(store, 3, body, 4)
    assert memory.read(store, outcome, outcome + 1) == b"\0"
    assert calls == [
        ("messaging.self",),
        ("messaging.message.forward", 3, 5),
        ("state.open",),
        ("state.bucket.get", 8),
        ("messaging.message.drop", 3),
    ]


@pytest.mark.parametrize(
    ("handler", "args", "outcome"),
    [
        ("start", (b"",), None),
        ("start", ("né".encode(),), "né"),
        ("replied", (1 << 63, b"body"), f"{1 << 63} ok body"),
        ("replied", (1, b""), "1 ok "),
        ("replied", (2, "denied"), "2 denied "),
        ("replied", (3, "invalid"), "3 invalid "),
        ("fired", ((1 << 64) - 1,), str((1 << 64) - 1)),
        ("down", (5, (1 << 32) - 1), f"5 {(1 << 32) - 1}"),
    ],
)
def test_a_handler_gets_its_arguments(everything: Path, handler: str, args: tuple[Any, ...], outcome: str) -> None:
    assert Guest(everything, Host(ANSWERS)).deliver(handler, *args) == outcome


@pytest.mark.parametrize(
    ("body", "delta", "reply"),
    [(b"add 5", 5, b"47"), (b"add -5", -5, b"47"), (b"get", 0, b"47")],
)
def test_the_counter_adds_and_answers_in_one_turn(
    components: dict[str, Path], body: bytes, delta: int, reply: bytes
) -> None:
    host = Host({"state.open": Handle("bucket"), "state.bucket.add": 47, "messaging.message.wants-reply": True})
    assert Guest(components["counter"], host).receive(body) is None
    assert host.calls == [
        ("state.open", "counts"),
        ("state.bucket.add", 11, b"total", delta),
        ("messaging.message.wants-reply", 9),
        ("messaging.message.reply", 9, reply),
    ]
    assert host.dropped == [11]


@pytest.mark.parametrize("body", [b"", b"add", b"add ", b"add 1 2", b"add 9223372036854775808", b"gets", b"get "])
def test_the_counter_explains_itself_to_who_does_not_know_it(components: dict[str, Path], body: bytes) -> None:
    host = Host({"messaging.message.wants-reply": True})
    assert Guest(components["counter"], host).receive(body) is None
    assert host.calls[-1] == ("messaging.message.reply", 9, b"say: add N, or: get")


def test_the_counter_answers_nobody_who_does_not_ask(components: dict[str, Path]) -> None:
    host = Host({"state.open": Handle("bucket"), "state.bucket.add": 47, "messaging.message.wants-reply": False})
    assert Guest(components["counter"], host).receive(b"add 5") is None
    assert host.calls[-1] == ("messaging.message.wants-reply", 9)


def test_a_syscall_that_is_tried_and_fails_fails_the_turn_by_its_name(components: dict[str, Path]) -> None:
    host = Host({"state.open": "exhausted"})
    outcome = Guest(components["counter"], host).receive(b"get")
    assert outcome == 'radon_state_open(radon_text("counts"), &counts): exhausted'
