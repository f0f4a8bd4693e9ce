"""Errors as the control socket and the command line name them: an error-code of the standard, or what input is wrong.

Owns the labels and the way back from them. Loads no engine and no store: the command line needs this to print a line.
"""

from __future__ import annotations

import errno

from radon.abi.errors import BuildError, ErrorCode, LoadError, ManifestError, RadonError, Refused, StoreError

INPUTS: dict[str, type[RadonError]] = {"manifest": ManifestError, "module": LoadError, "build": BuildError}
"""Labels of wrong input; all others are error-codes."""

DEFECT = "defect"
"""The label of what should not have happened."""

_STORES = {
    "StoreFull": ErrorCode.EXHAUSTED,
    "StoreBusy": ErrorCode.UNAVAILABLE,
    "StoreVersion": ErrorCode.INVALID,
    "StoreDamaged": ErrorCode.INVALID,
}
"""By the name of the class: its module would bring the engine with it."""

_SYSTEM = {
    errno.EACCES: ErrorCode.DENIED,
    errno.EPERM: ErrorCode.DENIED,
    errno.EROFS: ErrorCode.DENIED,
    errno.ENOENT: ErrorCode.NOT_FOUND,
    errno.ENOTDIR: ErrorCode.NOT_FOUND,
    errno.EEXIST: ErrorCode.INVALID,
    errno.EISDIR: ErrorCode.INVALID,
    errno.ENAMETOOLONG: ErrorCode.INVALID,
    errno.ENOSPC: ErrorCode.EXHAUSTED,
    errno.EDQUOT: ErrorCode.EXHAUSTED,
    errno.EFBIG: ErrorCode.EXHAUSTED,
    errno.EMFILE: ErrorCode.EXHAUSTED,
    errno.ENFILE: ErrorCode.EXHAUSTED,
    errno.ENOMEM: ErrorCode.EXHAUSTED,
}


def label_of(error: BaseException) -> str:
    """ "timeout", "manifest", ...; an error of the system or of a store has the error-code that comes nearest."""
    if isinstance(error, Refused):
        return error.code.label
    for label, kind in INPUTS.items():
        if isinstance(error, kind):
            return label
    if isinstance(error, StoreError):
        return _STORES.get(type(error).__name__, ErrorCode.UNAVAILABLE).label
    if isinstance(error, MemoryError):
        return ErrorCode.EXHAUSTED.label
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0, ErrorCode.UNAVAILABLE).label
    return DEFECT if not isinstance(error, RadonError) else ErrorCode.UNAVAILABLE.label


def text_of(error: BaseException) -> str:
    """What went wrong, as the message of an error of Radon says it."""
    if isinstance(error, OSError) and error.strerror:
        names = [os_name for os_name in (error.filename, error.filename2) if os_name is not None]
        return ": ".join([*(_text(name) for name in names), error.strerror])
    return str(error) or ("there is not enough memory" if isinstance(error, MemoryError) else "")


def error_of(label: str, text: str) -> RadonError:
    """The error that was labelled so by another process."""
    if label in INPUTS:
        return INPUTS[label](text)
    code = next((code for code in ErrorCode if code.label == label), None)
    return Refused.of(code, text) if code is not None else RadonError(text)


def _text(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
