"""What tests of stores on a disk begin with."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from radon.backends.stores.lmdb import LmdbStore


class KilledStore(LmdbStore):
    """Whose closing leaves what the death of its process would."""

    def close(self) -> None:
        self._closed.set()
        if self._flusher.is_alive():
            self._flusher.join()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._env.close()
        self._home.release()


def filled(directory: Path, frames: list[bytes]) -> Path:
    """A closed store whose domain 0 has `frames` in its log."""
    with closing(LmdbStore(directory)) as store:
        store.commit(0, store.open(0).epoch, frames)
    return directory


@contextmanager
def a_file_limit(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size`: what a disk does that is full, without a disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def failing(error: Exception, times: int = 1) -> Callable[..., Any]:
    """In place of a function: raises `error` so many times, and does nothing after that."""
    left = iter(range(times))

    def fail(*_: object, **__: object) -> int:
        if next(left, None) is not None:
            raise error
        return 0

    return fail
