"""Applications as bytes: what a data directory keeps of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from radon.abi.errors import StoreError
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest

Load = Callable[[str], Application]
One = Callable[..., Application]

WITH_SECRETS = """
[ingress.http]
token = {env = "TOKEN"}
[egress.http.api]
url = "http://example.org/"
secrets = {Authorization = {file = "authorization"}}
"""


def test_a_bundle_needs_no_files(load: Load, folder: Path) -> None:
    application = load('[kinds.account]\nmodule = "plain.wat"\n[kinds.log]\nmodule = "stateful.wat"\n' + WITH_SECRETS)
    bundle = application.bundle()
    for file in folder.iterdir():
        file.unlink()
    restored = Application.unbundle(bundle)
    assert restored.digest == application.digest
    assert restored.manifest == application.manifest
    assert restored.kinds().keys() == application.kinds().keys()
    assert restored.bundle() == bundle


def test_a_bundle_finds_secrets_where_the_manifest_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "authorization").write_text("hunter2")
    monkeypatch.chdir(folder)
    text = f'[application]\nname = "bank"\n[kinds.account]\nmodule = "plain.wat"\n{WITH_SECRETS}'
    bundle = Application.load(Manifest.parse(text)).bundle()
    assert b"hunter2" not in bundle
    monkeypatch.chdir("/")
    secrets = Application.unbundle(bundle).read_secrets({"TOKEN": "x"})
    assert secrets.headers["api"]["Authorization"].reveal() == "hunter2"


def test_a_module_that_two_kinds_share_is_stored_once(load: Load, folder: Path) -> None:
    (folder / "long.wat").write_text(f"{(folder / 'plain.wat').read_text()};; {'x' * 10_000}")
    application = load('[kinds.a]\nmodule = "long.wat"\n[kinds.b]\nmodule = "long.wat"')
    assert len(application.bundle()) < 15_000


def test_a_damaged_bundle_is_refused(one: One) -> None:
    bundle = one().bundle()
    for end in range(len(bundle)):
        with pytest.raises(StoreError, match="damaged; restore a backup"):
            Application.unbundle(bundle[:end])
    endless = b"\x82\xa7version\x01\xa8manifest\x81\xa1x" + b"\x91" * 200_000
    changed = (bundle.replace(old, new) for old, new in ((b'"memory"', b'"mamory"'), (b"keyed", b"Keyed")))
    for damaged in (b"x" * 40, endless, bundle.replace(b"keyed", b"keye\xff"), *changed):
        with pytest.raises(StoreError, match="damaged; restore a backup"):
            Application.unbundle(damaged)
    with pytest.raises(StoreError, match="the stored module of kind 'account' is not what was deployed"):
        Application.unbundle(bundle.replace(b"i32.const 1024", b"i32.const 1025"))


def test_a_bundle_of_another_version_is_refused(one: One) -> None:
    bundle = msgspec.msgpack.decode(one().bundle())
    with pytest.raises(StoreError) as refusal:
        Application.unbundle(msgspec.msgpack.encode(bundle | {"version": 2}))
    assert str(refusal.value) == (
        "the stored application is of version 2, this Radon reads version 1; use the Radon that deployed it"
    )
