"""Secrets of a deployment: where they come from, and values that do not print themselves.

A manifest, a stored application and a digest hold references only; a value exists from `SecretRef.read` on, in
memory, and comes out by `reveal` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NoReturn

from radon.abi.errors import ManifestError
from radon.atoms.tables import Entry, Place, Text

LONGEST = 64 << 10
"""Bytes of a file with a secret; no header is as long."""

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Secret:
    """A value that shows itself to `reveal` only: not to str, repr, format, JSON, pickle or a comparison."""

    __slots__ = ("__value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name  # where the manifest mentions it: safe to print
        self.__value = value

    def reveal(self) -> str:
        return self.__value

    def __repr__(self) -> str:
        return f"<secret {self.name}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{self!r} is not to be copied or stored; keep its reference")


class SecretRef(Entry, frozen=True, kw_only=True):
    """Where a secret is to be read: an environment variable or a file of one line. Exactly one of the two."""

    hidden: ClassVar[bool] = True
    shape: ClassVar[str] = '{env = "NAME"} or {file = "PATH"}'

    env: Text | None = None
    file: Text | None = None

    def check(self, place: Place) -> None:
        if (self.env is None) == (self.file is None):
            raise place.error(f"must be {self.shape}: exactly one of them")
        if self.env is not None and not _ENV_NAME.fullmatch(self.env):
            raise place.at("env").wrong(self.env, "must be the name of an environment variable")

    def read(self, place: Place, key: str, base: Path, environ: Mapping[str, str]) -> Secret:
        """The secret of `key` in the table at `place`; paths start from `base`. Raises ManifestError."""
        try:
            if self.env is not None:
                value = _checked(f"environment variable {self.env}", environ.get(self.env))
            else:
                value = _checked(f"file {self.file}", _content(base / str(self.file)))
        except ManifestError as error:
            raise place.error(f"{key}: {error}") from None
        return Secret(".".join((*place.path, key)), value)


def _checked(source: str, value: str | None) -> str:
    if value is None:
        raise ManifestError(f"the {source} is not set")
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise ManifestError(f"the {source} is empty")
    if not value.isprintable():
        raise ManifestError(f"the {source} must hold one line of printable text")
    return value


def _content(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(LONGEST + 1)  # it may never end
        if len(content) > LONGEST:
            raise ManifestError(f"the file {path} holds more than the {LONGEST} bytes of the longest secret")
        return content.decode()
    except OSError as error:
        raise ManifestError(f"the file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ManifestError(f"the file {path} is not UTF-8 text") from None
