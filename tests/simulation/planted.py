"""Known bugs of such protocols, planted into the drivers of a simulated world. The cluster's own code is whole.

Each entry of PLANTED, ONCE and UNANSWERED are drivers of which one does what such a part must not do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from radon.abi import exchange as x
from radon.abi import peers as p
from radon.abi import records as r
from radon.abi.frames import Commit, FrameType, decode_all, encode_all, seal, unseal
from radon.backends.cluster.events import Timing
from radon.backends.driver import Image
from radon.backends.simulation import services as s
from radon.backends.simulation.host import Host
from radon.backends.simulation.network import Network
from radon.backends.simulation.running import Running
from radon.backends.simulation.world import World
from radon.host.domain import Domain, Make, Settings
from radon.host.domains import default
from radon.testing.around import Around, around
from radon.testing.simulation.simulate import Drivers


class NoFence(s.Log):
    """Takes commits from whoever once opened the domain, and puts them where the log ends."""

    def is_fenced(self, epoch: int, newest: int) -> bool:
        return False

    def is_next(self, position: int, end: int) -> bool:
        return True


class KeepsHalf(s.Log):
    """Keeps as much of a commit as its disk had when it went down."""

    def _tear(self, request: Any) -> None:
        if not isinstance(request, s.Commit):
            return
        records = decode_all(unseal(FrameType.LOG, request.frame))
        if len(records) > 1:
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


class LosesTheLast(s.Log):
    """Has not got the last commit of each domain any more when it comes back."""

    def crash(self) -> None:
        super().crash()
        for file in self._files:
            del file.tail[-1:]


class OpensAlways(s.Log):
    """Begins a new epoch for whoever asks, whatever he believes to be the newest."""

    def _apply(self, request: Any) -> Any:
        if isinstance(request, s.Open):
            request = replace(request, after=self._files[request.domain].epoch)
        return super()._apply(request)


class EndsEarly(s.Registry):
    """Ends a lease when half of its time is over."""

    def __init__(self, world: World, network: Network, timing: Timing) -> None:
        super().__init__(world, network, replace(timing, lease=timing.lease // 2))


class TakesOver(Host):
    """Does not ask whether an owner is alive."""

    def boot(self) -> None:
        super().boot()
        self.member.view.ended_before = lambda member, moment: True  # type: ignore[method-assign]


class AsksTheRegistryFirst(Host):
    """Knows who was alive before it asked who the owner is."""

    def boot(self) -> None:
        super().boot()
        view = self.member.view
        view.ended_before = lambda member, moment: member not in view.members  # type: ignore[method-assign]


class TakesTwice(Host):
    """Takes a question as often as it comes."""

    def boot(self) -> None:
        super().boot()
        for holding in self.member._holdings:
            holding.take = lambda speaker, number: True  # type: ignore[method-assign]


class TakesAndDenies(Host):
    """Says of each question that it was not taken."""

    def boot(self) -> None:
        super().boot()
        self._taken = self.member._hear[p.Posted]
        self.member._hear[p.Posted] = self._deny

    def _deny(self, now: int, speaker: str, message: p.Posted) -> None:
        self._taken(now, speaker, message)
        self.member._back(now, speaker, p.NotTaken(message.number, message.token))


class ForgetsWhoWaits(Host):
    """Hands a domain over without those who wait for answers."""

    def _say(self, host: str, message: Any) -> None:
        super()._say(host, message._replace(waiting=b"") if isinstance(message, p.HandedOver) else message)


class ImagesTooEarly(Running):
    """Takes a snapshot of what is not durable, and has it written first."""

    def _write(self) -> None:
        self._written.sort(key=lambda written: written[0] == "commit")
        super()._write()


class CoversLess(Running):
    """Says that a snapshot covers one commit less than it does."""

    def _ask(self, request: Any, written: Callable[[], None]) -> None:
        if isinstance(request, s.Snapshot):
            request = replace(request, covered=request.covered - 1)
        super()._ask(request, written)


class ConfirmsAtOnce(Around):
    """Tells other domains what has come from them before it is durable."""

    def take_commit(self) -> Commit:
        commit = self.inner.take_commit()
        outputs = decode_all(commit.outgoing)
        heard = [output for output in outputs if isinstance(output, x.Heard)]
        others = [output for output in outputs if not isinstance(output, x.Heard)]
        return commit._replace(volatile=commit.volatile + encode_all(heard), outgoing=encode_all(others))


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
    "the log loses what it has confirmed": Drivers(log=LosesTheLast),
    "leases end early": Drivers(registry=EndsEarly),
    "a domain is taken from an owner that is alive": Drivers(host=TakesOver),
    "the registry is asked before the log": Drivers(host=AsksTheRegistryFirst),
    "a snapshot has what is not durable": Drivers(running=ImagesTooEarly),
    "a snapshot covers more than it says": Drivers(running=CoversLess),
    "what came is confirmed before it is durable": Drivers(make=around(ConfirmsAtOnce, usual)),
}

ONCE: Mapping[str, Drivers] = {
    "any epoch is begun": Drivers(log=OpensAlways),
    "a question is taken as often as it comes": Drivers(host=TakesTwice),
    "a question is taken, and said not to be": Drivers(host=TakesAndDenies),
}
"""Found by messages without a dedup key, of which only who sent them can know that they were handled twice."""

UNANSWERED: Mapping[str, Drivers] = {
    "a hand-over forgets who waits": Drivers(host=ForgetsWhoWaits),
}
"""What does no harm, and leaves questions without an answer where nothing has gone wrong."""
