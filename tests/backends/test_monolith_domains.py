"""The monolith of several domains: the conformance suite, and what their number is about."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

import radon
from radon.abi.delivery import Address
from radon.abi.errors import Invalid, ManifestError, RadonError, StoreError
from radon.abi.exchange import Accepted, Reply
from radon.abi.frames import decode_all, encode_all
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.backends.deployment import Answer
from radon.backends.export import bring_in, export, read_export
from radon.backends.monolith import Monolith
from radon.backends.stored import images_of, read_stored
from radon.backends.stores.lmdb import LmdbStore
from radon.backends.stores.memory import MemoryStore
from radon.host.lookup import restored
from radon.testing.agents import OpenApp
from radon.testing.backends import BackendSuite
from radon.testing.domains import each_domain
from radon.testing.faults import Around
from tests.backends.conftest import LONE
from tests.backends.desk import SOON

__all__ = ["each_domain"]  # a fixture, found here by its name


@pytest.fixture(params=["memory", "lmdb"])
def open_app(request: pytest.FixtureRequest, tmp_path: Path) -> OpenApp:
    data = tmp_path / "data" if request.param == "lmdb" else None
    return lambda application: radon.Runtime(application, data=data, domains=3)


class TestMonolithOfThreeDomains(BackendSuite):
    pass


@pytest.fixture
def application(agent_folder: Path) -> Application:
    given = {"application": {"name": "suite"}, "kinds": {"agent": {**LONE, "grants": ["agent/*"]}}}
    return Application.load(Manifest.of(given, base=agent_folder))


def ask(deployment: Monolith, to: str, text: str) -> str:
    answers: SimpleQueue[Answer] = SimpleQueue()
    deployment.post(Address.parse(to), text.encode(), answers.put)
    answer = answers.get(timeout=SOON)
    assert isinstance(answer, Reply), answer
    assert not answer.code, answer
    return answer.body.decode()


AGENTS = [f"agent/{number}" for number in range(12)]


def test_the_number_of_domains_stays_that_of_the_first_deployment(application: Application, tmp_path: Path) -> None:
    Monolith.open(application, LmdbStore(tmp_path / "data"), domains=3).stop()
    again = Monolith.open(application, LmdbStore(tmp_path / "data"))
    assert again.domains == 3
    again.stop()
    store = LmdbStore(tmp_path / "data")
    with closing(store), pytest.raises(Invalid, match="2 domains are asked for, and the number of this data is 3"):
        Monolith.open(application, store, domains=2)


@pytest.mark.parametrize("domains", [0, -1, 65])
def test_there_are_1_to_64_domains(application: Application, domains: int) -> None:
    with pytest.raises(Invalid, match=f"{domains} domains; a deployment has 1 to 64"):
        Monolith.open(application, MemoryStore(), domains=domains)


def test_a_number_of_domains_that_is_none_is_damage(application: Application) -> None:
    store = MemoryStore()
    store.write("application", application.bundle())
    store.write("domains", b"many")
    with pytest.raises(StoreError, match="number of domains is stored as b'many'"):
        Monolith.open(application, store)


def test_atoms_are_spread_and_found_again(application: Application, tmp_path: Path) -> None:
    deployment = Monolith.open(application, LmdbStore(tmp_path / "data", fsync=False), domains=3)
    for agent in AGENTS:
        ask(deployment, agent, "count 1")
    used = deployment.perform_all(lambda domain: domain.usage().kinds["agent"].atoms).result(SOON)
    assert sum(used) == len(AGENTS)
    assert all(used)
    assert deployment.stats().kinds["agent"].atoms == len(AGENTS)
    deployment.stop()
    again = Monolith.open(None, LmdbStore(tmp_path / "data", fsync=False))
    assert [ask(again, agent, "total") for agent in AGENTS] == ["1"] * len(AGENTS)
    again.stop()


class Unsound(Around):
    """Every fifth commit fails, until it is `sound`."""

    commits, sound = 0, False

    def commit(self, domain: int, epoch: int, frames: Any) -> None:
        self.commits += 1
        if self.commits % 5 == 0 and not self.sound:
            raise StoreError("this commit fails")
        self.inner.commit(domain, epoch, frames)


def test_an_object_is_found_though_domains_are_lost_while_it_is_looked_for(
    application: Application, hasty: None
) -> None:
    """Whoever asks gets an answer, or hears that his domain was lost."""
    store: Any = Unsound(MemoryStore())
    deployment = Monolith.open(application, store, domains=3)
    name = ""
    while not name:
        with suppress(RadonError, AssertionError):
            name = ask(deployment, AGENTS[0], "object immutable")
    answers = []
    while len(answers) < 30:
        with suppress(RadonError, AssertionError):
            answers.append(ask(deployment, AGENTS[len(answers) % 12], f"read {name}"))
    assert set(answers) == {"immutable"}
    deployment.stop()


def test_what_was_sent_to_a_domain_that_was_lost_comes_when_it_is_back(
    application: Application, hasty: None, each_domain: str
) -> None:
    """What is promised happens once all the same."""
    store: Any = Unsound(MemoryStore())
    deployment = Monolith.open(application, store, domains=3)
    accepted = 0

    def tell(text: str) -> bool:
        """Whether it was accepted."""
        answers: SimpleQueue[Answer] = SimpleQueue()
        try:
            deployment.post(Address.parse("agent/0"), text.encode(), answers.put, wants=False)
        except RadonError:
            return False
        return isinstance(answers.get(timeout=SOON), Accepted)

    for number in range(60):
        accepted += tell(f"to {AGENTS[1 + number % 11]} count 1")
    assert accepted
    store.sound = True
    total = 0
    for _ in range(10_000):
        with suppress(RadonError, AssertionError):  # a domain may be opened again just now
            deployment.perform_all(lambda domain: None).result(SOON)
            total = sum(int(ask(deployment, agent, "total")) for agent in AGENTS[1:])
        if total >= accepted:
            break
    assert accepted <= total <= 60
    deployment.stop()


def test_a_first_start_that_fails_does_not_decide_on_the_number_of_domains(
    application: Application, tmp_path: Path
) -> None:
    class Failing(Around):
        def write(self, name: str, content: bytes) -> None:
            if name == "application":
                raise StoreError("this write fails")
            self.inner.write(name, content)

    with closing(LmdbStore(tmp_path / "data")) as store, pytest.raises(StoreError, match="this write fails"):
        Monolith.open(application, Failing(store), domains=3)
    deployment = Monolith.open(application, LmdbStore(tmp_path / "data"), domains=2)
    assert deployment.domains == 2
    deployment.stop()


def test_deployments_and_looks_of_one_moment_do_not_wait_for_each_other(application: Application) -> None:
    """What is done by all domains together is begun by each in the same order."""
    deployment = Monolith.open(application, MemoryStore(), domains=8)

    def look() -> None:
        for _ in range(100):
            assert deployment.perform_all(lambda domain: 1, at_once=True).result(SOON) == [1] * 8

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    for _ in range(60):
        deployment.deploy(application)
    for looker in lookers:
        looker.join(SOON)
        assert not looker.is_alive()
    deployment.stop()


def test_a_deployment_that_one_domain_refuses_changes_none(application: Application, agent_folder: Path) -> None:
    """The kind that is gone has state in one domain only."""
    store = MemoryStore()
    deployment = Monolith.open(application, store, domains=3)
    ask(deployment, "agent/0", "count 1")
    given = {"application": {"name": "suite"}, "kinds": {"other": {**LONE, "grants": []}}}
    other = Application.load(Manifest.of(given, base=agent_folder))
    with pytest.raises(ManifestError, match="kind 'agent' is gone from the manifest"):
        deployment.deploy(other)
    assert ask(deployment, "agent/0", "total") == "1"
    digests = deployment.perform_all(lambda domain: domain.digest).result(SOON)
    assert set(digests) == {application.digest}
    deployment.deploy(other, drop=frozenset({"agent"}))
    assert set(deployment.perform_all(lambda domain: domain.digest).result(SOON)) == {other.digest}
    deployment.stop()


def test_all_domains_are_exported_and_brought_in(application: Application, tmp_path: Path) -> None:
    deployment = Monolith.open(application, LmdbStore(tmp_path / "data", fsync=False), domains=3)
    for agent in AGENTS:
        ask(deployment, agent, "count 1")
    name = ask(deployment, AGENTS[0], "object immutable")
    deployment.stop()
    stored = read_stored(tmp_path / "data")
    assert [image.domain for image in stored.images] == [0, 1, 2]
    bring_in(read_export(export(stored)), tmp_path / "new")
    again = Monolith.open(None, LmdbStore(tmp_path / "new", fsync=False))
    assert [ask(again, agent, "total") for agent in AGENTS] == ["1"] * len(AGENTS)
    assert {ask(again, agent, f"read {name}") for agent in AGENTS} == {"immutable"}
    assert again.domains == 3
    again.stop()


@pytest.mark.parametrize("kept", [[0, 1], [1, 2], [2, 1, 0], []])
def test_an_export_that_lacks_a_domain_is_refused(application: Application, tmp_path: Path, kept: list[int]) -> None:
    deployment = Monolith.open(application, LmdbStore(tmp_path / "data", fsync=False), domains=3)
    deployment.stop()
    images = read_stored(tmp_path / "data").images
    records = [record for number in kept for record in images[number].records()]
    with pytest.raises(LookupError, match="numbered from 0, and none is missing"):
        images_of(decode_all(encode_all(records)))


def test_looks_of_one_moment_see_what_is_on_its_way_once(application: Application) -> None:
    """Whoever sent it has it in the outbox, or whoever it was for has it."""
    deployment = Monolith.open(application, MemoryStore(), domains=3)

    def tell(number: int) -> None:
        text = f"to {AGENTS[1 + number % 11]} count 1".encode()
        deployment.post(Address.parse("agent/0"), text, lambda answer: None, wants=False)

    for number in range(300):
        tell(number)
        if number % 30 == 0:
            snapshots = deployment.perform_all(lambda domain: domain.snapshot(), at_once=True).result(SOON)
            images = [restored(snapshot) for snapshot in snapshots]
            for image in images:
                for domain, outbox in image.outboxes.items():
                    heard = images[domain].heard.get(image.domain, 0)
                    assert outbox.gone <= heard <= outbox.last
    deployment.stop()
