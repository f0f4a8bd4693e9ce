"""What is in the tables of a store, and which keys it has there.

    domains     domain:u32                                  epoch, covered, generation, parts: u64 each
    log         domain:u32 position:u64                     a frame
    snapshots   domain:u32 generation:u64 part:u32          PART_BYTES of a snapshot, the last part fewer
    records     name                                        a value
    files       "log"                                       the token of the log file, if there is one

All numbers are big-endian, so that what belongs to a domain lies together and in order.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from radon.backends.driver import Fenced, StoreDamaged
from radon.backends.stores.environment import Transaction
from radon.backends.stores.failures import WAY_OUT
from radon.backends.stores.logfile import LogFile

DOMAIN = struct.Struct(">I")
ENTRY = struct.Struct(">IQ")
PART = struct.Struct(">IQI")
_ROW = struct.Struct(">QQQQ")
BEHIND = b"\xff" * 12
"""Behind a domain's number, the end of all its keys: neither positions nor generations ever get there."""


class Row(NamedTuple):
    epoch: int
    covered: int
    generation: int
    parts: int  # 0: no snapshot was ever taken


def row_of(txn: Transaction, domain: int) -> Row:
    found = txn.get("domains", DOMAIN.pack(domain))
    return Row(0, 0, 0, 0) if found is None else Row(*_ROW.unpack(found))


def set_row(txn: Transaction, domain: int, row: Row) -> None:
    txn.put("domains", DOMAIN.pack(domain), _ROW.pack(*row))


def owned_row(txn: Transaction, domain: int, epoch: int) -> Row:
    row = row_of(txn, domain)
    if row.epoch != epoch or not epoch:
        raise Fenced.of(domain, epoch, row.epoch)
    return row


def log_end(txn: Transaction, domain: int, row: Row) -> int:
    """The log's next position: behind its last frame, or at `covered` when the snapshot stands for all of it."""
    last = txn.last("log", ENTRY.pack(domain, row.covered), DOMAIN.pack(domain) + BEHIND)
    return row.covered if last is None else int(ENTRY.unpack(last)[1]) + 1


def missing(path: Path, domain: int, position: int) -> StoreDamaged:
    return StoreDamaged(f"{path}: log entry {position} of domain {domain} is missing; {WAY_OUT}")


def move(file: LogFile, begin: int, covered: Mapping[int, int], size: int, txn: Transaction) -> int:
    """Put the frames that no snapshot covers into the table `log`: those of about `size` bytes of the file. Answers
    where they end."""
    at = begin
    for commit in file.commits(begin):
        for position, frame in enumerate(commit.frames, commit.position):
            if position >= covered.get(commit.domain, 0):
                txn.put("log", ENTRY.pack(commit.domain, position), frame)
        at = commit.end
        if at - begin >= size:
            break
    return at
