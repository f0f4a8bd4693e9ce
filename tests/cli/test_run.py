"""run and dev: an application in the foreground, and code that is swapped while it runs."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from tests.cli.conftest import Radon, Serving


def test_run_keeps_nothing_and_leaves_nothing(radon: Radon, application: Path) -> None:
    before = sorted(radon.folder.iterdir())
    serving = radon.start("run")
    assert serving.facts["store"] == "memory"
    assert serving.facts["durability"] == "none"
    assert radon.ok("call", "script/a", "say hello") == "ok hello", "it is found without being told where"
    assert serving.end(signal.SIGINT) == 130
    assert sorted(radon.folder.iterdir()) == before


def test_run_with_a_directory_keeps_its_state_there(radon: Radon, application: Path) -> None:
    for count in (1, 2):
        serving = radon.start("run", "--data", "data")
        assert serving.facts["store"] == "lmdb"
        assert radon.ask("script/a", "bucket.add data n 1", "data") == f"ok {count}"
        assert serving.end(signal.SIGTERM) == 0


def test_what_must_be_durable_is_not_run_in_memory(radon: Radon, application: Path) -> None:
    application.write_text(f'{application.read_text()}\n[require]\ndurability = "process"\n')
    said = radon.fails(2, "run")
    assert said.startswith("radon.toml: [require] durability = 'process', and memory forgets: say --data DIR ")


def test_how_to_keep_what_is_not_kept_cannot_be_chosen(radon: Radon, application: Path) -> None:
    said = "--durability async: memory keeps nothing; say --store lmdb to keep it, or leave this out"
    for verb in ("run", "dev", "deploy"):
        assert radon.fails(2, verb, "--store", "memory", "--durability", "async") == said
    assert radon.fails(2, "run", "--durability", "async") == said


def test_what_atoms_log_is_on_standard_error(radon: Radon, application: Path) -> None:
    serving = radon.start("run")
    radon.ask("script/a", 'log.write warn "as they say"')
    assert serving.error_line().split(" ", 1)[1] == "warn  script/a as they say"


def test_run_goes_on_where_it_may_not_write(radon: Radon, application: Path) -> None:
    """In memory nothing needs to be written; only it is not found by other verbs."""
    (radon.folder / ".radon").write_text("in the way")
    serving = radon.start("run")
    assert serving.error_line() == "no other process can see this one: .radon/app: Not a directory"
    assert serving.end(signal.SIGTERM) == 0


def test_bind_moves_the_connections_of_a_kind(radon: Radon, application: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        application.write_text(f'{application.read_text()}\n[ingress.tcp]\n"127.0.0.1:{port}" = "script"\n')
        serving = radon.start("run", "--bind", "127.0.0.1:0=script")
    (address,) = serving.facts["addresses"]
    assert (address["protocol"], address["kind"]) == ("tcp", "script")
    host, _, found = address["address"].partition(":")
    assert int(found) not in (0, port)
    with socket.create_connection((host, int(found))) as connection:
        connection.sendall(b"say hello")
        assert connection.recv(100) == b"ok hello"


def test_a_bind_that_makes_no_sense_is_refused(radon: Radon, application: Path) -> None:
    for bind in ("127.0.0.1:7001", "127.0.0.1:7001=nobody"):
        assert "must be ADDRESS=KIND, as in 127.0.0.1:7001=KIND" in radon.fails(2, "run", "--bind", bind)
    assert radon.fails(2, "run", "--bind", "7001=script").startswith(
        "--bind 7001=script: an address to listen on is HOST:"
    )


COUNTER = """\
#include "radon.h"
#include "words.h"

RADON_RECEIVE(message, body) {
    radon_bucket counts;
    int64_t total;
    RADON_TRY(radon_state_open(radon_text("counts"), &counts));
    RADON_TRY(radon_bucket_add(counts, radon_text("total"), 1, &total));
    radon_buffer answer = {0};
    radon_buffer_add_text(&answer, WORD);
    radon_buffer_add(&answer, radon_format_s64(total));
    RADON_TRY(radon_message_reply(message, radon_buffer_bytes(&answer)));
    return RADON_DONE;
}
"""


def begin_counter(radon: Radon) -> Serving:
    (radon.folder / "radon.toml").write_text('[application]\nname = "app"\n[kinds.counter]\nsource = "counter.c"\n')
    (radon.folder / "counter.c").write_text(COUNTER)
    (radon.folder / "words.h").write_text('#define WORD "one "\n')
    serving = radon.start("dev")
    assert serving.error_line() == f"watching {radon.folder}"
    return serving


def test_a_save_swaps_the_code_and_keeps_the_state(radon: Radon) -> None:
    serving = begin_counter(radon)
    assert radon.ask("counter/a", "") == "one 1"

    (radon.folder / "words.h").write_text('#define WORD "two "\n')
    assert serving.error_line() == "swapped: counter"
    assert radon.ask("counter/a", "") == "two 2"

    # As many editors save: a new file in the place of the old one.
    (radon.folder / "draft").write_text('#define WORD "three "\n')
    os.replace(radon.folder / "draft", radon.folder / "words.h")
    assert serving.error_line() == "swapped: counter"
    assert radon.ask("counter/a", "") == "three 3"


def test_a_broken_build_shows_its_error_and_the_old_code_goes_on(radon: Radon) -> None:
    serving = begin_counter(radon)
    (radon.folder / "words.h").write_text("#define WORD 5 +\n")
    assert serving.error_line() == "counter.c did not compile"
    while serving.error_line() != "the code from before goes on running":
        pass
    assert radon.ask("counter/a", "") == "one 1"

    manifest = radon.folder / "radon.toml"
    manifest.write_text(manifest.read_text().replace("source", "sorce"))
    assert serving.error_line().endswith("[kinds.counter] has no key 'sorce'; did you mean 'source'?")
    assert serving.error_line() == "the code from before goes on running"

    manifest.write_text(manifest.read_text().replace("sorce", "source") + "[kinds.counter.config]\na = 'b'\n")
    assert serving.error_line() == "counter.c did not compile"
    while serving.error_line() != "the code from before goes on running":
        pass
    (radon.folder / "words.h").write_text('#define WORD "mended "\n')
    assert serving.error_line() == "swapped: counter"
    assert radon.ask("counter/a", "") == "mended 2"


def test_dev_with_a_broken_build_does_not_begin(radon: Radon) -> None:
    (radon.folder / "radon.toml").write_text('[application]\nname = "app"\n[kinds.counter]\nsource = "counter.c"\n')
    assert radon.fails(2, "dev") == "there is no counter.c"
