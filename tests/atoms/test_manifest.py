"""Every key of radon.toml: its default, what it reads, and the one line that says what is wrong with it."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import ManifestError
from radon.atoms.manifest import (
    Egress,
    HttpEgress,
    HttpIngress,
    Ingress,
    KindEntry,
    LimitsEntry,
    Manifest,
    Require,
    RetryEntry,
    Tls,
    split_listen,
)
from radon.atoms.secrets import SecretRef
from radon.host.kind import Retry
from radon.host.limits import Limits

SMALLEST = """
[application]
name = "bank"

[kinds.account]
module = "account.wasm"
"""

SECOND = 10**9


def parsed(addition: str) -> Manifest:
    """`SMALLEST`, whose last table is [kinds.account], with more lines."""
    return Manifest.parse(SMALLEST + addition)


def fault(text: str) -> str:
    with pytest.raises(ManifestError) as refusal:
        Manifest.parse(text)
    message = str(refusal.value)
    assert len(message.splitlines()) == 1
    return message


def test_the_smallest_manifest_has_the_documented_defaults() -> None:
    manifest = parsed("")
    assert manifest == Manifest(
        name="bank",
        idempotency=3600 * SECOND,
        objects=86_400 * SECOND,
        kinds={
            "account": KindEntry(
                module="account.wasm", source=(), spread="keyed", shards=None, memory="private", grants=(), links={},
                config={}, retry=RetryEntry(attempts=3, backoff=SECOND // 10),
                limits=LimitsEntry(
                    memory=64 << 20, turn=SECOND, outbox=10_000, state=1 << 30, message=1 << 20, handles=1024,
                    spawned=10_000,
                ),
            )
        },
        require=Require(delivery="at-most-once", durability="none", order="none"),
        ingress=Ingress(http=None, tcp={}),
        egress=Egress(http={}),
        file="radon.toml",
        base=Path(),
    )  # fmt: skip


def test_an_empty_http_ingress_has_the_documented_defaults() -> None:
    assert parsed("[ingress.http]").ingress.http == HttpIngress(
        listen="127.0.0.1:8080", routes={}, body=1 << 20, topics=(), token=None, tls=None
    )


def test_defaults_are_those_of_the_host() -> None:
    assert msgspec.structs.asdict(LimitsEntry()) == {name: getattr(Limits(), name) for name in Limits.__slots__}
    assert msgspec.structs.asdict(RetryEntry()) == {name: getattr(Retry(), name) for name in Retry.__slots__}


def test_every_key_is_read() -> None:
    manifest = Manifest.parse(
        """
        [application]
        name = "bank-2"
        idempotency = "2h"
        objects = "7d"

        [kinds.account]
        source = ["account.c", "money.c"]
        spread = "sharded"
        shards = 16
        memory = "private"
        grants = ["log/*", "spawn:log"]
        links = {audit = "log/main", api = "http:api"}
        config = {currency = "EUR", prefix = ""}
        retry = {attempts = 5, backoff = "250us"}
        limits = {memory = "2MiB", turn = "5m", outbox = 1, state = "100B", message = 4096, handles = 2, spawned = 3}

        [kinds.log]
        source = "log.c"
        spread = "every-host"

        [require]
        delivery = "exactly-once"
        durability = "machine"
        order = "pair"

        [ingress.http]
        listen = "[::1]:0"
        body = "512KiB"
        topics = ["a", "b/*"]
        token = {file = "token.txt"}
        tls = {certificate = "c.pem", key = "k.pem"}
        routes = {"GET /" = "log", "PUT /a/{x}/{rest*}" = "account/{x}-{rest}"}

        [ingress.tcp]
        "0.0.0.0:7001" = "account"

        [egress.http.api]
        url = "https://example.org/v1?x=1"
        headers = {Accept = "text/plain"}
        secrets = {Authorization = {env = "API_TOKEN"}}
        timeout = "1s"
        retry = {attempts = 1}
        """,
        base="/srv/bank",
        file="/srv/bank/radon.toml",
    )
    assert manifest == Manifest(
        name="bank-2",
        idempotency=7200 * SECOND,
        objects=7 * 86_400 * SECOND,
        kinds={
            "account": KindEntry(
                source=("account.c", "money.c"), spread="sharded", shards=16, grants=("log/*", "spawn:log"),
                links={"audit": "log/main", "api": "http:api"}, config={"currency": "EUR", "prefix": ""},
                retry=RetryEntry(attempts=5, backoff=250_000),
                limits=LimitsEntry(
                    memory=2 << 20, turn=300 * SECOND, outbox=1, state=100, message=4096, handles=2, spawned=3
                ),
            ),
            "log": KindEntry(source=("log.c",), spread="every-host"),
        },
        require=Require(delivery="exactly-once", durability="machine", order="pair"),
        ingress=Ingress(
            http=HttpIngress(
                listen="[::1]:0", body=512 << 10, topics=("a", "b/*"), token=SecretRef(file="token.txt"),
                tls=Tls(certificate="c.pem", key="k.pem"),
                routes={"GET /": "log", "PUT /a/{x}/{rest*}": "account/{x}-{rest}"},
            ),
            tcp={"0.0.0.0:7001": "account"},
        ),
        egress=Egress(
            http={
                "api": HttpEgress(
                    url="https://example.org/v1?x=1", headers={"Accept": "text/plain"},
                    secrets={"Authorization": SecretRef(env="API_TOKEN")}, timeout=SECOND,
                    retry=RetryEntry(attempts=1),
                )
            }
        ),
        file="/srv/bank/radon.toml",
        base=Path("/srv/bank"),
    )  # fmt: skip
    assert manifest.module_path("account") == Path("/srv/bank/build/account.wasm")


def test_a_module_is_found_from_the_folder_of_the_manifest(tmp_path: Path) -> None:
    file = tmp_path / "radon.toml"
    file.write_text(SMALLEST)
    manifest = Manifest.load(file)
    assert manifest.module_path("account") == tmp_path / "account.wasm"
    assert (manifest.file, manifest.base) == (str(file), tmp_path)


def catalogue(section: int) -> list[tuple[str, str]]:
    """The lines and the message of each block of that section of faults.txt."""
    blocks = (
        re.split("==== .* ====\n\n", (Path(__file__).parent / "faults.txt").read_text())[section].strip().split("\n\n")
    )
    return [(lines, message) for lines, _, message in (block.partition("\n=> ") for block in blocks)]


@pytest.mark.parametrize(("lines", "message"), catalogue(1))
def test_a_broken_file_is_refused_by_place(lines: str, message: str) -> None:
    assert fault(lines) == f"radon.toml: {message}"


@pytest.mark.parametrize(("lines", "message"), catalogue(2))
def test_a_broken_table_is_refused_by_key_and_value(lines: str, message: str) -> None:
    assert fault(SMALLEST + lines) == f"radon.toml: {message}"


def test_what_is_long_or_deep_still_makes_a_line() -> None:
    assert fault("x = " + "[" * 9999) == "radon.toml: no valid TOML: nested too deeply"
    shown = "log/" + "x" * 52
    assert fault(f'{SMALLEST}links = {{a = "log/{"x" * 1025}"}}') == (
        f"radon.toml: [kinds.account.links] a = '{shown}...: the key is longer than 1024 bytes"
    )


ENTRIES = (KindEntry, HttpIngress, HttpEgress, LimitsEntry, SecretRef, Ingress)
KEYS = st.sampled_from(sorted({key for entry in ENTRIES for key in entry.__struct_fields__})) | st.text(max_size=5)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1s", "1B", "a/b", "http:a", "keyed"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)
PLACES = st.sampled_from([(), ("kinds",), ("kinds", "a"), ("ingress",), ("ingress", "http"), ("egress", "http", "a")])


@given(PLACES, st.dictionaries(KEYS, VALUES, max_size=4))
def test_whatever_stands_in_a_file_is_read_or_refused_in_one_line(path: tuple[str, ...], table: dict[str, Any]) -> None:
    tables = functools.reduce(lambda inner, name: {name: inner}, reversed(path), table)
    message = ""
    try:
        Manifest.of({"application": {"name": "a"}, "kinds": {"a": {"module": "a"}}} | tables)
    except ManifestError as error:
        message = str(error)
    assert len(message.splitlines()) <= 1


@pytest.mark.parametrize(
    "lines",
    [
        '[ingress.http]\ntoken = "hunter2"',
        '[ingress.http]\ntoken = ["hunter2"]',
        '[ingress.http]\ntoken = {env = "hunter2 hunter2"}',
        '[ingress.http]\ntoken = {value = "hunter2"}',
        '[ingress.http]\ntoken = {file = ["hunter2"]}',
        '[ingress.http]\ntls = {certificate = "c", key = ["hunter2"]}',
        '[egress.http.api]\nurl = "https://joe:hunter2@example.org/"',
        '[egress.http.api]\nurl = "https://x/"\nheaders = "hunter2"',
        '[egress.http.api]\nurl = "https://x/"\nheaders = {Authorization = ["hunter2"]}',
        '[egress.http.api]\nurl = "https://x/"\nheaders = {Authorization = "hunter2\\n"}',
        '[egress.http.api]\nurl = "https://x/"\nsecrets = "hunter2"',
        '[egress.http.api]\nurl = "https://x/"\nsecrets = {Authorization = "hunter2"}',
        '[egress.http.api]\nurl = "https://x/"\nsecrets = {Authorization = {env = ["hunter2"]}}',
    ],
)
def test_a_message_does_not_repeat_what_may_be_a_secret(lines: str) -> None:
    assert "hunter2" not in fault(SMALLEST + lines)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    def refusal(path: Path) -> str:
        with pytest.raises(ManifestError) as error:
            Manifest.load(path)
        return str(error.value)

    missing, binary = tmp_path / "missing.toml", tmp_path / "binary.toml"
    binary.write_bytes(b"x = '\xff'")
    assert refusal(missing) == f"{missing}: no such file; `radon new NAME` starts an application"
    assert refusal(Path("/dev/zero")) == "/dev/zero: no file", "it never ends"
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"
    assert refusal(binary) == f"{binary}: not UTF-8 text at byte 5"


def test_a_byte_order_mark_and_lines_of_windows_are_understood(tmp_path: Path) -> None:
    plain, windows = tmp_path / "plain.toml", tmp_path / "windows.toml"
    plain.write_text(SMALLEST, encoding="utf-8")
    windows.write_text(SMALLEST, encoding="utf-8-sig", newline="\r\n")
    assert Manifest.load(windows).kinds == Manifest.load(plain).kinds


# ---- built in Python ----


def test_tables_in_python_are_the_file() -> None:
    tables: dict[str, Any] = {
        "application": {"name": "bank"},
        "kinds": {"account": {"module": "account.wasm", "limits": {"memory": "2MiB"}}},
    }
    text = SMALLEST + 'limits = {memory = "2MiB"}'
    assert Manifest.of(tables, file="radon.toml") == Manifest.parse(text)


def test_structs_take_numbers_or_strings_with_units() -> None:
    numbers = KindEntry(module="a.wasm", retry=RetryEntry(backoff=SECOND), limits=LimitsEntry(memory=2 << 20))
    strings: Any = {"module": "a.wasm", "retry": {"backoff": "1s"}, "limits": {"memory": "2MiB"}}
    assert Manifest(name="a", kinds={"a": numbers}) == Manifest(name="a", kinds={"a": strings})


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (KindEntry(), "[kinds.a] needs exactly one of 'module' and 'source'"),
        (KindEntry(module="x", spread="sharded"), "[kinds.a] needs the key 'shards', because its spread is 'sharded'"),
        (
            KindEntry(module="x", links={"a": "b:c"}),
            '[kinds.a.links] a = \'b:c\': a link leads to "KIND/KEY", "KIND" or "http:NAME"',
        ),
        (KindEntry(module="x", limits=LimitsEntry(outbox=0)), "[kinds.a.limits] outbox = 0: must be at least 1"),
        (KindEntry(module="x", retry=RetryEntry(backoff=-1)), "[kinds.a.retry] backoff = -1: must be at least 0ns"),
        (None, "[kinds] a = None: must be a table"),
    ],
)
def test_structs_are_checked_like_the_file(kind: Any, message: str) -> None:
    with pytest.raises(ManifestError) as refusal:
        Manifest(name="a", kinds={"a": kind})
    assert str(refusal.value) == f"manifest: {message}"


def test_a_changed_copy_is_checked_again() -> None:
    manifest = parsed("")
    bound = msgspec.structs.replace(manifest, ingress=Ingress(tcp={"127.0.0.1:7001": "account"}))
    assert bound.ingress.tcp == {"127.0.0.1:7001": "account"}
    with pytest.raises(ManifestError, match="HOST:PORT"):
        msgspec.structs.replace(manifest, ingress=Ingress(tcp={"7001": "account"}))


def test_a_manifest_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        parsed("").name = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:0", "::1", 0), ("localhost:65535", "localhost", 65535)],
)
def test_an_address_to_listen_on_is_a_host_and_a_port(address: str, host: str, port: int) -> None:
    assert split_listen(address) == (host, port)


@pytest.mark.parametrize("address", ["", ":1", "x", "x:", "::1:80", "[::1:80", "a b:80", "x:65536", "x:-1", "x:٣"])
def test_what_is_no_address_to_listen_on_is_refused(address: str) -> None:
    with pytest.raises(ManifestError):
        split_listen(address)
