"""A program: kill process PID with SIGKILL, DELAY seconds into the COMMITS-th commit that MARK shows from now on.

A process of its own, because it must not wait for anybody's interpreter lock when the moment has come.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import time


def kill_in_commit(pid: int, mark: mmap.mmap, commits: int, delay: float) -> None:
    for _ in range(commits):
        while mark[0]:
            time.sleep(0.00005)
        while not mark[0]:
            time.sleep(0.00005)
    time.sleep(delay)
    os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    with open(sys.argv[2], "rb") as file, mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ) as shared:
        kill_in_commit(int(sys.argv[1]), shared, int(sys.argv[3]), float(sys.argv[4]))
