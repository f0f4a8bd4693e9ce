"""Manifest and modules together: what is refused at deploy time, and what the digest sees."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from radon.abi.errors import LoadError, ManifestError
from radon.atoms.application import Application
from radon.atoms.manifest import Manifest
from radon.host.kind import Retry
from radon.host.limits import Limits

Load = Callable[[str], Application]
One = Callable[..., Application]


# ---- what a domain gets ----


def test_kinds_carry_what_the_manifest_says(load: Load) -> None:
    application = load(
        """
        [kinds.account]
        module = "stateful.wat"
        spread = "sharded"
        shards = 8
        grants = ["log/*", "publish:a"]
        links = {audit = "log/main"}
        config = {currency = "EUR"}
        retry = {attempts = 5, backoff = "1s"}
        limits = {memory = "1MiB", turn = "2s", outbox = 1, state = "2B", message = "3B", handles = 4, spawned = 5}

        [kinds.log]
        module = "plain.wat"
        """,
    )
    kinds = application.kinds()
    account, log = kinds["account"], kinds["log"]
    assert list(kinds) == ["account", "log"]
    assert application.name == "bank"
    assert (account.name, account.spread, account.shards) == ("account", "sharded", 8)
    assert account.module is application.modules["account"]
    assert account.module.stateful
    assert (account.links, account.config) == ({"audit": "log/main"}, {"shards": "8", "currency": "EUR"})
    assert account.retry == Retry(attempts=5, backoff=10**9)
    assert account.limits == Limits(memory=1 << 20, turn=2 * 10**9, outbox=1, state=2, message=3, handles=4, spawned=5)
    assert account.grants.open("log", "x")
    assert account.grants.open("account", "x")
    assert not log.grants.open("account", "x")
    assert (log.spread, log.shards, log.limits, log.retry) == ("keyed", 0, Limits(), Retry())


# ---- what is refused ----


NO_LOG = "there is no kind 'log'; known: account"
NO_API = "there is no [egress.http] 'api'; there is none"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ('grants = ["acount/*"]', "grants = 'acount/*': there is no kind 'acount'; did you mean 'account'?"),
        ('grants = ["log"]', f"grants = 'log': {NO_LOG}"),
        ('grants = ["spawn:log"]', f"grants = 'spawn:log': {NO_LOG}"),
        ('grants = ["stop:log/*"]', f"grants = 'stop:log/*': {NO_LOG}"),
        ('grants = ["http:api"]', f"grants = 'http:api': {NO_API}"),
    ],
)
def test_a_grant_to_what_is_not_there_is_refused(one: One, lines: str, fault: str) -> None:
    with pytest.raises(ManifestError) as refusal:
        one(lines)
    assert str(refusal.value) == f"radon.toml: [kinds.account] {fault}"


@pytest.mark.parametrize(("target", "fault"), [("log/main", NO_LOG), ("http:api", NO_API), ("http:api/x", None)])
def test_a_link_to_what_is_not_there_is_refused(one: One, target: str, fault: str | None) -> None:
    with pytest.raises(ManifestError) as refusal:
        one(f'links = {{a = "{target}"}}')
    fault = fault or 'a link leads to "KIND/KEY", "KIND" or "http:NAME"'
    assert str(refusal.value) == f"radon.toml: [kinds.account.links] a = '{target}': {fault}"


def test_an_ingress_to_what_is_not_there_is_refused(one: One) -> None:
    def fault(lines: str) -> str:
        with pytest.raises(ManifestError) as refusal:
            one(lines)
        return str(refusal.value)

    route, address = "'GET /{x}' = 'log/{x}'", "'127.0.0.1:1'"
    assert fault(f"[ingress.http.routes]\n{route}") == f"radon.toml: [ingress.http.routes] {route}: {NO_LOG}"
    assert fault(f"[ingress.tcp]\n{address} = 'log'") == f"radon.toml: [ingress.tcp] {address} = 'log': {NO_LOG}"
    assert fault(f"spread = 'every-host'\n[ingress.tcp]\n{address} = 'account'") == (
        f"radon.toml: [ingress.tcp] {address} = 'account': each connection is an atom of its own, so the kind must be"
        " 'keyed', not 'every-host'"
    )


def test_names_that_lead_somewhere_are_accepted(one: One) -> None:
    one(
        """
        grants = ["account/*", "spawn:account", "stop:account/*", "publish:any/*", "subscribe:any", "http:api"]
        links = {self = "account/1", out = "http:api"}
        [ingress.http.routes]
        "GET /{x}" = "account/{x}"
        [ingress.tcp]
        "127.0.0.1:1" = "account"
        [egress.http.api]
        url = "http://example.org/"
        """,
    )


def test_a_stateless_kind_may_not_import_state(one: One, folder: Path) -> None:
    one('spread = "stateless"')
    with pytest.raises(ManifestError) as refusal:
        one('spread = "stateless"', "stateful.wat")
    assert str(refusal.value) == (
        f"radon.toml: [kinds.account] spread = 'stateless': {folder}/stateful.wat imports 'state';"
        " make the kind 'keyed'"
    )


def test_a_kind_whose_turns_can_wait_may_not_be_shared(one: One, folder: Path) -> None:
    one('memory = "shared"')
    with pytest.raises(ManifestError) as refusal:
        one('memory = "shared"', "waiting.wat")
    assert str(refusal.value) == (
        f"radon.toml: [kinds.account] memory = 'shared': {folder}/waiting.wat imports clock.sleep, so that a turn may"
        " stop halfway in the memory that others are to run in; do without, or make the memory 'private'"
    )


def test_a_module_must_fit_its_memory_limit(one: One, folder: Path) -> None:
    one('limits = {memory = "2112KiB"}', "big.wat")
    with pytest.raises(ManifestError) as refusal:
        one('limits = {memory = "2MiB"}', "big.wat")
    assert str(refusal.value) == (
        f"radon.toml: [kinds.account.limits] memory = '2MiB': {folder}/big.wat starts with 2112KiB;"
        " raise the limit to at least that"
    )


def test_a_module_that_is_not_there_is_refused_with_the_way_out(folder: Path) -> None:
    def fault(entry: Mapping[str, Any]) -> str:
        manifest = Manifest.of({"application": {"name": "bank"}, "kinds": {"account": entry}}, base=folder)
        with pytest.raises(ManifestError) as refusal:
            Application.load(manifest)
        return str(refusal.value)

    assert fault({"module": "x.wasm"}) == f"manifest: [kinds.account] module = 'x.wasm': there is no {folder}/x.wasm"
    assert fault({"module": "."}) == f"manifest: [kinds.account] {folder} cannot be read: Is a directory"
    assert fault({"source": "account.c"}) == (
        f"manifest: [kinds.account] is built from source, but there is no {folder}/build/account.wasm yet;"
        " run `radon build`"
    )


@pytest.mark.parametrize("file", ["radon.toml", "other.toml"])
def test_what_is_to_be_built_elsewhere_is_named(folder: Path, file: str) -> None:
    path = folder / file
    path.write_text('[application]\nname = "bank"\n[kinds.account]\nsource = "account.c"\n')
    target = folder if file == "radon.toml" else path
    with pytest.raises(ManifestError, match=f"run `radon build {target}`$"):
        Application.load(Manifest.load(path))


def test_a_module_built_from_source_is_found_beside_the_manifest(load: Load, folder: Path) -> None:
    (folder / "build").mkdir()
    (folder / "build" / "account.wasm").write_bytes((folder / "plain.wat").read_bytes())
    load('[kinds.account]\nsource = "account.c"')


def test_a_module_that_cannot_be_served_is_refused_by_file(one: One, folder: Path) -> None:
    (folder / "cut.wasm").write_bytes(b"\0asm\1\0")
    with pytest.raises(LoadError, match=r"cut\.wasm"):
        one(module="cut.wasm")


# ---- the digest ----


def test_the_digest_is_of_the_meaning_and_not_of_the_file(load: Load, folder: Path) -> None:
    digest = load(
        """
        [kinds.account]
        module = "plain.wat"
        grants = ["log/*", "account/*"]
        config = {a = "1", b = "2"}
        [kinds.log]
        module = "other.wat"
        """,
    ).digest
    (folder / "copy.wat").write_text((folder / "plain.wat").read_text() + "\n")
    same = load(
        """
        objects = "24h"
        [kinds.log]
        module = "other.wat"
        limits = {memory = "65536KiB"}
        [kinds.account]
        config = {b = "2", a = "1"}
        grants = ["account/*", "log/*", "account/*"]
        module = "copy.wat"
        [require]
        """,
    )
    assert same.digest == digest
    assert len(digest) == 64
    assert set(digest) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "lines",
    ['config = {a = "2"}', "limits = {handles = 1}", 'grants = ["account/x"]', 'links = {a = "account"}',
     "retry = {attempts = 1}", 'spread = "stateless"', '[require]\norder = "pair"', "[ingress.http]"],
)  # fmt: skip
def test_the_digest_sees_every_setting(one: One, lines: str) -> None:
    assert one(lines).digest != one().digest


def test_the_digest_sees_the_module_and_the_name(load: Load, one: One) -> None:
    application = one()
    assert one(module="other.wat").digest != application.digest
    renamed = msgspec.structs.replace(application.manifest, name="shop")
    assert Application.load(renamed).digest != application.digest


def test_the_digest_is_the_same_in_another_process(folder: Path) -> None:
    (folder / "radon.toml").write_text(
        '[application]\nname = "bank"\n[kinds.account]\nmodule = "plain.wat"\ngrants = ["account/a", "account/b"]'
    )
    program = (
        "import sys; from radon.atoms.application import Application; from radon.atoms.manifest import Manifest;"
        "print(Application.load(Manifest.load(sys.argv[1])).digest)"
    )
    command = [sys.executable, "-c", program, str(folder / "radon.toml")]
    root = Path(__file__).parents[2]
    digests = {subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout for _ in range(2)}
    assert digests == {Application.load(Manifest.load(folder / "radon.toml")).digest + "\n"}


# ---- secrets ----

WITH_SECRETS = """
[ingress.http]
token = {env = "TOKEN"}
[egress.http.api]
url = "http://example.org/"
secrets = {Authorization = {file = "authorization"}}
"""


def test_secrets_are_read_when_asked_for(one: One, folder: Path) -> None:
    (folder / "authorization").write_text("Bearer hunter2\n")
    secrets = one(WITH_SECRETS).read_secrets({"TOKEN": "hunter3"})
    assert secrets.token is not None
    assert secrets.token.reveal() == "hunter3"
    assert secrets.headers["api"]["Authorization"].reveal() == "Bearer hunter2"
    assert "hunter" not in repr(secrets)
    nothing = one().read_secrets({})
    assert (nothing.token, nothing.headers) == (None, {})


def test_a_secret_that_is_missing_is_named(one: One) -> None:
    application = one(WITH_SECRETS)
    with pytest.raises(ManifestError) as refusal:
        application.read_secrets({})
    assert str(refusal.value) == "radon.toml: [ingress.http] token: the environment variable TOKEN is not set"
    with pytest.raises(ManifestError) as refusal:
        application.read_secrets({"TOKEN": "x"})
    assert str(refusal.value).startswith("radon.toml: [egress.http.api.secrets] Authorization: the file ")
