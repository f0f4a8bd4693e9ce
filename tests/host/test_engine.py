"""The one engine, what it compiles, and the cache on disk, which must never give the engine anything but our own."""

from __future__ import annotations

import gc
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

from radon.abi.errors import LoadError
from radon.host import engine
from radon.host.cache import Cache, directory
from radon.host.guest import Guest, Linked


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for the cache; not yet there."""
    path = tmp_path / "deep" / "cache"
    monkeypatch.setenv("RADON_CACHE", str(path))
    return path


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was compiled, in place of being loaded."""
    found: list[bytes] = []
    original = wasmtime.Module.__init__

    def spy(self: wasmtime.Module, used: wasmtime.Engine, core: bytes) -> None:
        found.append(core)
        original(self, used, core)

    monkeypatch.setattr(wasmtime.Module, "__init__", spy)
    return found


def compile_and_forget(core: bytes) -> None:
    engine.compile(core)
    gc.collect()  # else the next one is answered from memory


CORE = wat('(module (func (export "for the tests of the cache")))')


def test_all_threads_get_the_same_engine() -> None:
    together = threading.Barrier(4)
    found = []

    def work() -> None:
        together.wait()
        found.append(engine.engine())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in found}) == 1


def test_a_module_is_compiled_once(folder: Path, compilations: list[bytes]) -> None:
    first = engine.compile(CORE)
    assert engine.compile(bytes(bytearray(CORE))) is first
    assert compilations == [CORE]


def test_a_module_that_nobody_holds_is_forgotten_and_comes_back_from_disk(
    folder: Path, compilations: list[bytes]
) -> None:
    compile_and_forget(CORE)
    compile_and_forget(CORE)
    assert compilations == [CORE]
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]
    assert folder.stat().st_mode & 0o777 == 0o700


def flip(at: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[at] ^= 1
        return bytes(changed)

    return change


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:10],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        flip(0),
        flip(40),
        flip(-1),
        flip(-3000),
        lambda content: content.replace(b"wasmtime 50", b"wasmtime 49", 1),
        lambda content: content.replace(b"'consume_fuel': True", b"'consume_fuel': Fals", 1),
    ],
    ids=["empty", "header-cut", "cut", "longer", "magic", "header", "last-byte", "code", "version", "settings"],
)
def test_a_damaged_or_foreign_file_is_compiled_anew_and_rewritten(
    folder: Path, compilations: list[bytes], damage: Callable[[bytes], bytes]
) -> None:
    compile_and_forget(CORE)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    damaged = damage(whole)
    assert damaged != whole
    file.write_bytes(damaged)
    compile_and_forget(CORE)
    assert compilations == [CORE, CORE]
    compile_and_forget(CORE)
    assert compilations == [CORE, CORE]


def test_code_under_the_name_of_another_module_is_not_loaded(folder: Path, compilations: list[bytes]) -> None:
    other = wat('(module (func (export "other")))')
    compile_and_forget(CORE)
    (file,) = folder.iterdir()
    content = file.read_bytes()
    compile_and_forget(other)
    (second,) = (path for path in folder.iterdir() if path != file)
    second.write_bytes(content)
    compile_and_forget(other)
    assert compilations == [CORE, other, other]


def test_whole_content_that_the_engine_refuses_is_compiled_anew(folder: Path, compilations: list[bytes]) -> None:
    compile_and_forget(CORE)
    (file,) = folder.iterdir()
    tag = file.read_bytes().split(b"\n")[1].decode()
    Cache(folder, tag).put(file.name, b"made for another processor")
    compile_and_forget(CORE)
    compile_and_forget(CORE)
    assert compilations == [CORE, CORE]


@pytest.mark.parametrize("mode", [0o750, 0o702])
def test_a_directory_that_others_may_use_is_not_trusted(folder: Path, compilations: list[bytes], mode: int) -> None:
    compile_and_forget(CORE)
    folder.chmod(mode)
    compile_and_forget(CORE)
    assert compilations == [CORE, CORE]


@pytest.mark.parametrize("mode", [0o640, 0o602])
def test_a_file_that_others_may_use_is_not_trusted(folder: Path, compilations: list[bytes], mode: int) -> None:
    compile_and_forget(CORE)
    next(folder.iterdir()).chmod(mode)
    compile_and_forget(CORE)
    assert compilations == [CORE, CORE]


def test_what_belongs_to_another_user_is_not_trusted(
    folder: Path, compilations: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_and_forget(CORE)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    compile_and_forget(CORE)
    assert compilations == [CORE, CORE]


def test_a_link_is_replaced_and_not_followed(folder: Path, compilations: list[bytes]) -> None:
    compile_and_forget(CORE)
    (file,) = folder.iterdir()
    moved = file.rename(folder.parent / "elsewhere")
    file.symlink_to(moved)
    compile_and_forget(CORE)
    assert compilations == [CORE, CORE]
    assert not file.is_symlink()


@pytest.mark.parametrize("what", ["a file", "below a file", "not writable"])
def test_without_a_usable_directory_all_goes_on_without_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compilations: list[bytes], what: str
) -> None:
    (tmp_path / "file").touch()
    place = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "x", "not writable": Path("/proc/x")}
    monkeypatch.setenv("RADON_CACHE", str(place[what]))
    compile_and_forget(CORE)
    compile_and_forget(CORE)
    assert compilations == [CORE, CORE]


def test_the_cache_keeps_what_was_used_last(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    cache = Cache(folder, "tag", limit=1000)
    for age, name in enumerate(["c", "b", "a"]):
        cache.put(name, bytes(250))
        os.utime(folder / name, ns=(0, 10**9 * (3 - age)))
    assert cache.get("a") == bytes(250)  # which makes it the newest
    cache.put("d", bytes(250))
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c", "d"]
    cache.put("e", bytes(1001))
    assert cache.get("e") is None
    assert cache.get("d") == bytes(250)


def test_what_a_killed_writer_left_is_no_entry_and_in_nobodys_way(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    cache = Cache(folder, "tag")
    cache.put("a", b"first")
    for number in (os.getpid(), 1):
        (folder / f".a.{number}.{threading.get_ident()}").write_bytes(b"half")
    assert cache.get("a") == b"first"
    cache.put("a", b"second")
    assert cache.get("a") == b"second"


def test_a_full_disk_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    cache = Cache(folder, "tag")
    cache.put("a", b"first")

    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    cache.put("a", b"second")
    assert cache.get("a") == b"first"
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"RADON_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/radon"),
        ({"RADON_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/c"}, "/c/.cache/radon"),
    ],
)
def test_the_directory_is_the_environments_to_say(environment: dict[str, str], path: str) -> None:
    assert directory(environment) == Path(path)


@pytest.mark.parametrize(
    "text",
    [
        "(module (func (result i32)))",
        "(module (memory 1 1 shared))",
        "(module (memory i64 1))",
        "(module (memory 1) (memory 1))",
        "(module (type (struct (field i32))))",
    ],
)
def test_what_the_engine_refuses_is_told_in_one_line(folder: Path, text: str) -> None:
    with pytest.raises(LoadError, match="not a valid module") as caught:
        engine.compile(wat(text))
    assert "\n" not in str(caught.value)


def test_a_not_a_number_has_the_same_bits_whatever_it_came_from() -> None:
    text = """(module (func (export "run") (param i32) (result i32)
        (i32.reinterpret_f32 (f32.add (f32.reinterpret_i32 (local.get 0)) (f32.const 1)))))"""
    guest = Guest(Linked(engine.compile(wat(text)), engine.engine(), {}, ["run"]), 0)
    guest.set_fuel(1000)
    guest.start()
    entry = guest.entry("run")
    assert entry is not None
    bits = {guest.call(entry, pattern) for pattern in (0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0x7FABCDEF)}
    assert bits == {struct.unpack("<I", struct.pack("<f", float("nan")))[0]}
