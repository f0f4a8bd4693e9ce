"""`wasi_snapshot_preview1` for guests whose C library insists on it: deterministic, and as little as `printf` needs.

Owns the table of its functions. Output goes to the log, clock and random numbers come from the turn, arguments and
environment are empty, and everything else says ENOSYS. It refuses to know files, sockets and the machine.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Protocol

from radon.abi.syscalls import LEVELS
from radon.host.limits import SYSCALL_FUEL
from radon.host.linked import HostFunction, Raw, callback
from radon.host.trap import Trap

MODULE = "wasi_snapshot_preview1"

MAX_WRITE = 64 * 1024
"""Bytes that one `fd_write` takes; the guest's library calls again for the rest."""

MAX_LINE = 8 * 1024
"""A longer line is logged in pieces of so many bytes."""

_MAX_BUFFERS = 1024  # of one `fd_write`: IOV_MAX of most systems
_RANDOM_PIECE = 4096
_LAST_CLOCK = 3  # realtime, monotonic, process and thread time: all are the turn's time

SUCCESS, BADF, INVAL, NOSYS, SPIPE = 0, 8, 28, 52, 70

_LEVEL_OF = {1: LEVELS.index("info"), 2: LEVELS.index("warn")}

_PARAMS = {
    "args_get": "ii", "args_sizes_get": "ii", "environ_get": "ii", "environ_sizes_get": "ii",
    "clock_res_get": "ii", "clock_time_get": "iIi", "random_get": "ii",
    "fd_advise": "iIIi", "fd_allocate": "iII", "fd_close": "i", "fd_datasync": "i", "fd_fdstat_get": "ii",
    "fd_fdstat_set_flags": "ii", "fd_fdstat_set_rights": "iII", "fd_filestat_get": "ii",
    "fd_filestat_set_size": "iI", "fd_filestat_set_times": "iIIi", "fd_pread": "iiiIi", "fd_prestat_get": "ii",
    "fd_prestat_dir_name": "iii", "fd_pwrite": "iiiIi", "fd_read": "iiii", "fd_readdir": "iiiIi",
    "fd_renumber": "ii", "fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii",
    "path_create_directory": "iii", "path_filestat_get": "iiiii", "path_filestat_set_times": "iiiiIIi",
    "path_link": "iiiiiii", "path_open": "iiiiiIIii", "path_readlink": "iiiiii", "path_remove_directory": "iii",
    "path_rename": "iiiiii", "path_symlink": "iiiii", "path_unlink_file": "iii",
    "poll_oneoff": "iiii", "proc_exit": "i", "proc_raise": "i", "sched_yield": "",
    "sock_accept": "iii", "sock_recv": "iiiiii", "sock_send": "iiiii", "sock_shutdown": "ii",
}  # fmt: skip
"""Every function of the standard with its parameters: i for i32, I for i64. All but `proc_exit` return an i32."""

SIGNATURES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    name: (tuple("i64" if letter == "I" else "i32" for letter in letters), () if name == "proc_exit" else ("i32",))
    for name, letters in _PARAMS.items()
}
"""The core types of each function: parameters, results."""


class Output:
    """What one turn prints. The turn makes it with its log, and flushes it at its end, done or undone.

    `log` takes a level of radon.wit and a text without its line end.
    """

    def __init__(self, log: Callable[[int, str], None]) -> None:
        self._log = log
        self._unfinished = {1: b"", 2: b""}

    def write(self, stream: int, data: bytes) -> None:
        """Log the lines that are complete now; keep the rest. `stream`: 1 is logged as info, 2 as a warning."""
        *lines, rest = (self._unfinished[stream] + data).split(b"\n")
        for line in lines:
            self._emit(stream, line.removesuffix(b"\r"))
        whole = len(rest) // MAX_LINE * MAX_LINE
        if whole:
            self._emit(stream, rest[:whole])
        self._unfinished[stream] = rest[whole:]

    def flush(self) -> None:
        """Log what has no line end yet."""
        for stream, line in self._unfinished.items():
            if line:
                self._emit(stream, line)
                self._unfinished[stream] = b""

    def _emit(self, stream: int, line: bytes) -> None:
        for start in range(0, len(line) or 1, MAX_LINE):
            self._log(_LEVEL_OF[stream], line[start : start + MAX_LINE].decode("utf-8", "replace"))


class Turn(Protocol):
    """What WASI needs of the turn that runs."""

    @property
    def now(self) -> int:
        """ns since 1970 as of the turn's input."""

    @property
    def output(self) -> Output: ...

    def random(self, length: int) -> bytes:
        """From the turn's seed."""

    def spend(self, fuel: int) -> None:
        """Charge the turn for work of the host; raises when its limit is used up."""

    def keep(self, size: int) -> None:
        """Charge it for bytes that stay with the host."""


def put_out(turn: Turn, stream: int, data: bytes) -> None:
    """The guest prints this; its turn pays for the lines."""
    turn.spend(SYSCALL_FUEL * data.count(b"\n"))
    turn.keep(len(data))
    turn.output.write(stream, data)


def exited(status: int) -> Trap:
    """What `exit` raises: an atom is no program that ends."""
    return Trap("exit", f"the guest called exit({status}), which fails the turn; an atom ends by lifecycle.exit")


class Caller(Protocol):
    """The guest that is calling. `read` and `write` are those of `Guest`, and may charge for it."""

    @property
    def turn(self) -> Turn: ...

    def read(self, pointer: int, length: int) -> bytes: ...

    def write(self, pointer: int, data: bytes) -> None: ...


def host_function(name: str, caller: Callable[[], Caller]) -> HostFunction:
    """One of preview1 for `Linked`. `caller` is asked in every call; it may charge for it, or raise to refuse it."""
    params, results = SIGNATURES[name]
    return params, results, callback(_lift(caller, params, OFFERED.get(name, _nosys)))


def _lift(caller: Callable[[], Caller], params: tuple[str, ...], function: Callable[..., int]) -> Callable[[Raw], None]:
    masks = [0xFFFF_FFFF if type_ == "i32" else 0xFFFF_FFFF_FFFF_FFFF for type_ in params]

    def enter(raw: Raw) -> None:
        raw[0] = function(caller(), *[raw[2 * index] & mask for index, mask in enumerate(masks)])

    return enter


def _nosys(guest: Caller, *arguments: int) -> int:
    return NOSYS


def _fd_write(guest: Caller, stream: int, buffers: int, count: int, written: int) -> int:
    if stream not in _LEVEL_OF:
        return BADF
    if count > _MAX_BUFFERS:
        return INVAL
    guest.turn.spend(SYSCALL_FUEL * count)
    data = bytearray()
    for pointer, length in struct.iter_unpack("<II", guest.read(buffers, count * 8)):
        data += guest.read(pointer, min(length, MAX_WRITE - len(data)))
    guest.write(written, struct.pack("<I", len(data)))
    put_out(guest.turn, stream, bytes(data))
    return SUCCESS


def _fd_fdstat_get(guest: Caller, stream: int, into: int) -> int:
    if stream > 2:
        return BADF
    # A character device without the right to seek: a terminal to the C library, which then writes at each line
    # end. It would keep the output of anything else until the program exits, and an atom does not.
    character_device, may_read, may_write = 2, 1 << 1, 1 << 6
    rights = may_write if stream else may_read
    guest.write(into, struct.pack("<BxHxxxxQQ", character_device, 0, rights, 0))
    return SUCCESS


def _fd_seek(guest: Caller, stream: int, offset: int, whence: int, into: int) -> int:
    return BADF if stream > 2 else SPIPE


def _fd_close(guest: Caller, stream: int) -> int:
    return BADF if stream > 2 else SUCCESS


def _no_descriptor(guest: Caller, *arguments: int) -> int:
    # The C library counts directories opened in advance from 3 on, and gives up if the end of them is not BADF.
    return BADF


def _clock_time_get(guest: Caller, clock: int, precision: int, into: int) -> int:
    if clock > _LAST_CLOCK:
        return INVAL
    guest.write(into, struct.pack("<Q", guest.turn.now))
    return SUCCESS


def _clock_res_get(guest: Caller, clock: int, into: int) -> int:
    if clock > _LAST_CLOCK:
        return INVAL
    guest.write(into, struct.pack("<Q", 1))
    return SUCCESS


def _random_get(guest: Caller, into: int, length: int) -> int:
    for start in range(0, length, _RANDOM_PIECE):  # each is checked before the next is made
        guest.write(into + start, guest.turn.random(min(_RANDOM_PIECE, length - start)))
    return SUCCESS


def _sizes_get(guest: Caller, count: int, size: int) -> int:
    guest.write(count, bytes(4))
    guest.write(size, bytes(4))
    return SUCCESS


def _nothing_get(guest: Caller, pointers: int, strings: int) -> int:
    return SUCCESS


def _proc_exit(guest: Caller, status: int) -> int:
    raise exited(status)


OFFERED: dict[str, Callable[..., int]] = {
    "fd_write": _fd_write, "fd_fdstat_get": _fd_fdstat_get, "fd_seek": _fd_seek, "fd_close": _fd_close,
    "fd_prestat_get": _no_descriptor, "fd_prestat_dir_name": _no_descriptor,
    "clock_time_get": _clock_time_get, "clock_res_get": _clock_res_get, "random_get": _random_get,
    "args_sizes_get": _sizes_get, "args_get": _nothing_get,
    "environ_sizes_get": _sizes_get, "environ_get": _nothing_get, "proc_exit": _proc_exit,
}  # fmt: skip
"""The functions that do something; all others say ENOSYS."""
