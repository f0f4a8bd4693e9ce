"""Generated from radon.wit by `python -m radon.abi.generate`; do not edit. The standard as a table.

Every function that an atom may import and every handler that it may export, with their core signatures.
The host links by it, the loader checks modules against it, and a test compares it with wasm-tools' own reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from radon.abi.signature import CoreType, Handler, Syscall

# fmt: off
# ruff: noqa: E501

PACKAGE = "radon:atom"
VERSION = "0.1.0"

ERROR_CODES = ("denied", "not-found", "too-large", "exhausted", "timeout", "closed", "unavailable", "invalid")
DISTANCES = ("same-domain", "same-process", "same-host", "remote")
LEVELS = ("debug", "info", "warn", "error")

i32: CoreType = "i32"
i64: CoreType = "i64"
f64: CoreType = "f64"

# interface, field, name, core params, core results, effect, fails, params, result, handler of the answer
SYSCALLS: tuple[Syscall, ...] = (
    Syscall("radon:atom/messaging@0.1.0", "[method]address.text", "messaging.address.text", (i32, i32), (), "none", False, ("borrow<address>",), "string"),
    Syscall("radon:atom/messaging@0.1.0", "[method]address.distance", "messaging.address.distance", (i32,), (i32,), "none", False, ("borrow<address>",), "distance"),
    Syscall("radon:atom/messaging@0.1.0", "[method]address.seal", "messaging.address.seal", (i32, i32), (), "none", False, ("borrow<address>",), "list<u8>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]address.send", "messaging.address.send", (i32, i32, i32, i32), (), "sends", True, ("borrow<address>", "list<u8>"), "result<_, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]address.cast", "messaging.address.cast", (i32, i32, i32, i32), (), "sends", True, ("borrow<address>", "list<u8>"), "result<_, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]address.send-later", "messaging.address.send-later", (i32, i32, i32, i64, i32), (), "sends", True, ("borrow<address>", "list<u8>", "u64"), "result<_, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]address.request", "messaging.address.request", (i32, i32, i32, i64, i64, i32), (), "sends", True, ("borrow<address>", "list<u8>", "u64", "u64"), "result<_, error-code>", "replied"),
    Syscall("radon:atom/messaging@0.1.0", "[method]address.call", "messaging.address.call", (i32, i32, i32, i64, i32), (), "suspends", True, ("borrow<address>", "list<u8>", "u64"), "result<list<u8>, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.sender", "messaging.message.sender", (i32, i32), (), "none", False, ("borrow<message>",), "option<own<address>>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.wants-reply", "messaging.message.wants-reply", (i32,), (i32,), "none", False, ("borrow<message>",), "bool"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.id", "messaging.message.id", (i32, i32), (), "none", False, ("borrow<message>",), "list<u8>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.attempt", "messaging.message.attempt", (i32,), (i32,), "none", False, ("borrow<message>",), "u32"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.deadline", "messaging.message.deadline", (i32,), (i64,), "none", False, ("borrow<message>",), "u64"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.topic", "messaging.message.topic", (i32, i32), (), "none", False, ("borrow<message>",), "option<string>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.metadata", "messaging.message.metadata", (i32, i32, i32, i32), (), "none", False, ("borrow<message>", "string"), "option<list<u8>>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.reply", "messaging.message.reply", (i32, i32, i32, i32), (), "sends", True, ("borrow<message>", "list<u8>"), "result<_, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.reply-with", "messaging.message.reply-with", (i32, i32, i32, i32, i32, i32), (), "sends", True, ("borrow<message>", "list<tuple<string, list<u8>>>", "list<u8>"), "result<_, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.forward", "messaging.message.forward", (i32, i32, i32), (), "sends", True, ("borrow<message>", "borrow<address>"), "result<_, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "[method]message.keep", "messaging.message.keep", (i32, i64, i32), (), "writes", True, ("borrow<message>", "u64"), "result<_, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "self", "messaging.self", (), (i32,), "none", False, (), "own<address>"),
    Syscall("radon:atom/messaging@0.1.0", "open", "messaging.open", (i32, i32, i32), (), "none", True, ("string",), "result<own<address>, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "unseal", "messaging.unseal", (i32, i32, i32), (), "none", True, ("list<u8>",), "result<own<address>, error-code>"),
    Syscall("radon:atom/messaging@0.1.0", "kept", "messaging.kept", (i64, i32), (), "reads", False, ("u64",), "option<own<message>>"),
    Syscall("radon:atom/messaging@0.1.0", "answer-metadata", "messaging.answer-metadata", (i32, i32, i32), (), "none", False, ("string",), "option<list<u8>>"),
    Syscall("radon:atom/messaging@0.1.0", "[resource-drop]address", "messaging.address.drop", (i32,), (), "none", False, ("own<address>",), ""),
    Syscall("radon:atom/messaging@0.1.0", "[resource-drop]message", "messaging.message.drop", (i32,), (), "none", False, ("own<message>",), ""),
    Syscall("radon:atom/state@0.1.0", "[method]bucket.get", "state.bucket.get", (i32, i32, i32, i32), (), "reads", True, ("borrow<bucket>", "list<u8>"), "result<option<list<u8>>, error-code>"),
    Syscall("radon:atom/state@0.1.0", "[method]bucket.get-many", "state.bucket.get-many", (i32, i32, i32, i32), (), "reads", True, ("borrow<bucket>", "list<list<u8>>"), "result<list<option<list<u8>>>, error-code>"),
    Syscall("radon:atom/state@0.1.0", "[method]bucket.put", "state.bucket.put", (i32, i32, i32, i32, i32, i32), (), "writes", True, ("borrow<bucket>", "list<u8>", "list<u8>"), "result<_, error-code>"),
    Syscall("radon:atom/state@0.1.0", "[method]bucket.delete", "state.bucket.delete", (i32, i32, i32, i32), (), "writes", True, ("borrow<bucket>", "list<u8>"), "result<_, error-code>"),
    Syscall("radon:atom/state@0.1.0", "[method]bucket.delete-range", "state.bucket.delete-range", (i32, i32, i32, i32, i32, i32, i32, i32), (), "writes", True, ("borrow<bucket>", "option<list<u8>>", "option<list<u8>>"), "result<_, error-code>"),
    Syscall("radon:atom/state@0.1.0", "[method]bucket.add", "state.bucket.add", (i32, i32, i32, i64, i32), (), "writes", True, ("borrow<bucket>", "list<u8>", "s64"), "result<s64, error-code>"),
    Syscall("radon:atom/state@0.1.0", "[method]bucket.scan", "state.bucket.scan", (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32), (), "reads", True, ("borrow<bucket>", "option<list<u8>>", "option<list<u8>>", "u32", "bool"), "result<list<tuple<list<u8>, list<u8>>>, error-code>"),
    Syscall("radon:atom/state@0.1.0", "open", "state.open", (i32, i32, i32), (), "none", True, ("string",), "result<own<bucket>, error-code>"),
    Syscall("radon:atom/state@0.1.0", "[resource-drop]bucket", "state.bucket.drop", (i32,), (), "none", False, ("own<bucket>",), ""),
    Syscall("radon:atom/objects@0.1.0", "[method]object.name", "objects.object.name", (i32, i32), (), "none", False, ("borrow<object>",), "string"),
    Syscall("radon:atom/objects@0.1.0", "[method]object.size", "objects.object.size", (i32,), (i64,), "reads", False, ("borrow<object>",), "u64"),
    Syscall("radon:atom/objects@0.1.0", "[method]object.read", "objects.object.read", (i32, i64, i32, i32), (), "reads", True, ("borrow<object>", "u64", "u32"), "result<list<u8>, error-code>"),
    Syscall("radon:atom/objects@0.1.0", "put", "objects.put", (i32, i32, i32), (), "writes", True, ("list<u8>",), "result<own<object>, error-code>"),
    Syscall("radon:atom/objects@0.1.0", "open", "objects.open", (i32, i32, i32), (), "reads", True, ("string",), "result<own<object>, error-code>"),
    Syscall("radon:atom/objects@0.1.0", "pin", "objects.pin", (i32, i32, i32), (), "writes", True, ("string",), "result<_, error-code>"),
    Syscall("radon:atom/objects@0.1.0", "unpin", "objects.unpin", (i32, i32, i32), (), "writes", True, ("string",), "result<_, error-code>"),
    Syscall("radon:atom/objects@0.1.0", "[resource-drop]object", "objects.object.drop", (i32,), (), "none", False, ("own<object>",), ""),
    Syscall("radon:atom/lifecycle@0.1.0", "spawn", "lifecycle.spawn", (i32, i32, i32, i32, i32), (), "sends", True, ("string", "list<u8>"), "result<own<address>, error-code>"),
    Syscall("radon:atom/lifecycle@0.1.0", "spawn-many", "lifecycle.spawn-many", (i32, i32, i32, i32, i32, i32), (), "sends", True, ("string", "u32", "list<u8>"), "result<list<own<address>>, error-code>"),
    Syscall("radon:atom/lifecycle@0.1.0", "exit", "lifecycle.exit", (i32,), (), "writes", False, ("u32",), ""),
    Syscall("radon:atom/lifecycle@0.1.0", "stop", "lifecycle.stop", (i32, i32), (), "sends", True, ("borrow<address>",), "result<_, error-code>"),
    Syscall("radon:atom/lifecycle@0.1.0", "monitor", "lifecycle.monitor", (i32, i64, i32), (), "sends", True, ("borrow<address>", "u64"), "result<_, error-code>", "down"),
    Syscall("radon:atom/lifecycle@0.1.0", "wait", "lifecycle.wait", (i32, i64, i32), (), "suspends", True, ("borrow<address>", "u64"), "result<u32, error-code>"),
    Syscall("radon:atom/topics@0.1.0", "publish", "topics.publish", (i32, i32, i32, i32, i32), (), "sends", True, ("string", "list<u8>"), "result<_, error-code>"),
    Syscall("radon:atom/topics@0.1.0", "subscribe", "topics.subscribe", (i32, i32, i32), (), "sends", True, ("string",), "result<_, error-code>"),
    Syscall("radon:atom/topics@0.1.0", "unsubscribe", "topics.unsubscribe", (i32, i32, i32), (), "sends", True, ("string",), "result<_, error-code>"),
    Syscall("radon:atom/clock@0.1.0", "now", "clock.now", (), (i64,), "none", False, (), "u64"),
    Syscall("radon:atom/clock@0.1.0", "set-timer", "clock.set-timer", (i64, i64, i32), (), "writes", True, ("u64", "u64"), "result<_, error-code>", "fired"),
    Syscall("radon:atom/clock@0.1.0", "cancel-timer", "clock.cancel-timer", (i64,), (), "writes", False, ("u64",), ""),
    Syscall("radon:atom/clock@0.1.0", "sleep", "clock.sleep", (i64,), (), "suspends", False, ("u64",), ""),
    Syscall("radon:atom/random@0.1.0", "next", "random.next", (), (i64,), "none", False, (), "u64"),
    Syscall("radon:atom/random@0.1.0", "fill", "random.fill", (i32, i32), (), "none", False, ("u32",), "list<u8>"),
    Syscall("radon:atom/log@0.1.0", "write", "log.write", (i32, i32, i32), (), "logs", False, ("level", "string"), ""),
    Syscall("radon:atom/log@0.1.0", "count", "log.count", (i32, i32, i64), (), "logs", False, ("string", "u64"), ""),
    Syscall("radon:atom/log@0.1.0", "observe", "log.observe", (i32, i32, f64), (), "logs", False, ("string", f64), ""),
    Syscall("radon:atom/config@0.1.0", "get", "config.get", (i32, i32, i32), (), "none", False, ("string",), "option<string>"),
)

BY_IMPORT: Mapping[tuple[str, str], Syscall] = MappingProxyType({(row.interface, row.field): row for row in SYSCALLS})
"""A syscall by what a core module's import section says: module and name."""

SUSPENDING: frozenset[tuple[str, str]] = frozenset(
    (row.interface, row.field) for row in SYSCALLS if row.effect == "suspends"
)
"""Imports that can suspend a turn. A kind that has one is entered only asynchronously (rule 11)."""

# name, interface, export, post-return export, params, results, required
HANDLERS: Mapping[str, Handler] = MappingProxyType({row.name: row for row in (
    Handler("receive", "radon:atom/handler@0.1.0", "radon:atom/handler@0.1.0#receive", "cabi_post_radon:atom/handler@0.1.0#receive", (i32, i32, i32), (i32,), True),
    Handler("start", "radon:atom/startup@0.1.0", "radon:atom/startup@0.1.0#start", "cabi_post_radon:atom/startup@0.1.0#start", (i32, i32), (i32,), False),
    Handler("replied", "radon:atom/replies@0.1.0", "radon:atom/replies@0.1.0#replied", "cabi_post_radon:atom/replies@0.1.0#replied", (i64, i32, i32, i32), (i32,), False),
    Handler("fired", "radon:atom/timers@0.1.0", "radon:atom/timers@0.1.0#fired", "cabi_post_radon:atom/timers@0.1.0#fired", (i64,), (i32,), False),
    Handler("down", "radon:atom/watcher@0.1.0", "radon:atom/watcher@0.1.0#down", "cabi_post_radon:atom/watcher@0.1.0#down", (i64, i32), (i32,), False),
)})
"""The handlers by short name, the required ones first."""
