"""The guest `script.c` for tests: its two modules, and its language from Python.

    answer = h.call("script/a", script("bucket.put data k", "$n = bucket.add data n 1", f"say {word(b'...')}"))
    assert outcomes(answer) == ["ok", "ok 1", "ok ..."]

What a line may say is in tests/guests/script_machine.h. Knows the language, not the rules that it tests.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from radon.atoms import build
from radon.host.kind import Kind
from radon.testing.harness import Harness, kind

GUESTS = Path(__file__).parent / "guests"
MODULES = {"fiber": "script.c", "direct": "script_direct.c"}
"""`direct` imports no syscall that suspends, so the host enters it in another way (rule 11)."""

GRANTS = (
    "script/*", "other/*", "echo/*", "spawn:script", "spawn:other", "stop:script/*", "stop:other/*",
    "publish:*", "subscribe:*",
)  # fmt: skip

ScriptModule = Callable[[str], bytes]

_PLAIN = re.compile(rb"(?!0x)(?!-\Z)[\w./:#-]+\Z", re.ASCII)


@pytest.fixture(scope="session")
def script_module(request: pytest.FixtureRequest) -> ScriptModule:
    """The module of a name in MODULES; compiled once for all processes of a test run, and the next ones."""
    cache: pytest.Cache = request.config.cache
    folder = cache.mkdir("guests")

    def built(name: str) -> bytes:
        path = folder / f"{name}-{_digest()}.wasm"
        if not path.exists():  # two processes may both build it: the file is replaced at once
            result = build.build_c([GUESTS / MODULES[name]], path)
            assert result.warnings == ""
        return path.read_bytes()

    return built


def _digest() -> str:
    """Of everything that the modules are made of."""
    digest = hashlib.sha256(" ".join(build.FLAGS).encode())
    sdk = build.sdk_directory()
    for path in sorted([*GUESTS.glob("script*.[ch]"), *sdk.glob("*.[ch]")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def script_kind(module: bytes, name: str = "script", **fields: Any) -> Kind:
    """A kind of script atoms that may do everything, unless `fields` say otherwise."""
    return kind(name, module, **{"grants": GRANTS, **fields})


ECHO = b"""
(module
  (import "radon:atom/messaging@0.1.0" "[method]message.reply" (func $reply (param i32 i32 i32 i32)))
  (import "radon:atom/messaging@0.1.0" "[resource-drop]message" (func $drop (param i32)))
  (memory (export "memory") 32)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
  (func (export "radon:atom/handler@0.1.0#receive") (param $message i32) (param $body i32) (param $len i32) (result i32)
    (call $reply (local.get $message) (local.get $body) (local.get $len) (i32.const 16))
    (call $drop (local.get $message))
    i32.const 32))
"""
"""An atom that is no script: it answers each message with its body. It has no other handler."""


# ---- writing scripts ----


def script(*lines: str) -> bytes:
    """The body of a message: one line after the other."""
    assert not any("\n" in line for line in lines)
    return "\n".join(lines).encode()


def word(value: bytes | str | int | None) -> str:
    """A value as the language writes it; None is `-`. `word(script(...))` is a script inside of a line."""
    if value is None:
        return "-"
    data = str(value).encode() if isinstance(value, str | int) else value
    if _PLAIN.match(data):
        return data.decode()
    if all(32 <= byte <= 126 or byte == 10 for byte in data):
        escaped = data.decode().replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return f"0x{data.hex()}"


def bits(value: float) -> int:
    """A float as `float.divide` and `log.observe` take it."""
    (number,) = struct.unpack("<Q", struct.pack("<d", value))
    assert isinstance(number, int)
    return number


# ---- what came of them ----


def outcomes(answer: bytes) -> list[str]:
    """One for each line that was carried out: "ok", "ok VALUE ...", "denied", "malformed", ..."""
    return answer.decode().split("\n") if answer else []


def run(h: Harness, atom: str, *lines: str) -> list[str]:
    """Send a script, run until idle, give its outcomes."""
    return outcomes(h.call(atom, script(*lines)))


def events(h: Harness, atom: str) -> list[str]:
    """What the atom noted in its bucket "events", oldest first; [] if it does not live."""
    if not h.lives(atom):
        return []
    noted = h.state(atom).get("events", {})
    return [noted[key].decode() for key in sorted(noted)]
