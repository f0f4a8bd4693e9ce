"""The `radon` command, with a mark in the file $COMMIT_MARK while a commit is being written.

It lets a test aim at commits, and see afterwards where it hit: what is mapped outlives the process. Commits are made as
long as on a slow disk, before the write and behind it, since one that takes 0.1 ms can hardly be hit.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Sequence

from radon.backends.stores.lmdb import LmdbStore
from radon.cli import main

HALF = 0.0002  # seconds


def mark_commits(path: str) -> None:
    with open(path, "r+b") as file:
        mark = mmap.mmap(file.fileno(), 1)
    commit = LmdbStore.commit

    def marked(self: LmdbStore, domain: int, epoch: int, frames: Sequence[bytes]) -> None:
        mark[0] = 1
        time.sleep(HALF)
        commit(self, domain, epoch, frames)
        time.sleep(HALF)
        mark[0] = 0

    LmdbStore.commit = marked  # type: ignore[method-assign]


if __name__ == "__main__":
    mark_commits(os.environ["COMMIT_MARK"])
    main()
