"""Secrets: read from where the manifest says, and never shown."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import msgspec
import pytest

from radon.abi.errors import ManifestError
from radon.atoms.secrets import Secret, SecretRef
from radon.atoms.tables import Place

PLACE = Place("radon.toml", ("ingress", "http"))


def read(ref: SecretRef, *, base: Path = Path(), environ: dict[str, str] | None = None) -> str:
    return ref.read(PLACE, "token", base, environ or {}).reveal()


def test_a_secret_is_read_from_the_environment() -> None:
    assert read(SecretRef(env="TOKEN"), environ={"TOKEN": "hunter2"}) == "hunter2"


@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"hunter2\r\n"])
def test_a_secret_is_read_from_a_file_without_its_line_end(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    assert read(SecretRef(file="token"), base=tmp_path) == "hunter2"
    assert read(SecretRef(file=str(tmp_path / "token"))) == "hunter2"


def test_a_secret_is_called_what_the_manifest_calls_it() -> None:
    assert SecretRef(env="T").read(PLACE, "token", Path(), {"T": "x"}).name == "ingress.http.token"


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({}, "the environment variable TOKEN is not set"),
        ({"TOKEN": ""}, "the environment variable TOKEN is empty"),
        ({"TOKEN": "hunter2\nhunter2"}, "the environment variable TOKEN must hold one line of printable text"),
        ({"TOKEN": "hunter2\0"}, "the environment variable TOKEN must hold one line of printable text"),
    ],
)
def test_a_secret_missing_from_the_environment_is_named(environ: dict[str, str], fault: str) -> None:
    with pytest.raises(ManifestError) as refusal:
        read(SecretRef(env="TOKEN"), environ=environ)
    assert str(refusal.value) == f"radon.toml: [ingress.http] token: {fault}"


def test_a_secret_missing_from_its_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "binary").write_bytes(b"\xff")

    def fault(file: str) -> str:
        with pytest.raises(ManifestError) as refusal:
            read(SecretRef(file=file), base=tmp_path)
        return str(refusal.value).removeprefix("radon.toml: [ingress.http] token: ")

    assert fault("missing") == f"the file {tmp_path}/missing cannot be read: No such file or directory"
    assert fault("empty") == "the file empty is empty"
    assert fault("/dev/zero") == "the file /dev/zero holds more than the 65536 bytes of the longest secret"
    assert fault("binary") == f"the file {tmp_path}/binary is not UTF-8 text"


def test_a_secret_shows_itself_only_when_asked_to() -> None:
    secret = Secret("token", "hunter2")
    assert f"{secret} {secret!r} {[secret]} {secret:}" == " ".join(
        ["<secret token>", "<secret token>", "[<secret token>]", "<secret token>"]
    )
    assert secret != Secret("token", "hunter2")
    for leak in (json.dumps, msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps, copy.copy, copy.deepcopy, vars):
        with pytest.raises(TypeError) as refusal:
            leak(secret)
        assert "hunter2" not in str(refusal.value)
    assert secret.reveal() == "hunter2"
