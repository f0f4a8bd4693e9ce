"""Every backend there is, by name. To add one: a file beside this one and a line below.

A backend is loaded once it is asked for: a simulation has parts of this package and none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from radon.abi.errors import Invalid, RadonError

if TYPE_CHECKING:
    from radon.atoms.application import Application
    from radon.backends.monolith import Monolith


class Options(NamedTuple):
    """What a deployment chooses beside the application."""

    store: str = "lmdb"
    data: Path | None = None  # None: .radon/APPLICATION; memory needs none
    fsync: bool = True
    domains: int | None = None  # None: as many as it was deployed with, at first one
    forgetful: bool = False
    record: Path | None = None  # the directory of a recording
    drop: frozenset[str] = frozenset()  # removed kinds whose atoms end
    failed: Callable[[RadonError], None] = lambda error: None


def _monolith(application: Application | None, options: Options) -> Monolith:
    from radon.backends.monolith import Monolith
    from radon.backends.stores import open_store

    data = options.data
    if data is None and options.store != "memory":
        if application is None:
            raise Invalid("name the data directory of the deployment that is to be continued")
        data = Path(".radon") / application.name
    store = open_store(options.store, data or Path(), fsync=options.fsync)
    try:
        return Monolith.open(
            application, store, domains=options.domains, forgetful=options.forgetful, record=options.record,
            drop=options.drop, failed=options.failed,
        )  # fmt: skip
    except BaseException:
        store.close()
        raise


BACKENDS: Mapping[str, Callable[[Application | None, Options], Monolith]] = MappingProxyType({"monolith": _monolith})


def deploy(on: str, application: Application | None, options: Options) -> Monolith:
    """Start `application` on a backend; None goes on with what is deployed in the data directory.

    Raises Invalid for an unknown backend, and what the backend raises.
    """
    make = BACKENDS.get(on)
    if make is None:
        raise Invalid(f"unknown backend {on!r}; known: {', '.join(BACKENDS)}")
    return make(application, options)
