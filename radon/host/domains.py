"""Every domain there is, by name. To add one: a module beside this one and a line below.

All of them do the same, byte for byte; they differ in speed, and in what they need to be built.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

from radon.abi.errors import Invalid, RadonError
from radon.host import native
from radon.host.domain import Make
from radon.host.native_domain import NativeDomain

VARIABLE = "RADON_DOMAIN"
"""The environment variable that chooses one; empty or absent is the first of DOMAINS that there is."""


def _native() -> Make:
    try:
        native.module()
    except native.Unusable as why:
        raise RadonError(f"no native domain here: {why}; {VARIABLE}=python uses the readable one") from None
    return NativeDomain


def _python() -> Make:
    from radon.host.python_domain import PythonDomain  # a dozen modules, of which the native one needs few

    return PythonDomain


DOMAINS: Mapping[str, Callable[[], Make]] = MappingProxyType({"native": _native, "python": _python})
"""What loads it; where nobody says otherwise, the first that can be had is used. Raises RadonError with the way out
where it cannot be had on this machine."""


def load(name: str) -> Make:
    """What makes domains of this name. Raises RadonError where there is none."""
    found = DOMAINS.get(name)
    if found is None:
        raise Invalid(f"unknown domain {name!r} ({VARIABLE}); known: {', '.join(DOMAINS)}")
    return found()


def chosen() -> str:
    """The name of the one that this process uses where nobody says another; it may be unknown."""
    return os.environ.get(VARIABLE) or next(name for name in DOMAINS if unusable(name) is None)


def default() -> Make:
    """What makes domains where nobody says otherwise. Raises RadonError where the environment names none."""
    return load(chosen())


def available() -> list[str]:
    """The names of those that can be had on this machine."""
    return [name for name in DOMAINS if unusable(name) is None]


def unusable(name: str) -> str | None:
    """Why a domain cannot be had on this machine, in one line; None if it can."""
    try:
        load(name)
    except RadonError as why:
        return str(why)
    return None
