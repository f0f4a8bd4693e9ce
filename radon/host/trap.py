"""How a guest's turn ends by force, as Python exceptions.

Owns the stable codes, and how they are read out of wasmtime's traps. Knows nothing of what the turn was doing.
"""

from __future__ import annotations

import re

import wasmtime

from radon.abi.errors import RadonError
from radon.host import capi

NAME_SHOWN = 120
"""Characters of a function's name that a trap tells."""

_NOISE = re.compile(r"(\d+: )?(wasm trap: )?")


class Trap(RadonError):
    """The guest ended its turn by force. The instance must not be entered again.

    `code` is stable and may be recorded: "unreachable", "out-of-fuel", "stack-overflow", "out-of-bounds",
    "integer-division-by-zero", ...; "memory-limit" when the module begins with more than its limit; "engine" when
    wasmtime will not run it; "host-memory" when the machine has none left, which says nothing about the guest; what
    the host chose for its own. The message is for people. `frames`: names of the guest functions that were active,
    innermost first, at most 20.
    """

    def __init__(self, code: str, message: str, frames: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.frames = frames


class OutOfBounds(Trap):
    """The guest named bytes that are not in its memory."""

    def __init__(self, pointer: int, length: int, size: int) -> None:
        super().__init__("out-of-bounds", f"{length} bytes at {pointer:#x} are outside of the {size} bytes of memory")


def engine_trap(address: int) -> Trap:
    """The trap of the engine's at this address, which is taken over."""
    trap = capi.trap_at(address)
    return Trap(_code(trap), one_line(trap.message), _names(capi.frames(trap)))


def engine_error(address: int) -> Trap:
    """As `engine_trap`, for an error: a host function, the engine or the machine would not go on."""
    error = capi.error_at(address)
    text = one_line(str(error))
    machine = "os error" in text or "maximum concurrent" in text  # no map, no slot is left
    return Trap("host-memory" if machine else "engine", text, _names(capi.frames(error)))


def _names(frames: tuple[str, ...]) -> tuple[str, ...]:
    """On one line, and not too long: a module calls its functions what it likes."""
    return tuple((name if name.isprintable() else ascii(name)[1:-1])[:NAME_SHOWN] for name in frames)


def one_line(text: str) -> str:
    """The last line of the engine's text, which names the cause; the others are a backtrace."""
    return _NOISE.sub("", text.strip().rsplit("\n", 1)[-1].strip(), count=1) or "the engine gave no reason"


def _code(trap: wasmtime.Trap) -> str:
    code = trap.trap_code
    if code is None:
        return "host"
    return "out-of-bounds" if code is wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS else code.name.lower().replace("_", "-")
