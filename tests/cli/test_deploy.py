"""Deployments from the outside: detached and in the foreground, found, replaced, killed and stopped."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

from radon.cli.client import Client
from radon.gateways.control_socket import answers
from tests.cli.conftest import Radon, keys_of


def test_a_detached_deployment_is_up_when_the_command_returns_and_gone_when_it_was_stopped(
    radon: Radon, application: Path
) -> None:
    facts = radon.detach()
    data = radon.folder / ".radon" / "app"
    assert facts.keys() == keys_of("Facts of a deployment") - {"change"}
    assert facts["data"] == str(data)
    assert facts["store"] == "lmdb"
    assert os.getsid(facts["pid"]) != os.getsid(0)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "control").stat().st_mode) == 0o600
    assert stat.S_IMODE((data / "log").stat().st_mode) == 0o600
    assert radon.ok("call", "script/a", "bucket.add data n 2") == "ok 2"

    assert radon.ok("stop") == ""
    assert radon.has_ended(facts)
    assert not (data / "control").exists()
    assert "is not running" in radon.fails(3, "call", "script/a", "say")

    radon.detach()
    assert radon.ask("script/a", "bucket.add data n 0") == "ok 2"


def test_what_was_answered_is_there_after_kill_9(radon: Radon, application: Path) -> None:
    facts = radon.detach()
    for number in range(1, 4):
        assert radon.ask("script/a", "bucket.add data n 1") == f"ok {number}"
        radon.kill(facts)
        data = radon.folder / ".radon" / "app"
        assert (data / "control").exists(), "nobody was there to remove it"
        assert "is not running" in radon.fails(3, "ps")
        facts = radon.detach()
    assert radon.ask("script/a", "bucket.add data n 0") == "ok 3"


def test_a_deployment_that_cannot_start_says_why_and_leaves_no_process(radon: Radon, application: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = radon.fails(1, "deploy", "--detach", "--bind", f"127.0.0.1:{port}=script")
    assert said.startswith(f"unavailable: cannot listen on 127.0.0.1:{port}: another program listens there")
    assert not answers(radon.folder / ".radon" / "app")
    assert "cannot listen" in (radon.folder / ".radon" / "app" / "log").read_text()
    radon.detach()


def test_other_code_is_handed_to_the_process_that_runs(radon: Radon, application: Path) -> None:
    facts = radon.detach()
    radon.ask("script/a", "bucket.put data k kept")
    application.write_text(application.read_text().replace("[kinds.other]", "[kinds.third]").replace('"other/*", ', ""))
    assert radon.ok("deploy") == "app: added third; removed other; adjusted script\n"
    assert radon.json("ps")["pid"] == facts["pid"]
    assert radon.ask("script/a", "bucket.get data k") == "ok kept"
    assert radon.ask("third/a", "say here") == "ok here"
    assert radon.ok("deploy", "--detach") == "app: nothing changed\n"
    again = radon.json("deploy")
    assert again.keys() == keys_of("Facts of a deployment")
    assert again["change"] == {
        "added": [], "removed": [], "replaced": [], "adjusted": [], "tables": [], "refused": [], "restart": False,
    }  # fmt: skip


def test_a_kind_with_state_is_removed_only_when_that_is_said(radon: Radon, application: Path) -> None:
    radon.detach()
    radon.ask("other/a", "bucket.put data k value")
    application.write_text(application.read_text().partition("[kinds.other]")[0].replace('"other/*", ', ""))
    said = radon.fails(2, "deploy")
    assert said == (
        "kind 'other' is gone from the manifest, but 1 of its atoms hold state or mail; "
        "keep the kind, or delete them with `radon deploy --drop other`"
    )
    assert radon.ask("other/a", "bucket.get data k") == "ok value"
    radon.ok("stop")
    assert radon.fails(2, "deploy", "--detach") == said
    radon.detach("--drop", "other")
    assert radon.fails(1, "call", "other/a", "say").startswith("not-found: no kind 'other'")


def test_a_kind_that_is_not_there_cannot_be_dropped(radon: Radon, application: Path) -> None:
    said = "--drop othr: the deployment has no kind 'othr'; "
    assert radon.fails(2, "deploy", "--drop", "othr") == f"{said}nothing was ever deployed here"
    radon.detach()
    assert radon.fails(2, "deploy", "--drop", "othr") == f"{said}it has: other, script"
    assert "the manifest has this kind, which stays" in radon.fails(2, "deploy", "--drop", "other")
    radon.ok("stop")
    assert radon.fails(2, "deploy", "--detach", "--drop", "othr") == f"{said}it has: other, script"


def test_what_only_a_start_can_change_is_refused_while_it_runs(radon: Radon, application: Path) -> None:
    radon.detach("--durability", "async")
    assert "runs with store lmdb, not memory; `radon stop` it" in radon.fails(2, "deploy", "--store", "memory")
    assert "runs with durability async" in radon.fails(2, "deploy", "--durability", "fsync")
    assert "runs with forgetful False" in radon.fails(2, "deploy", "--forgetful")
    said = radon.ok("deploy", "--bind", "127.0.0.1:0=script")
    assert said.splitlines() == [
        "app: tables ingress", "it listens where it did; `radon stop` and deploy again to listen elsewhere",
    ]  # fmt: skip


def test_the_length_of_a_path_does_not_matter(radon: Radon, application: Path) -> None:
    data = Path(*["a-folder-with-a-long-name"] * 12, "data")
    facts = radon.detach("--data", data)
    assert len(facts["data"]) > 300
    assert radon.ok("call", "script/a", "say hello", "--data", data) == "ok hello"
    radon.ok("stop", "--data", data)


def test_of_several_deployments_one_must_be_named(radon: Radon, application: Path) -> None:
    assert radon.fails(3, "ps").startswith("no deployment under ./.radon; ")
    assert radon.fails(3, "ps", "--data", "nowhere") == "nowhere: no deployment, because there is no such directory"
    radon.detach("--store", "memory")
    radon.detach("--data", ".radon/second")
    radon.ok("stop", "--data", ".radon/second")
    said = radon.fails(2, "call", "script/a", "say")
    assert said == (
        "there are several deployments: .radon/app (running), .radon/second (stopped); choose one with --data DIR"
    )
    assert radon.json("ps", "--data", ".radon/app")["store"] == "memory"


def test_a_directory_serves_one_process(radon: Radon, application: Path) -> None:
    serving = radon.start("run", "--data", "data")
    said = radon.fails(1, "run", "--data", "data")
    pid = serving.process.pid
    assert said == f"unavailable: data: in use by process {pid}; stop it, or use another directory"


def test_sigterm_drains(radon: Radon, application: Path) -> None:
    """What has begun ends and is answered, and nothing else begins."""
    serving = radon.start("deploy", "--data", "data")
    caller = radon.begin("call", "script/a", "clock.sleep 2s", "--data", "data")
    with Client(radon.folder / "data") as client:
        while not client.stats()["kinds"]["script"]["suspended"]:
            pass
    assert serving.end(signal.SIGTERM) == 0
    assert caller.communicate()[0] == b"ok"
    assert caller.returncode == 0


def test_the_memory_store_of_a_deployment_forgets(radon: Radon, application: Path) -> None:
    radon.detach("--store", "memory")
    radon.ask("script/a", "bucket.add data n 1")
    radon.ok("stop")
    radon.detach("--store", "memory")
    assert radon.ask("script/a", "bucket.add data n 0") == "ok 0"


def test_forgetful_drops_each_instance_after_its_turn(radon: Radon, application: Path) -> None:
    radon.detach("--forgetful", "--store", "memory")
    assert [radon.ask("script/a", "memory.count") for _ in range(2)] == ["ok 1", "ok 1"]


def test_an_unknown_backend_is_refused_with_those_that_are_known(radon: Radon, application: Path) -> None:
    assert radon.fails(2, "deploy", "--on", "ntas") == "unknown backend 'ntas'; known: monolith"
    assert "'lmdb', 'memory'" in radon.fails(2, "deploy", "--store", "postgres")


def test_a_log_that_has_become_long_is_put_aside(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from radon.cli import detach\n"
        "detach.LOG_BYTES = 8\n"
        "log = Path(sys.argv[1])\n"
        "detach.redirect(log)\n"
        "for line in ('first', 'second', 'third', 'fourth', 'fifth'):\n"
        "    os.write(2, f'{line}\\n'.encode())\n"
        "    detach.put_aside(log)\n"
    )
    log = tmp_path / "log"
    subprocess.run([sys.executable, "-c", code, str(log)], check=True)
    assert log.read_text() == "fifth\n"
    assert log.with_name("log.1").read_text() == "third\nfourth\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
