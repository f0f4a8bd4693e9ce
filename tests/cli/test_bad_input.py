"""What people and machines get wrong: one line that says it, the right exit code, and nothing lost."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from radon import BlockingRuntime
from radon.abi.errors import Unavailable
from radon.cli.client import Client
from tests.cli.conftest import Radon, complaint
from tests.cli.test_build import plain

RECEIVE = "radon:atom/handler@0.1.0#receive"
FOREIGN = '(import "env" "launch" (func)) (import "wasi_snapshot_preview1" "sock_open" (func))'
REQUEST = '(import "radon:atom/messaging@0.1.0" "[method]address.request" (func (param i32 i32 i32 i64 i64 i32)))'


@pytest.mark.parametrize(
    ("module", "said"),
    [
        pytest.param(
            plain(receive="receive"), f"does not export {RECEIVE!r}, without which it is no atom", id="no receive"
        ),
        pytest.param(
            plain(FOREIGN),
            "imports what Radon does not offer: env.launch, wasi_snapshot_preview1.sock_open",
            id="unknown imports",
        ),
        pytest.param(
            plain(REQUEST),
            "imports messaging.address.request but does not export 'radon:atom/replies@0.1.0#replied', "
            "where the answer would arrive",
            id="no handler for answers",
        ),
        pytest.param("(module", "invalid WAT: ", id="unfinished text"),
        pytest.param("", "empty", id="nothing"),
        pytest.param("hello", "neither a WebAssembly binary nor WAT text", id="something else"),
    ],
)
def test_a_module_that_cannot_be_served_is_refused_by_name(
    radon: Radon, application: Path, module: str, said: str
) -> None:
    (radon.folder / "script.wasm").write_text(module)
    line = radon.fails(2, "inspect", "script.wasm")
    assert line.startswith(f"module 'script.wasm': {said}")
    assert radon.fails(2, "run") == line


def test_a_truncated_module_is_refused_by_name(radon: Radon, application: Path) -> None:
    module = radon.folder / "script.wasm"
    whole = module.read_bytes()
    for length in (3, len(whole) // 2):
        module.write_bytes(whole[:length])
        assert radon.fails(2, "inspect", "script.wasm").startswith("module 'script.wasm': ")
    assert radon.fails(2, "deploy", "--detach").startswith("module 'script.wasm': ")
    assert radon.fails(2, "inspect", "nothing.wasm") == "nothing.wasm: No such file or directory"


def test_a_typo_in_the_manifest_is_told_with_what_was_meant(radon: Radon, application: Path) -> None:
    application.write_text(application.read_text().replace("module", "modul", 1))
    said = "radon.toml: [kinds.script] has no key 'modul'; did you mean 'module'?"
    for verb in (["run"], ["deploy", "--detach"], ["build"]):
        assert radon.fails(2, *verb) == said
    assert radon.fails(2, "run", "nothing.toml") == "nothing.toml: no such file; `radon new NAME` starts an application"


def test_a_secret_that_is_not_set_is_told_before_anything_starts(radon: Radon, application: Path) -> None:
    text = '[ingress.http]\nlisten = "127.0.0.1:0"\ntoken = {env = "RADON_TEST_TOKEN"}\n'
    application.write_text(f"{application.read_text()}\n{text}")
    said = radon.fails(2, "deploy", "--detach")
    assert said == "radon.toml: [ingress.http] token: the environment variable RADON_TEST_TOKEN is not set"
    assert not (radon.folder / ".radon" / "app" / "data.mdb").exists()


def test_data_of_another_version_is_refused_and_left_alone(radon: Radon, application: Path) -> None:
    data = radon.folder / "data"
    data.mkdir()
    (data / "VERSION").write_text("radon store 99\n")
    (data / "data.mdb").write_bytes(b"from the future")
    said = radon.fails(1, "deploy", "--data", "data")
    assert said.startswith("invalid: data: its VERSION is 'radon store 99', this Radon reads 'radon store 3'; ")
    assert radon.fails(1, "deploy", "--detach", "--data", "data") == said
    assert radon.fails(1, "state", "export", "--data", "data").startswith("invalid: data: its VERSION is ")
    assert (data / "data.mdb").read_bytes() == b"from the future"


def test_data_that_another_program_has_is_refused_with_its_number(radon: Radon, application: Path) -> None:
    with BlockingRuntime(application, store="lmdb", data=radon.folder / "data") as app:
        said = f"unavailable: data: in use by process {os.getpid()}; stop it, or use another directory"
        assert radon.fails(1, "deploy", "--data", "data") == said
        assert radon.fails(1, "state", "export", "--data", "data") == said
        assert "is not running" in radon.fails(3, "ps", "--data", "data")
        assert app.call("script/a", b"say hello") == b"ok hello"


def test_a_directory_that_cannot_be_made_is_named(radon: Radon, application: Path) -> None:
    for detach in ([], ["--detach"]):
        assert radon.fails(1, "deploy", "--data", "radon.toml/data", *detach).endswith("Not a directory")


def test_a_full_disk_fails_what_does_not_fit_and_loses_nothing(radon: Radon, application: Path) -> None:
    """A limit on the size of files is met like a full disk, where LMDB writes its map."""

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    serving = radon.start("deploy", "--data", "data", preexec_fn=little_room)
    written = 0
    with Client(radon.folder / "data") as client:
        while written < 100:
            try:
                client.call(f"script/{written}", b"$b = fill 32768 x\nbucket.put data k $b", 10**10, "")
            except Unavailable:
                break
            written += 1
    assert 5 < written < 100
    (radon.folder / "body").write_bytes(b"bucket.put data k " + b"x" * 60_000)
    said = radon.fails(1, "call", "script/more", "@body", "--data", "data")
    assert said.startswith("unavailable: data: the disk is full; make room on it")
    assert serving.end(signal.SIGTERM) == 0

    radon.start("deploy", "--data", "data")
    for number in range(written):
        assert radon.ask(f"script/{number}", "bucket.get data k", "data") == f"ok {'x' * 32768}"


def test_a_defect_is_one_line_and_a_traceback_for_who_asks(radon: Radon) -> None:
    (radon.folder / "sitecustomize.py").write_text(
        "import radon.cli.deployments\n"
        "def broken(data):\n    raise ValueError('should not\\nhappen')\n"
        "radon.cli.deployments.find = broken\n"
    )
    radon.environment["PYTHONPATH"] = str(radon.folder)
    said = complaint(radon.anew("ps"), 1)
    assert said == ("defect: ValueError: should not; happen; this is a mistake in Radon, and RADON_DEBUG=1 shows where")
    radon.environment["RADON_DEBUG"] = "1"
    assert b"in broken" in radon.anew("ps").stderr
