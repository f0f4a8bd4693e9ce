"""A process that ends under load, however it ends: whatever was acknowledged is there afterwards, and nothing twice."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from radon.abi.errors import Unavailable
from radon.cli.client import Client
from tests.cli.conftest import Radon

CALLERS = 4
MESSAGE = b"bucket.add data n 1"


class Load:
    """Callers that each count up an atom of their own, without a pause, until nobody answers."""

    def __init__(self, data: Path, begin: list[int]) -> None:
        self.acknowledged = list(begin)
        self._data = data
        self._enough = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._count, args=(number,)) for number in range(CALLERS)]

    def run(self, enough: int) -> None:
        """Returns when so many answers have come; the callers go on."""
        for thread in self._threads:
            thread.start()
        for _ in range(enough):
            assert self._enough.acquire(timeout=30)

    def end(self) -> None:
        for thread in self._threads:
            thread.join()

    def _count(self, number: int) -> None:
        try:
            with Client(self._data) as client:
                while True:
                    answer = client.call(f"script/{number}", MESSAGE, 30 * 10**9, "")
                    self.acknowledged[number] = int(answer.split()[1])
                    self._enough.release()
        except Unavailable:
            pass


@pytest.mark.parametrize(
    ("ending", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP", "kill -9"],
)
@pytest.mark.usefixtures("not_under_nohup")
def test_what_was_acknowledged_is_there_after_an_end_in_the_middle_of_commits(
    radon: Radon, application: Path, ending: signal.Signals, code: int
) -> None:
    """Each commit is flushed to the disk, so that under this load one is nearly always being written."""
    data = radon.folder / "data"
    counts = [0] * CALLERS
    for enough in (20, 33):
        serving = radon.start("deploy", "--data", "data")
        load = Load(data, counts)
        load.run(enough)
        assert serving.end(ending) == code
        load.end()

        serving = radon.start("deploy", "--data", "data")
        with Client(data) as client:
            found = [int(client.call(f"script/{n}", b"bucket.add data n 0", 10**10, "").split()[1]) for n in range(4)]
        for there, acknowledged in zip(found, load.acknowledged, strict=True):
            assert acknowledged <= there <= acknowledged + 1, "at most the message on its way is not acknowledged"
        counts = found
        assert serving.end(signal.SIGTERM) == 0


def test_a_second_ctrl_c_does_not_wait_for_what_goes_on(radon: Radon, application: Path) -> None:
    serving = radon.start("run", "--data", "data")
    caller = radon.begin("call", "script/a", "clock.sleep 30s", "--timeout", "30s", "--data", "data")
    with Client(radon.folder / "data") as client:
        while not client.stats()["kinds"]["script"]["suspended"]:
            pass
        serving.process.send_signal(signal.SIGINT)
        while takes_messages(client):
            pass
    assert serving.end(signal.SIGINT) == -signal.SIGINT
    assert caller.wait(30) == 1


def takes_messages(client: Client) -> bool:
    try:
        client.send("script/b", b"say", "")
    except Unavailable:
        return False
    return True


def test_ctrl_c_ends_a_verb_that_waits(radon: Radon, application: Path) -> None:
    radon.detach()
    following = radon.begin("logs", "-f", "--json")
    assert following.stdout is not None
    radon.ask("script/a", "log.write info here")
    following.stdout.readline()
    following.send_signal(signal.SIGINT)
    assert following.wait(30) == 130
    assert following.stderr is not None
    assert following.stderr.read() == b""


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        (signal.SIGTERM, 0, ""),
        (signal.SIGKILL, 1, "unavailable: data: the deployment has ended without a word: it was killed\n"),
    ],
    ids=["SIGTERM", "kill -9"],
)
def test_who_follows_a_log_hears_how_it_ended(
    radon: Radon, application: Path, ending: signal.Signals, code: int, said: str
) -> None:
    serving = radon.start("deploy", "--data", "data")
    following = radon.begin("logs", "-f", "--json", "--data", "data")
    assert following.stdout is not None
    radon.ask("script/a", "log.write info here", "data")
    following.stdout.readline()
    serving.end(ending)
    assert following.communicate()[1].decode() == said
    assert following.returncode == code
