"""The machine has no memory left for a guest: its turn fails, and the domain goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource, sys
from pathlib import Path
from radon.host import engine
from radon.testing.harness import Harness
from tests.hostile.conftest import hostile
from tests.hostile.puppet import DIRECT, PUPPET, Script

there = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (there + (2 << 30), -1))
kinds = {"puppet": hostile("puppet", PUPPET), "direct": hostile("direct", DIRECT)}
with Harness(kinds) as h:
    assert engine.layout() is engine.Layout.MAPPED
    h.send(f"{sys.argv[1]}/a", Script().body())
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    print([letter.cause for letter in h.dead()])
    h.send(f"{sys.argv[1]}/a", Script().body())
    print(len(h.dead()))
"""


@pytest.mark.parametrize("kind", ["direct", "puppet"])
def test_a_guest_for_which_the_machine_has_no_memory_fails_and_the_domain_lives(kind: str) -> None:
    """In a process of its own, which may have 2 GiB of addresses more: too few for a pool, and for one memory."""
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", PROGRAM, kind], cwd=root, capture_output=True, text=True)
    assert run.stdout.splitlines() == ["['closed', 'trap: host-memory']", "2"], run.stderr
