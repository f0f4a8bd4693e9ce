"""An application onto data: the first time, again, another one, and with a crash between any two steps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from radon.abi.delivery import Address
from radon.abi.errors import Invalid, ManifestError, NotFound, StoreError, Unavailable
from radon.atoms.application import Application
from radon.backends import Options, deploy
from radon.backends.driver import Store, StoreFull
from radon.backends.monolith import Monolith
from radon.backends.stores.memory import MemoryStore
from radon.host.domain import Domain
from radon.host.lookup import restored
from radon.testing.faults import Around, Call, Full
from tests.backends.conftest import GRANTS, LONE, Make
from tests.backends.desk import Durable, Failing, ask

TWO = {"agent": LONE, "third": LONE}
"""Kinds of the application before, and of the one after `third` was removed the first alone."""


class Remaining(Around):
    """A store that a stop leaves open, as a directory outlives the process."""

    def close(self) -> None:
        pass


@contextmanager
def running(application: Application | None, store: Store, **options: Any) -> Iterator[Monolith]:
    deployment = Monolith.open(application, Remaining(store), **options)
    try:
        yield deployment
    finally:
        deployment.stop()


def kinds_of(deployment: Monolith) -> set[str]:
    """Of all atoms that there are."""
    usage = deployment.perform(lambda domain: domain.usage()).result()
    return {kind for kind, of in usage.kinds.items() if of.atoms}


# ---- again ----


def test_what_was_deployed_runs_again_without_its_files(make: Make) -> None:
    store = MemoryStore()
    with running(make(), store) as deployment:
        assert ask(deployment, "agent/a", "count 5") == "5"
    with running(None, store) as deployment:
        assert deployment.application.name == "suite"
        assert ask(deployment, "agent/a", "total") == "5"


def test_data_without_an_application_need_one() -> None:
    with pytest.raises(StoreError, match="nothing was ever deployed here; run `radon deploy MANIFEST` first"):
        Monolith.open(None, MemoryStore())


def test_an_application_that_moved_is_stored_again_though_its_digest_is_the_same(make: Make, tmp_path: Path) -> None:
    store, first = MemoryStore(), make()
    with running(first, store):
        pass
    moved = Application(msgspec.structs.replace(first.manifest, base=tmp_path), first.modules, first.code)
    assert moved.digest == first.digest
    with running(moved, store) as deployment:
        assert deployment.application is moved
    with running(None, store) as deployment:
        assert deployment.application.manifest.base == tmp_path


def test_another_application_is_refused_on_the_same_data(make: Make) -> None:
    store = MemoryStore()
    with running(make(), store):
        pass
    with pytest.raises(ManifestError, match="this is the data of application 'suite', not of 'other'"):
        Monolith.open(make({"application": {"name": "other"}}), store)
    with running(None, store) as deployment:
        assert deployment.application.name == "suite"


def test_old_modules_run_no_turn_before_the_new_ones_are_there(make: Make) -> None:
    """Mail that waits is perhaps what the old application failed on."""
    store = MemoryStore()
    with running(make(), store) as deployment:
        for agent in ("agent/a", "agent/b"):
            ask(deployment, agent, "total")  # else the stop may come before its `start`, which needs no fuel
        deployment.post(Address.parse("agent/a"), b"forward agent/b forward agent/a total", lambda answer: None)
        deployment.perform(lambda domain: None).result()
        deployment._runners.stop(grace=0.0)  # while it goes to and fro: it is in one of the two mailboxes
    with running(make(agent={**LONE, "limits": {"turn": "1us"}}), store) as deployment:
        while not deployment.stats().dead_letters:
            pass
        kind = deployment.stats().kinds["agent"]
        assert (kind.turns, kind.failed) == (3, 3)


def test_what_is_required_and_not_given_is_refused_and_leaves_no_trace(make: Make) -> None:
    store = MemoryStore()
    with pytest.raises(ManifestError, match="requires 'machine', the monolith with this store gives 'none'"):
        Monolith.open(make({"require": {"durability": "machine"}}), store)
    assert store.read("application") is None


# ---- a stored application that cannot be read ----


def test_a_damaged_application_does_not_keep_another_from_being_deployed(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    with running(make(), store) as deployment:
        assert ask(deployment, "agent/a", "count 5") == "5"
    store.write("application", b"damaged")
    with pytest.raises(StoreError, match=r"is damaged; .*or deploy the application again, with its manifest"):
        Monolith.open(None, store)
    with running(make(), store) as deployment:
        assert ask(deployment, "agent/a", "total") == "5"
    assert "suite is deployed without a comparison with what was" in caplog.text
    with running(None, store) as deployment:
        assert ask(deployment, "agent/a", "total") == "5"


def test_even_then_no_kind_is_removed_that_holds_something(make: Make) -> None:
    store = MemoryStore()
    with running(make(**TWO), store) as deployment:
        ask(deployment, "third/a", "count 5")
    store.write("application", b"damaged")
    with pytest.raises(ManifestError, match="kind 'third' is gone"):
        Monolith.open(make(), store)
    assert store.read("application") == b"damaged"
    with running(make(), store, drop=frozenset({"third"})) as deployment:
        assert kinds_of(deployment) == set()


# ---- removing ----


@pytest.mark.parametrize("held", ["count 1", "timer 3600000 1", "keep 1"])
def test_a_kind_that_holds_anything_is_not_removed_untold(make: Make, held: str) -> None:
    store = MemoryStore()
    kept = held.startswith("keep")
    with running(make(**TWO), store) as deployment:
        if kept:  # it is not answered
            deployment.post(Address.parse("third/a"), held.encode(), lambda answer: None)
        else:
            ask(deployment, "third/a", held)
        with pytest.raises(ManifestError, match="kind 'third' is gone from the manifest, but 1 of its atoms hold"):
            deployment.deploy(make())
    with pytest.raises(ManifestError, match="delete them with `radon deploy --drop third`"):
        Monolith.open(make(), Remaining(store))
    with running(make(), store, drop=frozenset({"third"})) as deployment:
        assert kinds_of(deployment) == set()


def test_only_a_kind_that_is_there_and_does_not_stay_is_dropped(make: Make) -> None:
    store = MemoryStore()
    with pytest.raises(ManifestError, match="no kind 'third'; nothing was ever deployed here"):
        Monolith.open(make(), store, drop=frozenset({"third"}))
    absent = "--drop thrid: the deployment has no kind 'thrid'; it has: agent, third"
    stays = "--drop agent: the manifest has this kind, which stays"
    with running(make(**TWO), store) as deployment:
        ask(deployment, "third/a", "count 5")
        for name, said in (("thrid", absent), ("agent", stays)):
            with pytest.raises(ManifestError, match=said):
                deployment.deploy(make(), drop=frozenset({"third", name}))
        assert ask(deployment, "third/a", "total") == "5"
    for name, said in (("thrid", absent), ("agent", stays)):
        with pytest.raises(ManifestError, match=said):
            Monolith.open(make(), Remaining(store), drop=frozenset({"third", name}))
    with running(None, store) as deployment:
        assert ask(deployment, "third/a", "total") == "5"


def test_a_kind_without_state_is_removed_untold_and_its_watchers_hear_of_it(make: Make) -> None:
    store = MemoryStore()
    granted = {**LONE, "grants": [*GRANTS, "third/*"]}
    with running(make(agent=granted, third=LONE), store) as deployment:
        ask(deployment, "third/c", "meta nothing")
        ask(deployment, "agent/a", "watch 7 third/c")
        deployment.deploy(make())
        assert ask(deployment, "agent/a", "until 1") == "down 7 143"
        assert kinds_of(deployment) == {"agent"}


def test_requests_to_a_removed_endpoint_are_closed(make: Make) -> None:
    granted = {**LONE, "grants": [*GRANTS, "http:api"]}
    egress = {"egress": {"http": {"api": {"url": "http://127.0.0.1:9/"}}}}
    store = MemoryStore()
    with running(make(egress, agent=granted), store) as deployment:
        ask(deployment, "agent/a", "ask 3600000 http:api hello")
        ask(deployment, "agent/b", "ask 3600000 http:api hello")
        deployment.deploy(make())
        assert ask(deployment, "agent/a", "until 1") == "replied closed"
    with running(None, store) as deployment:
        assert ask(deployment, "agent/b", "until 1") == "replied closed"
        assert kinds_of(deployment) == {"agent"}


# ---- settings of the application ----


def lifetimes(deployment: Monolith) -> tuple[int, int]:
    """Seconds for which a dedup key and an object are kept that come now."""
    name = ask(deployment, "agent/a", f"object {deployment.application.digest}", once=deployment.application.digest)

    def look(domain: Domain) -> tuple[int, int]:
        image = restored(domain.snapshot())
        key, thing = image.seen[deployment.application.digest], image.objects[name]
        return round((key.expires - image.time) / 1e9), round((thing.expires - image.time) / 1e9)

    return deployment.perform(look).result()


def test_another_retention_holds_from_the_deployment_on(make: Make) -> None:
    def application(idempotency: str, objects: str) -> Application:
        return make({"application": {"name": "suite", "idempotency": idempotency, "objects": objects}})

    store = MemoryStore()
    with running(make(), store) as deployment:
        assert lifetimes(deployment) == (3600, 24 * 3600)
        deployment.deploy(application("1m", "2m"))
        assert lifetimes(deployment) == (60, 120)
    with running(application("3m", "4m"), store) as deployment:
        assert lifetimes(deployment) == (180, 240)
    with running(None, store) as deployment:
        assert ask(deployment, "agent/a", "total") == "0"
        assert deployment.perform(lambda domain: domain.settings.idempotency).result() == 180 * 10**9


# ---- crashes and failures in the middle ----


class Filmed(Around):
    """Takes a copy of a MemoryStore after each call that changed it."""

    inner: MemoryStore

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__(inner)
        self.takes: list[tuple[Call, MemoryStore]] = []

    def around(self, call: Call, act: Callable[[], Any]) -> Any:
        result = act()
        taken = MemoryStore()
        taken._domains, taken._records = copy.deepcopy((self.inner._domains, self.inner._records))
        self.takes.append((call, taken))
        return result


def test_a_crash_between_any_two_steps_of_a_first_deployment_leaves_data_that_open(make: Make) -> None:
    store = Filmed(MemoryStore())
    with running(make(), store) as deployment:
        ask(deployment, "agent/a", "count 5")
    assert {call for call, _ in store.takes} == {"open", "commit", "write"}
    totals = []
    for _, taken in store.takes:
        with running(make(), taken) as deployment:
            totals.append(ask(deployment, "agent/a", "total"))
    assert totals == sorted(totals)
    assert {"0", "5"} == set(totals)


@pytest.mark.parametrize("live", [True, False], ids=["while it runs", "by a restart"])
def test_a_crash_between_any_two_steps_leaves_the_old_application_or_the_new_one(make: Make, live: bool) -> None:
    store = Filmed(MemoryStore())
    before, after = make(**TWO), make(agent={**LONE, "config": {"a": "b"}})
    with running(before, store) as deployment:
        assert ask(deployment, "agent/a", "count 5") == "5"
        assert ask(deployment, "third/a", "count 7") == "7"
        if live:
            store.takes.clear()
            deployment.deploy(after, drop=frozenset({"third"}))
            assert ask(deployment, "agent/a", "count 1") == "6"
    if not live:
        store.takes.clear()
        with running(after, store, drop=frozenset({"third"})) as deployment:
            assert ask(deployment, "agent/a", "count 1") == "6"
    seen = []
    for _, taken in store.takes:
        with running(None, taken) as deployment:
            assert ask(deployment, "agent/a", "total") in ("5", "6")
            if deployment.application.digest == before.digest:
                seen.append("old")
                assert ask(deployment, "third/a", "total") == "7"
            else:
                seen.append("new")
                assert kinds_of(deployment) == {"agent"}
                with pytest.raises(NotFound):
                    ask(deployment, "third/a", "total")
    assert seen[-1] == "new"
    assert seen == sorted(seen, reverse=True)
    assert live or seen[0] == "old"


def test_a_deployment_that_cannot_be_stored_leaves_the_old_one_running(make: Make) -> None:
    store = Failing(Durable(MemoryStore()))
    before, after = make(**TWO), make(agent={**LONE, "config": {"a": "b"}})
    with running(before, store) as deployment:
        assert ask(deployment, "third/a", "count 5") == "5"
        store.fails = ("write",)
        with pytest.raises(StoreError, match="the disk broke in write"):
            deployment.deploy(after, drop=frozenset({"third"}))
        assert deployment.application is before
        assert ask(deployment, "third/a", "count 1") == "6"
        store.fails = ()
        deployment.deploy(after, drop=frozenset({"third"}))
        assert deployment.application is after
        assert kinds_of(deployment) == set()


def test_a_start_that_cannot_store_the_application_leaves_nothing_running(make: Make) -> None:
    store = Full(Durable(MemoryStore()))
    store.write("domains", b"1")
    store.full = True
    with pytest.raises(StoreFull):
        Monolith.open(make(), store)
    store.full = False
    with running(make(), store) as deployment:
        assert ask(deployment, "agent/a", "count 1") == "1"


def test_a_store_that_fails_just_after_a_deployment_is_opened_again_with_the_new_one(make: Make, hasty: None) -> None:
    store = Failing(MemoryStore())
    before, after = make(**TWO), make()
    with running(before, store) as deployment:
        assert ask(deployment, "third/a", "count 7") == "7"
        store.fails = ("commit",)
        deployment.deploy(after, drop=frozenset({"third"}))
        while True:
            try:
                assert ask(deployment, "agent/a", "total") == "0"
                break
            except Unavailable:
                store.fails = ()
        assert kinds_of(deployment) == {"agent"}


# ---- the way in by names ----


def test_an_unknown_backend_is_refused_with_the_names_of_the_known(make: Make) -> None:
    with pytest.raises(Invalid, match="unknown backend 'ntas'; known: monolith"):
        deploy("ntas", make(), Options(store="memory"))


def test_data_are_kept_under_the_name_of_the_application_unless_told(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    deploy("monolith", make(), Options()).stop()
    assert (tmp_path / ".radon" / "suite" / "VERSION").is_file()
    with pytest.raises(Invalid, match="name the data directory"):
        deploy("monolith", None, Options())
    deploy("monolith", None, Options(data=tmp_path / ".radon" / "suite")).stop()
