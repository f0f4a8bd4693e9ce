"""An atom in Python, with the WASI that its runtime asks for, as componentize-py makes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig

import pytest

from radon.abi import wit
from radon.host.kind import Kind, Retry
from radon.host.limits import MIB, Limits
from radon.testing.domains import each_domain
from radon.testing.harness import NOON, Harness, kind

__all__ = ["each_domain"]

TOOL = shutil.which(
    "componentize-py", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(TOOL is None, reason="needs the package componentize-py of PyPI"),
]

APP = """
import os
import random
import sys
import time

from wit_world import exports
from wit_world.imports import state

COUNT = b"count"


def count(word):
    bucket = state.open("python")
    number = int(bucket.get(COUNT) or b"0") + 1
    bucket.put(COUNT, str(number).encode())
    return str(number)


def say(words):
    print("said", words)
    print("careful", file=sys.stderr)
    return words


def facts(word):
    return repr([time.time(), sys.argv, dict(os.environ), os.urandom(3).hex(), random.random()])


def read(path):
    try:
        return open(path).read()
    except OSError as error:
        return type(error).__name__


def wait(seconds):
    time.sleep(float(seconds))
    return "waited"


WORDS = {"count": count, "say": say, "facts": facts, "read": read, "wait": wait}


class Handler(exports.Handler):
    def receive(self, message, body):
        word, _, rest = body.decode().partition(" ")
        message.reply(WORDS[word](rest).encode() if word else b"")
"""


@pytest.fixture(scope="module")
def atom(tmp_path_factory: pytest.TempPathFactory) -> Kind:
    folder = tmp_path_factory.mktemp("python")
    (folder / "wit").mkdir()
    (folder / "wit" / "atom.wit").write_bytes(wit.WIT.read_bytes())
    (folder / "app.py").write_text(APP)
    make = ["-q", "-d", "wit", "-w", "atom", "componentize", "-p", ".", "app", "-o", "atom.wasm"]
    subprocess.run([str(TOOL), *make], cwd=folder, check=True, timeout=300)
    limits = Limits(memory=128 * MIB, turn=10**10)
    return kind("python", folder / "atom.wasm", limits=limits, retry=Retry(attempts=1))


def test_it_counts_and_keeps_counting_after_a_restart(atom: Kind) -> None:
    assert atom.module.wasi
    with Harness({"python": atom}) as h:
        assert [h.call("python/a", b"count") for _ in range(2)] == [b"1", b"2"]
        h.restart()
        assert h.call("python/a", b"count") == b"3"
        assert h.call("python/a", b"") == b""


def test_what_it_prints_is_logged(atom: Kind) -> None:
    with Harness({"python": atom}) as h:
        assert h.call("python/a", b"say so") == b"so"
        assert h.logs() == ["said so", "careful"]


def test_it_learns_nothing_of_the_machine(atom: Kind) -> None:
    with Harness({"python": atom}) as h, Harness({"python": atom}) as again:
        told = h.call("python/a", b"facts")
        assert told.startswith(f"[{NOON // 10**9}.0, [], {{}}, ".encode())
        assert again.call("python/a", b"facts") == told
        assert h.call("python/a", b"read /etc/passwd") == b"FileNotFoundError"


def test_it_cannot_wait_for_time_to_pass(atom: Kind) -> None:
    with Harness({"python": atom}) as h:
        h.send("python/a", b"wait 1")
        assert "the guest waits for time to pass" in h.logs()[-1]
        assert h.call("python/a", b"wait 0") == b"waited"
