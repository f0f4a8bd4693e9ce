"""Every error that Radon raises on purpose, in one tree.

    RadonError
    +-- Refused          what a guest or a caller is answered; mirrors `error-code` of radon.wit
    |   +-- Denied  NotFound  TooLarge  Exhausted  Timeout  Closed  Unavailable  Invalid
    +-- ManifestError    radon.toml, or its fit with the modules, is wrong
    +-- LoadError        a guest module cannot be served
    +-- BuildError       sources do not become a module, or a module no component
    +-- StoreError       a data directory is of another version, in use, full or damaged

A foreign error (an LMDB code, a socket's errno) is turned into one of these where it is met, never further up.
Messages name the thing and the way out, and fit on one line.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "BuildError", "Closed", "Denied", "ErrorCode", "Exhausted", "Invalid", "LoadError", "ManifestError", "NotFound",
    "RadonError", "Refused", "StoreError", "Timeout", "TooLarge", "Unavailable",
]  # fmt: skip


class ErrorCode(IntEnum):
    """The cases of `errors.error-code`, numbered as the Canonical ABI numbers them (a contract test compares)."""

    DENIED = 0
    NOT_FOUND = 1
    TOO_LARGE = 2
    EXHAUSTED = 3
    TIMEOUT = 4
    CLOSED = 5
    UNAVAILABLE = 6
    INVALID = 7

    @property
    def label(self) -> str:
        """The name as radon.wit spells it: "not-found"."""
        return self.name.lower().replace("_", "-")


class RadonError(Exception):
    """The root: whatever Radon raises on purpose is one of these."""


class Refused(RadonError):
    """An answer of the error set. `code` says which; the message says what and the way out."""

    code: ErrorCode

    @staticmethod
    def of(code: ErrorCode, message: str) -> Refused:
        """The exception class that belongs to `code`, made with `message`."""
        return _BY_CODE[code](message)


class Denied(Refused):
    """The manifest grants no such thing."""

    code = ErrorCode.DENIED


class NotFound(Refused):
    """No such kind, key, object or name."""

    code = ErrorCode.NOT_FOUND


class TooLarge(Refused):
    """Longer than the limit that the deployment declares."""

    code = ErrorCode.TOO_LARGE


class Exhausted(Refused):
    """A quota is used up: state, outbox, memory, atoms, handles."""

    code = ErrorCode.EXHAUSTED


class Timeout(Refused):
    """The deadline passed. The other side may or may not have acted."""

    code = ErrorCode.TIMEOUT


class Closed(Refused):
    """The other side failed for good, ended, or left the message unanswered."""

    code = ErrorCode.CLOSED


class Unavailable(Refused):
    """A backing service cannot be reached now. Trying again may help."""

    code = ErrorCode.UNAVAILABLE


class Invalid(Refused):
    """An argument makes no sense."""

    code = ErrorCode.INVALID


class ManifestError(RadonError):
    """radon.toml is wrong, or does not fit the modules, grants and links that it names."""


class LoadError(RadonError):
    """A guest module is truncated, malformed, or needs what Radon does not offer."""


class BuildError(RadonError):
    """Sources do not compile, or a tool of the build is missing. The compiler's own words follow on further lines."""


class StoreError(RadonError):
    """A data directory is of another version, in use by another process, full, or damaged."""


_BY_CODE: dict[ErrorCode, type[Refused]] = {
    cls.code: cls for cls in (Denied, NotFound, TooLarge, Exhausted, Timeout, Closed, Unavailable, Invalid)
}
