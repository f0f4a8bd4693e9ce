"""What all tests share: the `debian` marker and the Hypothesis profiles.

Fixtures of one subject stand in the folder of that subject.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
from functools import cache
from pathlib import Path

import hypothesis
import pytest

TESTS = Path(__file__).parent
PACKAGES = TESTS.parent / "debian-packages.txt"
IN_CI = os.environ.get("CI") == "true"

LONGEST = (
    "simulation/test_planted.py", "examples/test_simulated.py", "native/test_fuzz.py", "redis/test_simulated.py",
    "kvr/test_simulated.py", "native/test_build.py", "examples/test_bank_killed.py", "txkv/test_simulated.py",
    "cli/test_sim.py", "simulation/test_worlds.py", "simulation/test_crashes.py", "atoms/test_standard.py",
    "examples/test_readmes.py", "host/test_wasi.py", "native/test_containers.py", "txkv/test_killed.py",
    "backends/test_monolith.py", "backends/test_monolith_domains.py", "backends/test_recording.py",
    "equivalence/test_twins.py", "backends/test_monolith_killed.py", "cli/test_bench.py", "cli/test_replay.py",
    "equivalence/test_recordings.py", "txkv/test_planted.py", "redis/test_clients.py", "guests/test_componentize.py",
    "redis/test_killed.py", "kvr/test_replicas.py", "txkv/test_model.py", "docs/test_readme.py",
    "cli/test_interrupted.py", "cli/test_state.py", "cli/test_deploy.py", "kv/test_simulated.py",
    "guests/test_python.py", "hostile/test_fuzz.py", "redis/test_malformed.py",
)  # fmt: skip
"""The files that take longest, which come first: one of them at the end keeps one process busy and the others idle."""

# On a shared machine a slow example says nothing about the code, so there are no deadlines. (In CI, Hypothesis begins
# with a profile of its own, which tries the same examples each time; these inherit that.)
hypothesis.settings.register_profile("fast", deadline=None, max_examples=40)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=500)


def pytest_configure(config: pytest.Config) -> None:
    """A run that leaves out the slow tests tries few examples of each property; `make check` tries many.

    A shell lets what it runs in the background ignore Ctrl-C, and so all that the tests start would too.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()  # until all tests are found
    hypothesis.settings.load_profile("fast" if config.option.markexpr == "not slow" else "thorough")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {TESTS / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """What is there by now, ten thousand tests and all modules, stays to the end: the collector need not look at it
    again and again. That took a third of the time of the small tests, and of finding them.
    """
    gc.freeze()
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("debian"):
        for package in mark.args:
            if package not in listed_packages():
                pytest.fail(f"Debian package {package!r} is not in {PACKAGES.name}: add it, with the reason")
            if not installed(package):
                missing = pytest.fail if IN_CI else pytest.skip
                missing(f"needs the Debian package {package}: apt-get install {package}")


@cache
def listed_packages() -> frozenset[str]:
    lines = (line.partition("#")[0].strip() for line in PACKAGES.read_text().splitlines())
    return frozenset(filter(None, lines))


@cache
def installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    try:
        return subprocess.run(query, capture_output=True, text=True).stdout == "installed"
    except FileNotFoundError:  # not a Debian
        return False
