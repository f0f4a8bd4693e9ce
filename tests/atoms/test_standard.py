"""The standard atoms: shipped as built from their sources, and named in a manifest without a path."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from radon.abi.errors import ManifestError
from radon.atoms import std
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.atoms.std import STANDARDS, build
from radon.cli.building import build_kinds

TABLE = {"module": "std:kv", "spread": "sharded", "shards": 3}
REPLICATED = {"module": "std:kvr", "replicas": 3, "config": {"consistency": "causal"}}


def manifest(**entry: object) -> Manifest:
    return Manifest.of({"application": {"name": "shop"}, "kinds": {"store": {**TABLE, **entry}}})


@pytest.mark.timeout(300)
def test_the_shipped_modules_are_those_of_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    """The same compiler makes the same bytes: whoever changes a source builds the module too."""
    status = build.main(["--check"])
    assert (status, capsys.readouterr().err) == (0, "")


def test_a_stale_module_is_named_and_then_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In another folder, of which nothing gets into the module."""
    shutil.copytree(std.FOLDER, tmp_path, dirs_exist_ok=True)
    copied = tmp_path / "kv"
    before = (copied / "kv.wasm").read_bytes()
    (copied / "kv.wasm").write_bytes(b"stale")

    monkeypatch.setattr(std, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "STANDARDS", {"kv": STANDARDS["kv"]})
    assert build.main(["--check"]) == 1
    assert "kv.wasm is stale; run `python -m radon.atoms.std.build`" in capsys.readouterr().err
    assert build.main([]) == 0
    assert (copied / "kv.wasm").read_bytes() == before
    assert build.main(["--check"]) == 0


def test_a_manifest_names_it_and_needs_no_compiler() -> None:
    named = manifest(config={"currency": "EUR"})
    assert [built.how for built in build_kinds(named).values()] == ["given"]
    kind = Application.load(named).kinds()["store"]
    assert (kind.spread, kind.shards, kind.config) == ("sharded", 3, {"shards": "3", "currency": "EUR"})
    assert kind.module.handlers == {"receive", "fired"}


def test_an_application_with_one_is_stored_whole() -> None:
    application = Application.load(manifest())
    assert Application.unbundle(application.bundle()).digest == application.digest


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (
            {"module": "std:kw"},
            "[kinds.store] module = 'std:kw': there is no standard atom 'kw'; known: kv, txkv, kvr, keyspace, resp",
        ),
        (
            {"module": "std:"},
            "[kinds.store] module = 'std:': there is no standard atom ''; known: kv, txkv, kvr, keyspace, resp",
        ),
        ({"spread": "keyed", "shards": None}, "[kinds.store] spread = 'keyed': std:kv needs spread = 'sharded'"),
        ({"memory": "shared"}, "[kinds.store] memory = 'shared': std:kv keeps in memory what is one atom's"),
        ({"replicas": 3}, "[kinds.store] replicas = 3: std:kv has no replicas; std:kvr has"),
        ({"module": "std:kvr"}, "[kinds.store] replicas = 1: std:kvr needs 2 or more; std:kv is for one"),
        (
            {**REPLICATED, "config": {}},
            "[kinds.store.config] consistency = None: std:kvr needs 'causal' or 'eventual'",
        ),
        (
            {**REPLICATED, "config": {"consistency": "linearizable"}},
            "[kinds.store.config] consistency = 'linearizable': std:kvr needs 'causal' or 'eventual'",
        ),
    ],
)
def test_what_it_cannot_be_is_refused(entry: dict[str, object], fault: str) -> None:
    table = {key: value for key, value in {**TABLE, **entry}.items() if value is not None}
    with pytest.raises(ManifestError) as raised:
        Manifest.of({"application": {"name": "shop"}, "kinds": {"store": table}})
    assert str(raised.value) == f"manifest: {fault}"


@pytest.mark.parametrize("consistency", ["causal", "eventual"])
def test_a_replicated_store_finds_in_its_config_what_it_is(consistency: str) -> None:
    kind = Application.load(manifest(**{**REPLICATED, "config": {"consistency": consistency}})).kinds()["store"]
    assert (kind.shards, kind.replicas) == (3, 3)
    assert kind.config == {"consistency": consistency, "shards": "3", "replicas": "3"}


def test_the_limit_of_messages_grows_with_the_replicas() -> None:
    manifest(**REPLICATED, limits={"message": "768KiB"})
    with pytest.raises(ManifestError, match=r"message = '512KiB': std:kvr with 3 replicas needs 768KiB"):
        manifest(**REPLICATED, limits={"message": "512KiB"})


def test_every_standard_atom_has_sources_and_a_module() -> None:
    for standard in STANDARDS.values():
        assert standard.sources
        assert standard.path.is_file()
