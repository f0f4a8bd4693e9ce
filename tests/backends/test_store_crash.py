"""kill -9 at seeded moments: what was acknowledged is there, nothing is torn, nothing is there twice.

Run as a program this file is the victim: it commits numbered frames and tells on its standard output, after each
commit, how many frames it has committed so far.
"""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from radon.backends.stores import lmdb as store_module
from radon.backends.stores.lmdb import LmdbStore

ROUNDS = 10
BATCH = 3  # frames in one commit
SNAPSHOT_EVERY = 4  # commits
LAST_MOMENT = 100_000  # idle rounds of the killer's loop, some milliseconds: a few commits and a snapshot

_NUMBER = struct.Struct("<Q")


def frame(number: int) -> bytes:
    """Large and small ones, each telling its number."""
    return _NUMBER.pack(number) * (1 + number % 7 * 100)


def snapshot(covered: int) -> bytes:
    return _NUMBER.pack(covered) * 40


def be_killed(directory: Path, fsync: bool) -> None:
    store_module.PART_BYTES = 64  # several transactions for each snapshot, so that kills land between them
    store_module.SWEEP_ENTRIES = 5
    store = LmdbStore(directory, fsync=fsync)
    epoch = store.open(0).epoch
    number = store.position(0)
    os.write(1, _NUMBER.pack(number))
    while True:
        store.commit(0, epoch, [frame(n) for n in range(number, number + BATCH)])
        number += BATCH
        os.write(1, _NUMBER.pack(number))
        if number // BATCH % SNAPSHOT_EVERY == 0:
            store.snapshot(0, epoch, number - 2, snapshot(number - 2))


@pytest.mark.parametrize("fsync", [True, False], ids=["fsync", "async"])
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path, fsync: bool) -> None:
    seeded = random.Random(14)
    command = [sys.executable, __file__, str(tmp_path), "fsync" if fsync else "async"]
    epoch = 0
    for _ in range(ROUNDS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as child:
            assert child.stdout is not None
            for _ in range(seeded.randrange(1, 60)):
                child.stdout.read(_NUMBER.size)
            for _ in range(seeded.randrange(LAST_MOMENT)):
                pass  # else every kill would land where a commit begins
            child.kill()
            told = child.stdout.read()  # what it had still acknowledged; a number is written whole or not at all
        with closing(LmdbStore(tmp_path)) as store:
            image = store.open(0)
            position = store.position(0)
            assert image.epoch == epoch + 2  # the victim's, and ours
            epoch = image.epoch
            assert position % BATCH == 0
            if told:
                acknowledged = _NUMBER.unpack(told[-_NUMBER.size :])[0]
                assert acknowledged <= position <= acknowledged + BATCH
            covered = position - len(image.tail)
            assert image.tail == [frame(n) for n in range(covered, position)]
            assert image.snapshot == (snapshot(covered) if covered else None)


if __name__ == "__main__":
    be_killed(Path(sys.argv[1]), sys.argv[2] == "fsync")
