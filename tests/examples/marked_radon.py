"""The `radon` command, with a mark in the file $COMMIT_MARK while a commit is being written.

It lets a test aim at commits, and see afterwards where it hit: what is mapped outlives the process.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence

from radon.backends.stores.lmdb import LmdbStore
from radon.cli import main


def mark_commits(path: str) -> None:
    with open(path, "r+b") as file:
        mark = mmap.mmap(file.fileno(), 1)
    commit = LmdbStore.commit

    def marked(self: LmdbStore, domain: int, epoch: int, frames: Sequence[bytes]) -> None:
        mark[0] = 1
        commit(self, domain, epoch, frames)
        mark[0] = 0

    LmdbStore.commit = marked  # type: ignore[method-assign]


if __name__ == "__main__":
    mark_commits(os.environ["COMMIT_MARK"])
    main()
