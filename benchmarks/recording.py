"""What does recording cost a turn, and how fast is a replay?

An atom that answers with what it gets, in a domain without runner and store. The floor is the same domain unrecorded.
Alone: an input, a run and a commit for each message. Together: for each thousand. Long: bodies of 16 KiB. The files are
in /dev/shm, so that it is no disk that is measured. Seconds for a message.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from _measure import RUNS, choose_domain, compare, guest, inputs, report, timed

from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.backends.recording import Recorder
from radon.backends.replaying import Recording, Served, replay
from radon.host.domain import Domain, Make, Settings
from radon.host.domains import default
from radon.testing.harness import NOON, kind


def echo(domain: Domain, batches: int, batch: int, body: bytes) -> float:
    """So many messages each; seconds for one."""
    posts = [Post(token, 0, 1, Address("echo", "a"), NOWHERE, "", "", (), body) for token in range(batch)]
    given = inputs(NOON, *posts)

    def run() -> None:
        for _ in range(batches):
            domain.submit(given)
            domain.run(batch)
            domain.take_commit()

    return timed(run) / (batches * batch)


def main() -> None:
    native = choose_domain()
    served = Served({"echo": kind("echo", guest("bench"))}, ())
    with TemporaryDirectory(dir="/dev/shm") as folder, closing(Recorder(Path(folder, "rec"), "bench")) as recorder:
        plain, recorded = (begun(make, served) for make in (default(), recorder.domains(0, default())))
        scale = 1 if native else 10
        for what, batches, batch, body in (
            ("alone", 4000, 1, b"x"), ("together", 20, 1000, b"x"), ("alone and long", 1000, 1, bytes(16 * 1024)),
        ):  # fmt: skip
            work = (max(1, batches // scale), batch, body)
            found, floor = compare(partial(echo, recorded, *work), partial(echo, plain, *work))
            report(f"recording a turn, messages {what}", found, floor)
        for domain in (plain, recorded):
            domain.close()
        shutil.rmtree(Path(folder, "rec", "domain-0"))
        again = begun(recorder.domains(0, default()), served)
        echo(again, turns := 20_000 // scale, 1, b"x")
        again.close()
        (segment,) = Recording(Path(folder, "rec")).segments()
        replays = [timed(lambda: replay(segment.path, default(), lambda _: served)) / turns for _ in range(RUNS)]
        report("replaying a turn, messages alone", replays, None)


def begun(make: Make, served: Served) -> Domain:
    domain = make(Settings())
    domain.setup(0, bytes(32), bytes(32))
    domain.deploy("bench", *served)
    return domain


if __name__ == "__main__":
    main()
