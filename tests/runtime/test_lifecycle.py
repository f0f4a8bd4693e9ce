"""How runtimes start and stop: what is refused, and that nothing is left running whatever goes wrong."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import radon
from radon.atoms.manifest import KindEntry
from radon.backends.driver import StoreBusy
from radon.backends.stores.lmdb import LmdbStore
from radon.runtime import running
from tests.backends.conftest import LONE, Make

BOTH = pytest.mark.parametrize("runtime", [radon.Runtime, radon.BlockingRuntime])


async def enter(runtime: Callable[..., Any], *args: Any, **options: Any) -> None:
    """Start one, ask it something, stop it."""
    if runtime is radon.Runtime:
        async with radon.Runtime(*args, **options) as app:
            assert await app.call("agent/a", b"count 1") == b"1"
    else:
        with radon.BlockingRuntime(*args, **options) as blocking:
            assert blocking.call("agent/a", b"count 1") == b"1"


def open_files() -> set[str]:
    """Data files that this process has open."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:
            continue  # the one that listed the others
    return {name for name in found if name.endswith(("data.mdb", "LOCK"))}


# ---- what one is made of ----


@BOTH
async def test_an_application_comes_from_a_path_a_manifest_or_is_loaded_already(
    runtime: Any, make: Make, agent_folder: Path, tmp_path: Path
) -> None:
    toml = f'[application]\nname = "suite"\n[kinds.agent]\nmodule = "{agent_folder}/agent.wasm"\n'
    (tmp_path / "radon.toml").write_text(toml)
    for given in (tmp_path / "radon.toml", str(tmp_path / "radon.toml"), make(), make().manifest):
        await enter(runtime, given)


@BOTH
async def test_a_manifest_can_be_built_in_python(runtime: Any, agent_folder: Path) -> None:
    manifest = radon.Manifest(name="suite", kinds={"agent": KindEntry(module="agent.wasm")}, base=agent_folder)
    await enter(runtime, manifest)


@BOTH
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on": "ntas"}, "unknown backend 'ntas'; known: monolith"),
        ({"store": "lmbd"}, "unknown store 'lmbd'; known: memory, lmdb"),
        ({"durability": "fsnc"}, "unknown durability 'fsnc'; known: fsync, async"),
    ],
)
async def test_an_unknown_choice_is_refused_with_the_known_ones(
    runtime: Any, make: Make, options: dict[str, str], message: str
) -> None:
    with pytest.raises(radon.Invalid, match=message):
        await enter(runtime, make(), **options)


@BOTH
@pytest.mark.parametrize("options", [{"durability": "fsync"}, {"durability": "async"}, {"data": "kept"}])
async def test_memory_keeps_nothing_and_refuses_to_be_told_how_or_where(
    runtime: Any, make: Make, options: dict[str, str]
) -> None:
    ((name, value),) = options.items()
    with pytest.raises(radon.Invalid, match=f"{name}='{value}': memory keeps nothing; say store='lmdb'"):
        await enter(runtime, make(), store="memory", **options)


@BOTH
async def test_who_names_a_folder_for_the_data_has_it_kept_there(runtime: Any, make: Make, tmp_path: Path) -> None:
    await enter(runtime, make(), data=tmp_path / "data")
    with radon.BlockingRuntime(make(), data=tmp_path / "data") as app:
        assert app.call("agent/a", b"total") == b"1"


@BOTH
async def test_a_forgetful_one_drops_every_instance_after_its_turn(runtime: Any, make: Make) -> None:
    if runtime is radon.Runtime:
        async with radon.Runtime(make(), forgetful=True) as app:
            await app.call("agent/a", b"count 1")
            assert (await app.stats()).kinds["agent"].instances == 0
    else:
        with radon.BlockingRuntime(make(), forgetful=True) as blocking:
            blocking.call("agent/a", b"count 1")
            assert blocking.stats().kinds["agent"].instances == 0


# ---- in and out ----


async def test_one_that_is_not_running_says_so(make: Make) -> None:
    app, blocking = radon.Runtime(make()), radon.BlockingRuntime(make())
    for _ in range(2):  # before it was entered, and after it was left
        for ask in (app.call("agent/a"), app.send("agent/a"), app.spawn("agent"), app.stats(), app.dead_letters()):
            with pytest.raises(RuntimeError, match="this Runtime is not running; use it as a context manager"):
                await ask
        with pytest.raises(RuntimeError, match="not running"):
            await anext(app.subscribe("news"))
        with pytest.raises(RuntimeError, match="this BlockingRuntime is not running"):
            blocking.call("agent/a")
        async with app:
            pass
        with blocking:
            pass


async def test_one_that_is_running_cannot_be_entered_again_until_it_is_left(make: Make) -> None:
    app, blocking = radon.Runtime(make()), radon.BlockingRuntime(make())
    for _ in range(2):
        async with app:
            with pytest.raises(RuntimeError, match="this Runtime is running already; make another one"):
                await app.__aenter__()
            assert await app.call("agent/a", b"count 1") == b"1"
        with blocking:
            with pytest.raises(RuntimeError, match="running already"):
                blocking.__enter__()
            assert blocking.call("agent/a", b"count 1") == b"1"


@BOTH
async def test_data_are_found_again(runtime: Any, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await enter(runtime, make(), store="lmdb")
    with radon.BlockingRuntime(make(), store="lmdb", data=".radon/suite") as app:
        assert app.call("agent/a", b"total") == b"1"


# ---- a start that fails ----


def broken(make: Make, tmp_path: Path) -> dict[str, tuple[Any, type[Exception]]]:
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\1\0\0\0 and then nothing")
    module = {"module": str(tmp_path / "bad.wasm")}
    return {
        "no manifest": (tmp_path / "nowhere.toml", radon.ManifestError),
        "no module": (
            radon.Manifest.of({"application": {"name": "a"}, "kinds": {"agent": module}}),
            radon.LoadError,
        ),
        "too much required": (make({"require": {"durability": "machine"}}), radon.ManifestError),
    }


@BOTH
@pytest.mark.parametrize("fault", ["no manifest", "no module", "too much required"])
async def test_a_start_that_fails_leaves_nothing_running(runtime: Any, make: Make, tmp_path: Path, fault: str) -> None:
    given, error = broken(make, tmp_path)[fault]
    data = tmp_path / "data"
    app = runtime(given, store="lmdb", data=data, durability="async")
    for _ in range(2):  # it may be tried again
        with pytest.raises(error):
            await (app.__aenter__() if runtime is radon.Runtime else asyncio.to_thread(app.__enter__))
    assert open_files() == set()
    await enter(radon.Runtime, make(), store="lmdb", data=data)


@BOTH
async def test_data_that_are_in_use_are_left_to_their_owner(runtime: Any, make: Make, tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    with pytest.raises(StoreBusy):
        await enter(runtime, make(), store="lmdb", data=tmp_path)
    store.close()
    await enter(runtime, make(), store="lmdb", data=tmp_path)


class Gate:
    """Lets `deploy` wait, so that something can happen while a runtime starts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        deploy = running.deploy

        def waiting(*args: Any) -> Any:
            self.begun.set()
            assert self.go.wait(20)
            return deploy(*args)

        monkeypatch.setattr(running, "deploy", waiting)


@pytest.mark.parametrize("times", [1, 2])
def test_a_program_that_is_interrupted_while_one_starts_leaves_nothing_running(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """As `asyncio.run` does on Ctrl-C: it cancels what runs, and waits for the threads of the loop."""
    gate = Gate(monkeypatch)

    async def main() -> None:
        async with radon.Runtime(make(), store="lmdb", data=tmp_path):
            raise AssertionError("it was cancelled before")

    async def interrupted() -> None:
        program = asyncio.ensure_future(main())
        assert await asyncio.to_thread(gate.begun.wait, 20)
        for _ in range(times):  # twice: someone has no patience
            program.cancel()
            await asyncio.sleep(0)
        gate.go.set()
        with pytest.raises(asyncio.CancelledError):
            await program

    asyncio.run(interrupted())
    assert open_files() == set()
    asyncio.run(enter(radon.Runtime, make(), store="lmdb", data=tmp_path))


# ---- a stop in all circumstances ----


async def test_a_stop_waits_for_turns_that_have_begun_and_is_not_long(make: Make) -> None:
    async with radon.Runtime(make()) as app:
        calls = [asyncio.ensure_future(app.call(f"agent/{n}", b"spin 20000000\ncount 1\n")) for n in range(5)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*calls) == [b"1"] * 5


async def test_an_error_in_the_block_stops_the_runtime_and_goes_on(make: Make, tmp_path: Path) -> None:
    async def fail() -> None:
        async with radon.Runtime(make(), store="lmdb", data=tmp_path) as app:
            await app.call("agent/a", b"count 1")
            raise ZeroDivisionError

    def fail_too() -> None:
        with radon.BlockingRuntime(make(), store="lmdb", data=tmp_path) as app:
            assert app.call("agent/a", b"count 1") == b"2"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with pytest.raises(ZeroDivisionError):
        fail_too()
    assert open_files() == set()


def test_answers_for_a_loop_that_is_closed_do_no_harm(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    app = radon.Runtime(make(agent={**LONE, "retry": {"attempts": 1}}))

    async def main() -> None:
        await app.__aenter__()
        for _ in range(10):
            asyncio.ensure_future(app.call("agent/a", b"spin 3000000")).cancel()
            call = asyncio.ensure_future(app.call("agent/a", b"spin 3000000"))
            await asyncio.sleep(0)
            call.cancel()

    asyncio.run(main())
    deployment = app.deployment
    assert deployment.perform(lambda domain: "alive").result(20) == "alive"
    app._stop()
    assert caplog.text == ""
    gc.collect()


async def test_a_runtime_that_is_left_while_it_is_being_left_is_left_once(make: Make) -> None:
    app = radon.Runtime(make())
    await app.__aenter__()
    await asyncio.gather(app.__aexit__(), app.__aexit__(), app.__aexit__())
    with pytest.raises(RuntimeError, match="not running"):
        await app.call("agent/a")
