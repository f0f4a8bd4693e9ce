"""Radon: a WebAssembly component runtime with a syscall-style interface.

Three doors: `radon.Runtime` embeds applications, `radon.Manifest` describes them, `radon.testing` tests atoms.
"""

from radon._version import __version__
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
