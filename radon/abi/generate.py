"""`python -m radon.abi.generate [--check]`: radon.wit -> radon/abi/syscalls.py and guest-sdk/c/radon.h.

Owns the list of generated files and what radon.wit cannot say: each syscall's effect, and the handler of its answer.
Runs in a checkout only; what it writes is committed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import get_args

from radon.abi import c_header, wit
from radon.abi.errors import RadonError
from radon.abi.signature import CoreType, Effect, Handler, Syscall

ROOT = Path(__file__).parents[2]

EFFECTS: Mapping[str, Effect] = {
    "messaging.address.text": "none",
    "messaging.address.distance": "none",
    "messaging.address.seal": "none",
    "messaging.address.send": "sends",
    "messaging.address.cast": "sends",
    "messaging.address.send-later": "sends",
    "messaging.address.request": "sends",
    "messaging.address.call": "suspends",
    "messaging.address.drop": "none",
    "messaging.message.sender": "none",
    "messaging.message.wants-reply": "none",
    "messaging.message.id": "none",
    "messaging.message.attempt": "none",
    "messaging.message.deadline": "none",
    "messaging.message.topic": "none",
    "messaging.message.metadata": "none",
    "messaging.message.reply": "sends",
    "messaging.message.reply-with": "sends",
    "messaging.message.forward": "sends",
    "messaging.message.keep": "writes",
    "messaging.message.drop": "none",
    "messaging.self": "none",
    "messaging.open": "none",
    "messaging.unseal": "none",
    "messaging.kept": "reads",
    "messaging.answer-metadata": "none",
    "state.bucket.get": "reads",
    "state.bucket.get-many": "reads",
    "state.bucket.put": "writes",
    "state.bucket.delete": "writes",
    "state.bucket.delete-range": "writes",
    "state.bucket.add": "writes",
    "state.bucket.scan": "reads",
    "state.bucket.drop": "none",
    "state.open": "none",
    "objects.object.name": "none",
    "objects.object.size": "reads",
    "objects.object.read": "reads",
    "objects.object.drop": "none",
    "objects.put": "writes",
    "objects.open": "reads",
    "objects.pin": "writes",
    "objects.unpin": "writes",
    "lifecycle.spawn": "sends",
    "lifecycle.spawn-many": "sends",
    "lifecycle.exit": "writes",
    "lifecycle.stop": "sends",
    "lifecycle.monitor": "sends",
    "lifecycle.wait": "suspends",
    "topics.publish": "sends",
    "topics.subscribe": "sends",
    "topics.unsubscribe": "sends",
    "clock.now": "none",
    "clock.set-timer": "writes",
    "clock.cancel-timer": "writes",
    "clock.sleep": "suspends",
    "random.next": "none",
    "random.fill": "none",
    "log.write": "logs",
    "log.count": "logs",
    "log.observe": "logs",
    "config.get": "none",
}

ANSWERED_IN = {
    "messaging.address.request": "replied",
    "clock.set-timer": "fired",
    "lifecycle.monitor": "down",
}
"""Syscalls whose answer is a later delivery, and the handler that takes it."""


def syscalls(standard: wit.Standard) -> list[Syscall]:
    """The imported functions and resource drops, in the order of radon.wit.

    Raises RadonError where EFFECTS lacks a syscall or names one that does not exist.
    """
    rows = [row for interface in standard.imports for row in _of_interface(interface)]
    unknown = (EFFECTS.keys() | ANSWERED_IN.keys()) - {row.name for row in rows}
    if unknown:
        raise RadonError(f"radon.wit has no {', '.join(sorted(unknown))}; take it out of radon/abi/generate.py")
    return rows


def _of_interface(interface: wit.Interface) -> Iterator[Syscall]:
    for function in interface.functions:
        takes = tuple(wit.spelling(type_) for _, type_ in function.params)
        gives = wit.spelling(function.result)
        yield _row(interface, function.field, function.path, wit.lowered(function), takes, gives)
    for resource in interface.resources:
        field, path = f"[resource-drop]{resource}", f"{resource}.drop"
        yield _row(interface, field, path, (("i32",), ()), (f"own<{resource}>",), "")


def _row(
    interface: wit.Interface, field: str, path: str, core: wit.Signature, takes: tuple[str, ...], gives: str
) -> Syscall:
    name = f"{interface.name}.{path}"
    if name not in EFFECTS:
        raise RadonError(f"{name} has no effect; say in EFFECTS of radon/abi/generate.py what it does to a turn")
    fails = gives.endswith(", error-code>")
    effect, handler = EFFECTS[name], ANSWERED_IN.get(name, "")
    return Syscall(interface.full_name, field, name, *core, effect, fails, takes, gives, handler)


def handlers(standard: wit.Standard) -> list[Handler]:
    """The exported functions, the required ones first."""
    rows = []
    for interface in standard.exports:
        for function in interface.functions:
            export = f"{interface.full_name}#{function.field}"
            names = (function.path, interface.full_name, export, f"cabi_post_{export}")
            rows.append(Handler(*names, *wit.lifted(function), interface.name in standard.required))
    return rows


SYSCALLS_PY = '''\
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

PACKAGE = {package}
VERSION = {version}

ERROR_CODES = {error_codes}
DISTANCES = {distances}
LEVELS = {levels}

i32: CoreType = "i32"
i64: CoreType = "i64"
f64: CoreType = "f64"

# interface, field, name, core params, core results, effect, fails, params, result, handler of the answer
SYSCALLS: tuple[Syscall, ...] = (
{syscalls}
)

BY_IMPORT: Mapping[tuple[str, str], Syscall] = MappingProxyType({{(row.interface, row.field): row for row in SYSCALLS}})
"""A syscall by what a core module's import section says: module and name."""

SUSPENDING: frozenset[tuple[str, str]] = frozenset(
    (row.interface, row.field) for row in SYSCALLS if row.effect == "suspends"
)
"""Imports that can suspend a turn. A kind that has one is entered only asynchronously (rule 11)."""

# name, interface, export, post-return export, params, results, required
HANDLERS: Mapping[str, Handler] = MappingProxyType({{row.name: row for row in (
{handlers}
)}})
"""The handlers by short name, the required ones first."""
'''


def syscalls_py(standard: wit.Standard) -> str:
    """The text of radon/abi/syscalls.py."""
    enums = {enum.name: enum.cases for part in (*standard.types, *standard.imports) for enum in part.enums}
    return SYSCALLS_PY.format(
        package=_literal(standard.package),
        version=_literal(standard.version),
        error_codes=_literal(enums["error-code"]),
        distances=_literal(enums["distance"]),
        levels=_literal(enums["level"]),
        syscalls="\n".join(map(_line, syscalls(standard))),
        handlers="\n".join(map(_line, handlers(standard))),
    )


def _line(row: Syscall | Handler) -> str:
    values = [_literal(value) for value in astuple(row)]
    if isinstance(row, Syscall) and not row.handler:
        values.pop()
    text = ", ".join(values)
    for core in get_args(CoreType):
        text = text.replace(f'"{core}"', core)
    return f"    {type(row).__name__}({text}),"


def _literal(value: object) -> str:
    """`repr`, with double quotes. No name in a WIT file has a quote in it."""
    return repr(value).replace("'", '"')


def generated() -> dict[Path, str]:
    """Every generated file and the text that it should have."""
    standard = wit.read()
    return {
        ROOT / "radon/abi/syscalls.py": syscalls_py(standard),
        ROOT / "guest-sdk/c/radon.h": c_header.render(standard),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write the generated files, or with `--check` name the stale ones and answer 1."""
    parser = argparse.ArgumentParser(prog="python -m radon.abi.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    check = parser.parse_args(argv).check
    stale = {path: text for path, text in generated().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is stale; run `python -m radon.abi.generate`", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
