"""Known bugs of such protocols, planted into the drivers of a simulated world. The cluster's own code is whole.

Each entry of PLANTED are drivers of which one does what such a part must not do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.frames import Commit, FrameType, decode_all, encode_all, seal, unseal
from radon.backends.driver import Image
from radon.backends.simulation import services as s
from radon.backends.simulation.host import Host
from radon.backends.simulation.running import Running
from radon.host.domain import Domain, Make, Settings
from radon.host.domains import default
from radon.testing.simulation.simulate import Drivers
from tests.domains import Around, around


class NoFence(s.Log):
    """Takes commits from whoever once opened the domain, and puts them where the log ends."""

    def is_fenced(self, epoch: int, newest: int) -> bool:
        return False

    def is_next(self, position: int, end: int) -> bool:
        return True


class KeepsHalf(s.Log):
    """Keeps as much of a commit as its disk had when it went down."""

    def _tear(self, request: Any) -> None:
        if isinstance(request, s.Commit):
            records = decode_all(unseal(FrameType.LOG, request.frame))
            half = seal(FrameType.LOG, encode_all(records[: self.world.random.randrange(1, len(records))]))
            self._apply(s.Commit(request.domain, request.epoch, request.position, half))


class Renews(s.Registry):
    """Renews a lease that has ended."""

    def _end_leases(self) -> None:
        super()._end_leases()
        self._spent.clear()


class BelievesInItsLease(Host):
    """Does not look at its clock before it speaks."""

    def boot(self) -> None:
        super().boot()
        lease = self.member.lease
        lease.holds = lambda now: lease._until > 0  # type: ignore[method-assign]


class RepliesAtOnce(Running):
    """Lets leave what a domain says before its commit is durable."""

    def _commit(self) -> None:
        commit = self.domain.take_commit()
        if commit.outgoing:
            self._host.release(self, commit.outgoing)
        if not self.is_open:
            return
        self._written.append(("commit", commit.durable, b""))
        self._write()


class LosesTheTail(Running):
    """Takes over what was handed over to it without the end of the log."""

    def _restored(self, image: Image) -> Domain:
        handed = self._host.member._holdings[self.number].handed == self.epoch - 1
        return super()._restored(image._replace(tail=image.tail[:-1]) if handed else image)


def usual(settings: Settings) -> Domain:
    """The domain that the environment names when it is made."""
    return default()(settings)


def forgetting(*kinds: type) -> Make:
    """Domains that skip these records when they are restored."""

    class Forgetful(Around):
        def restore(self, snapshot: bytes | None, tail: Iterable[bytes] = ()) -> None:
            self.inner.restore(
                without(kinds, FrameType.SNAPSHOT, snapshot) if snapshot is not None else None,
                [without(kinds, FrameType.LOG, frame) for frame in tail],
            )

    return around(Forgetful, usual)


def without(kinds: tuple[type, ...], frame_type: FrameType, frame: bytes) -> bytes:
    """The frame without these records."""
    records = decode_all(unseal(frame_type, frame))
    return seal(frame_type, encode_all([record for record in records if not isinstance(record, kinds)]))


class SaysAgain(Around):
    """What stands in an outbox when the domain is opened leaves a second time, under the numbers that follow."""

    again = 0

    def restore(self, snapshot: bytes | None, tail: Iterable[bytes] = ()) -> None:
        tail = list(tail)
        self.inner.restore(snapshot, tail)
        self.again = int(bool(tail))

    def take_commit(self) -> Commit:
        commit = self.inner.take_commit()
        outputs = decode_all(commit.outgoing)
        moved = [
            output._replace(first=output.first + self.again)
            if isinstance(output, x.Crossing) and output.first
            else output
            for output in outputs
        ]
        return commit._replace(outgoing=encode_all(moved))


PLANTED: Mapping[str, Drivers] = {
    "no fencing": Drivers(log=NoFence),
    "the dedup keys are forgotten on restore": Drivers(make=forgetting(r.Seen, r.Settled, r.SeenGone)),
    "a reply leaves before its commit": Drivers(running=RepliesAtOnce),
    "timers are lost on restart": Drivers(make=forgetting(r.TimerSet, r.TimerGone)),
    "the outbox is sent twice": Drivers(make=around(SaysAgain, usual)),
    "a commit is torn": Drivers(log=KeepsHalf),
    "a paused host renews its lease": Drivers(registry=Renews, host=BelievesInItsLease),
    "a hand-over drops the tail": Drivers(running=LosesTheTail),
    "what came from another domain is forgotten on restore": Drivers(make=forgetting(r.Arrived)),
    "outboxes are forgotten on restore": Drivers(make=forgetting(r.Left, r.LeftGone)),
    "postponed messages are forgotten on restore": Drivers(make=forgetting(r.Postponed, r.PostponedGone)),
}
