"""radon.toml as frozen structs: every key, its type, its default and the rules between keys of one entry.

Knows no module and opens no file but its own. Whether the names in grants, links and routes exist is asked at deploy
time, by `application.py`. docs/manifest.md explains every key; a test compares.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

import msgspec

from radon.abi.delivery import Address
from radon.abi.errors import ManifestError
from radon.atoms.grants import Grant
from radon.atoms.routes import Route
from radon.atoms.secrets import SecretRef
from radon.atoms.std import PREFIX, STANDARDS
from radon.atoms.tables import (
    Count,
    Duration,
    Entry,
    Form,
    Number,
    Place,
    Size,
    Text,
    Timeout,
    check_keys,
    read,
    read_fields,
    suggest,
)  # fmt: skip
from radon.atoms.units import format_size, parse_duration
from radon.host.limits import GIB, KEY_BYTES, KIB, TURN_BYTES, Limits

Delivery = Literal["at-most-once", "at-least-once", "exactly-once"]
Durability = Literal["none", "process", "machine"]
Order = Literal["none", "pair"]
Spread = Literal["keyed", "sharded", "stateless", "every-host"]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_NAMING = "a name is made of a-z, 0-9 and -, begins with no -, and has at most 63 characters"
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_LINK = re.compile(r"http:[^/]+|[^:/]+(/.*)?", re.DOTALL)
_LIMITS = Limits()

SHARDS = "shards"
"""The name under which the config of a sharded kind tells its atoms how many they are."""

REPLICAS = "replicas"
"""The same for replicas of each shard."""

REPLICAS_MAX = 9


class ApplicationEntry(Entry, frozen=True, kw_only=True):
    """`[application]`. Its fields are those of `Manifest` itself."""

    name: Text
    idempotency: Duration = parse_duration("1h")  # how long a dedup key is remembered
    objects: Duration = parse_duration("1d")  # how long an object that nobody pinned lives

    def check(self, place: Place) -> None:
        if not _NAME.fullmatch(self.name):
            raise place.at("name").wrong(self.name, _NAMING)


class RetryEntry(Entry, frozen=True, kw_only=True):
    """`[kinds.NAME.retry]` and `[egress.http.NAME.retry]`: attempts in all, and ns before the second, then doubling."""

    attempts: Number = 3
    backoff: Duration = parse_duration("100ms")


class LimitsEntry(Entry, frozen=True, kw_only=True):
    """`[kinds.NAME.limits]`: the fields of `radon.host.limits.Limits`, which explains them."""

    memory: Size = _LIMITS.memory
    turn: Timeout = _LIMITS.turn
    outbox: Count = _LIMITS.outbox
    state: Size = _LIMITS.state
    message: Size = _LIMITS.message
    handles: Count = _LIMITS.handles
    spawned: Count = _LIMITS.spawned

    def check(self, place: Place) -> None:
        if not 64 * KIB <= self.memory <= 4 * GIB:
            raise place.at("memory").wrong(format_size(self.memory), "must be between 64KiB, one page, and 4GiB")
        if self.message > TURN_BYTES:
            raise place.at("message").wrong(format_size(self.message), f"must be at most {format_size(TURN_BYTES)}")


class KindEntry(Entry, frozen=True, kw_only=True):
    """`[kinds.NAME]`."""

    module: Text | None = None  # path of a .wasm or .wat file, or "std:NAME"
    source: Annotated[tuple[Text, ...], Form.LINES] = ()  # paths of the .c files that `radon build` builds it from
    spread: Spread = "keyed"
    shards: Number | None = None
    replicas: Count = 1
    memory: Literal["private", "shared"] = "private"
    grants: tuple[str, ...] = ()
    links: Mapping[str, str] = {}
    config: Mapping[str, str] = {}
    retry: RetryEntry = RetryEntry()
    limits: LimitsEntry = LimitsEntry()

    def check(self, place: Place) -> None:
        if (self.module is None) == (not self.source):
            raise place.error("needs exactly one of 'module' and 'source'")
        if self.module is not None and self.module.startswith(PREFIX):
            self._check_standard(place)
        if self.spread == "sharded" and self.shards is None:
            raise place.error("needs the key 'shards', because its spread is 'sharded'")
        if self.spread != "sharded" and self.shards is not None:
            raise place.at("shards").wrong(self.shards, f"only spread = 'sharded' has shards, not {self.spread!r}")
        if self.replicas > (1 if self.shards is None else REPLICAS_MAX):
            fault = f"only spread = 'sharded' has replicas, up to {REPLICAS_MAX} of each shard"
            raise place.at("replicas").wrong(self.replicas, fault)
        for name in (SHARDS, REPLICAS) if self.shards is not None else ():
            if name in self.config:
                fault = f"atoms of a sharded kind find the number of {name} there; remove it"
                raise place.at("config", name).wrong(self.config[name], fault)
        for grant in self.grants:
            with place.at("grants").reading(grant):
                Grant.parse(grant)
        for name, target in self.links.items():
            with place.at("links", name).reading(target):
                _check_link(name, target)

    def _check_standard(self, place: Place) -> None:
        name = str(self.module).removeprefix(PREFIX)
        standard = STANDARDS.get(name)
        if standard is None:
            fault = f"there is no standard atom {name!r}; {suggest(name, STANDARDS)}"
            raise place.at("module").wrong(self.module, fault)
        if self.spread != standard.spread:
            raise place.at("spread").wrong(self.spread, f"{self.module} needs spread = {standard.spread!r}")
        if self.memory != standard.memory == "private":
            raise place.at("memory").wrong(self.memory, f"{self.module} keeps in memory what is one atom's")
        if (self.replicas > 1) is not standard.replicated:
            fault = "needs 2 or more; std:kv is for one" if standard.replicated else "has no replicas; std:kvr has"
            raise place.at("replicas").wrong(self.replicas, f"{self.module} {fault}")
        for key, choices in standard.choices.items():
            if self.config.get(key) not in choices:
                fault = f"{self.module} needs {' or '.join(map(repr, choices))}"
                raise place.at("config", key).wrong(self.config.get(key), fault)
        least = (self.replicas + 1) * standard.message
        if self.limits.message < least:
            fault = f"{self.module} with {self.replicas} replicas needs {format_size(least)}"
            raise place.at("limits", "message").wrong(format_size(self.limits.message), fault)


class Require(Entry, frozen=True, kw_only=True):
    """`[require]`: what the backend must guarantee. The defaults require nothing."""

    delivery: Delivery = "at-most-once"
    durability: Durability = "none"
    order: Order = "none"


class Tls(Entry, frozen=True, kw_only=True):
    """`[ingress.http] tls`: paths of PEM files."""

    hidden: ClassVar[bool] = True
    shape: ClassVar[str] = '{certificate = "PATH", key = "PATH"}'

    certificate: Text
    key: Text


class HttpIngress(Entry, frozen=True, kw_only=True):
    """`[ingress.http]`."""

    listen: Text = "127.0.0.1:8080"
    routes: Mapping[str, str] = {}
    body: Size = _LIMITS.message  # bytes; a longer request body is answered 413
    topics: tuple[Text, ...] = ()  # globs of the topics that anyone may read at /topics/NAME
    token: SecretRef | None = None
    tls: Tls | None = None

    def check(self, place: Place) -> None:
        with place.at("listen").reading(self.listen):
            split_listen(self.listen)
        shapes: dict[str, str] = {}
        for pattern, target in self.routes.items():
            with place.at("routes", pattern).reading(target):
                route = Route.parse(pattern, target)
                if route.shape in shapes:
                    raise ManifestError(f"takes the same requests as {shapes[route.shape]!r}; remove one")
                shapes[route.shape] = pattern


class Ingress(Entry, frozen=True, kw_only=True):
    """`[ingress]`."""

    http: HttpIngress | None = None
    tcp: Mapping[str, Text] = {}  # address to listen on -> kind of the connections' atoms

    def check(self, place: Place) -> None:
        for address, kind in self.tcp.items():
            with place.at("tcp", address).reading(kind):
                _, port = split_listen(address)
                if self.http is not None and port and address == self.http.listen:
                    raise ManifestError("[ingress.http] listens there too; give one of them another port")


class HttpEgress(Entry, frozen=True, kw_only=True):
    """`[egress.http.NAME]`, the endpoint behind the address "http:NAME"."""

    url: Text
    headers: Annotated[Mapping[str, str], Form.HIDDEN] = {}
    secrets: Annotated[Mapping[str, SecretRef], Form.HIDDEN] = {}  # header -> where its whole value comes from
    timeout: Timeout = parse_duration("10s")
    retry: RetryEntry = RetryEntry()

    def check(self, place: Place) -> None:
        _check_url(self.url, place)
        seen: set[str] = set()
        for table, headers in (("headers", self.headers), ("secrets", self.secrets)):
            for name in headers:
                if not _HEADER.fullmatch(name):
                    raise place.at(table).error(f"{name!r} is no name of an HTTP header")
                if name.lower() in seen:
                    raise place.at(table).error(f"has the header {name!r} a second time; case does not matter")
                seen.add(name.lower())
        for name, text in self.headers.items():
            if not text.isprintable():
                raise place.at("headers").error(f"the value of {name!r} must be one line of printable text")


class Egress(Entry, frozen=True, kw_only=True):
    """`[egress]`."""

    http: Mapping[str, HttpEgress] = {}

    def check(self, place: Place) -> None:
        for name in self.http:
            if not _NAME.fullmatch(name):
                raise place.at("http", name).error(_NAMING)


TABLES = ("kinds", "require", "ingress", "egress")
"""The tables of the file beside [application]; fields of `Manifest`."""


class Manifest(ApplicationEntry, frozen=True, kw_only=True):
    """A whole manifest, checked however it came about: read from a file, from tables, or built in Python.

    Its values are those of the file; in structs, sizes are bytes and durations ns, and strings with units do as well.
    """

    kinds: Mapping[str, KindEntry]
    require: Require = Require()
    ingress: Ingress = Ingress()
    egress: Egress = Egress()
    file: str = "manifest"  # what messages call it
    base: Path = Path()  # the folder that its paths start from

    def __post_init__(self) -> None:
        place = Place(self.file)
        given = {name: getattr(self, name) for name in TABLES}
        for name, value in read_fields(type(self), given, place, from_struct=True).items():
            msgspec.structs.force_setattr(self, name, value)
        given = {name: getattr(self, name) for name in ApplicationEntry.__struct_fields__}
        for name, value in read_fields(ApplicationEntry, given, place.at("application"), from_struct=True).items():
            msgspec.structs.force_setattr(self, name, value)
        ApplicationEntry.check(self, place.at("application"))
        if not self.kinds:
            raise place.error('needs at least one kind, as in [kinds.counter] with module = "counter.wasm"')
        for name in self.kinds:
            if not _NAME.fullmatch(name):
                raise place.at("kinds", name).error(_NAMING)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The manifest in the file at `path`, whose folder its paths start from. Raises ManifestError."""
        try:
            if Path(path).is_char_device() or Path(path).is_fifo():  # which may never end
                raise ManifestError(f"{path}: no file")
            text = Path(path).read_text(encoding="utf-8-sig")  # some editors begin a file with a byte-order mark
        except FileNotFoundError:
            raise ManifestError(f"{path}: no such file; `radon new NAME` starts an application") from None
        except OSError as error:
            raise ManifestError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise ManifestError(f"{path}: not UTF-8 text at byte {error.start}") from None
        return cls.parse(text, base=Path(path).parent, file=str(path))

    @classmethod
    def parse(cls, text: str, *, base: Path | str = ".", file: str = "radon.toml") -> Self:
        """The manifest that `text` is; messages call it `file`. Raises ManifestError."""
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            fault, _, where = str(error).removesuffix(")").rpartition(" (at ")
            raise ManifestError(f"{file}: no valid TOML at {where}: {fault}") from None
        except RecursionError:
            raise ManifestError(f"{file}: no valid TOML: nested too deeply") from None
        return cls.of(tables, base=base, file=file)

    @classmethod
    def of(cls, tables: Mapping[str, Any], *, base: Path | str = ".", file: str = "manifest") -> Self:
        """The manifest of `tables` that are nested as in the file. Raises ManifestError."""
        place = Place(file)
        check_keys(tables, ("application", *TABLES), place)
        application = read(ApplicationEntry, tables.get("application", {}), place.at("application"))
        others = {"kinds": {}} | {name: value for name, value in tables.items() if name != "application"}
        return cls(**msgspec.structs.asdict(application), **others, file=file, base=Path(base))

    def module_path(self, kind: str) -> Path:
        """The file that the module of `kind` is in, or will be once `radon build` made it from its source."""
        module = self.kinds[kind].module or f"build/{kind}.wasm"
        return STANDARDS[module.removeprefix(PREFIX)].path if module.startswith(PREFIX) else self.base / module


def split_listen(address: str) -> tuple[str, int]:
    """The host and port of "127.0.0.1:8080" or "[::1]:8080"; port 0 takes any that is free. Raises ManifestError."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or not host.isprintable() or " " in host or (":" in host) != bracketed:
        raise ManifestError('an address to listen on is HOST:PORT, as in "127.0.0.1:8080" or "[::1]:8080"')
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise ManifestError(f"the port {port!r} is not between 0 and 65535")
    return host[1:-1] if bracketed else host, int(port)


def _check_link(name: str, target: str) -> None:
    if not name or "/" in name or ":" in name:
        raise ManifestError("the name of a link is not empty and has no slash or colon")
    if not _LINK.fullmatch(target):
        raise ManifestError('a link leads to "KIND/KEY", "KIND" or "http:NAME"')
    if len(Address.parse(target).key.encode()) > KEY_BYTES:
        raise ManifestError(f"the key is longer than {KEY_BYTES} bytes")


def _check_url(url: str, place: Place) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is no number
    except ValueError as error:
        raise place.at("url").wrong(url, f"is no URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        hidden = replace(place.at("url"), hidden=True)
        raise hidden.wrong(url, "holds a user or password; move them to 'secrets' as an Authorization header")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment or re.search(r"\s", url):
        raise place.at("url").wrong(url, 'must be an http or https URL without a fragment, as in "https://host/path"')
