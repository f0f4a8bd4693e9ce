"""Radon: a WebAssembly component runtime with a syscall-style interface.

Three doors: `radon.Runtime` embeds applications, `radon.Manifest` describes them, `radon.testing` tests atoms. What a
name stands for is imported when it is first asked for: the command line should not wait for an engine to print help.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from radon._version import __version__

if TYPE_CHECKING:
    from radon.abi.errors import (
        Closed,
        Denied,
        ErrorCode,
        Exhausted,
        Invalid,
        LoadError,
        ManifestError,
        NotFound,
        RadonError,
        Refused,
        StoreError,
        Timeout,
        TooLarge,
        Unavailable,
    )
    from radon.atoms.manifest import Manifest
    from radon.runtime import BlockingRuntime, DeadLetter, Runtime

__all__ = [
    "BlockingRuntime",
    "Closed",
    "DeadLetter",
    "Denied",
    "ErrorCode",
    "Exhausted",
    "Invalid",
    "LoadError",
    "Manifest",
    "ManifestError",
    "NotFound",
    "RadonError",
    "Refused",
    "Runtime",
    "StoreError",
    "Timeout",
    "TooLarge",
    "Unavailable",
    "__version__",
]

_HOMES = {
    "Manifest": "radon.atoms.manifest",
    "BlockingRuntime": "radon.runtime",
    "DeadLetter": "radon.runtime",
    "Runtime": "radon.runtime",
}
"""Where a name is defined, if not among the errors."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'radon' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES.get(name, "radon.abi.errors")), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
