"""What each syscall does, one module per interface of radon.wit, in Python values.

A function is named after the WIT: `[method]bucket.get` of `state` is `state.bucket_get`, `open` is `state.open`.
It takes the turn first, then the lifted arguments, and returns what is to be lowered. An error of the error set
is raised as Refused; anything that breaks the ABI as Violation. Memory, handles and traps are `gate.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from radon.abi.syscalls import SYSCALLS
from radon.host.syscalls import clock, config, lifecycle, log, messaging, objects, random, state, topics

_MODULES = {
    "messaging": messaging,
    "state": state,
    "objects": objects,
    "lifecycle": lifecycle,
    "topics": topics,
    "clock": clock,
    "random": random,
    "log": log,
    "config": config,
}


def function(name: str) -> Callable[..., Any]:
    """The function of a syscall by its name in the table, "state.bucket.get". Raises AttributeError."""
    interface, _, rest = name.partition(".")
    found: Callable[..., Any] = getattr(_MODULES[interface], rest.replace(".", "_").replace("-", "_"))
    return found


FUNCTIONS: dict[str, Callable[..., Any]] = {
    call.name: function(call.name) for call in SYSCALLS if not call.field.startswith("[resource-drop]")
}
"""Every syscall but the drops of handles."""
