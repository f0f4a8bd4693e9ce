"""Components of one core module, made by the tools that toolchains have inside: what most components look like.

component(module(["message.reply"], wasi2=[WRITE], receive="..."))
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

import wasmtime

from radon.abi import binary, wit
from radon.abi.syscalls import HANDLERS
from tests.hostile import puppet
from tests.hostile.wat import WASI2

WASI_WIT = Path(__file__).with_name("wasi.wit")


@functools.cache
def component(core: bytes) -> bytes:
    """Of a core module, as WAT or binary, whose imports are of `radon:atom` and WASI 0.2."""
    module = bytes(wasmtime.wat2wasm(core.decode())) if not core.startswith(binary.MAGIC) else core
    read = binary.read_core(module)
    interfaces = {row.export: row.interface for row in HANDLERS.values()}
    world = [f"import {name};" for name in sorted({space for space, _, _ in read.imports})]
    world += [f"export {interfaces[name]};" for name in read.exports if name in interfaces]
    with tempfile.TemporaryDirectory(prefix="radon-component-") as folder:
        place = Path(folder)
        (place / "world.wit").write_text(f"{WASI_WIT.read_text()}\nworld guest {{ {' '.join(world)} }}\n")
        (place / "deps" / "radon-atom").mkdir(parents=True)
        (place / "deps" / "radon-atom" / "atom.wit").write_bytes(wit.WIT.read_bytes())
        (place / "core.wasm").write_bytes(module)
        embed = ["embed", folder, "--world", "guest", place / "core.wasm", "-o", place / "embedded.wasm"]
        for arguments in (embed, ["new", place / "embedded.wasm", "-o", place / "component.wasm"]):
            subprocess.run([wit.wasm_tools(), "component", *arguments], check=True)
        return (place / "component.wasm").read_bytes()


@functools.cache
def joined_puppet(*, suspending: bool = True) -> bytes:
    """A puppet in a component, with all of WASI 0.2 that the host has."""
    return component(puppet.text(suspending=suspending, wasi2=WASI2))
