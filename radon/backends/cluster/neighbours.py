"""What goes to and fro between a domain that is open here and each of the others. It goes when the domain does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from radon.abi import exchange as x
from radon.abi import peers as p
from radon.backends.cluster.arrivals import Arrivals
from radon.backends.cluster.channels import PIECE, Channel, Frame
from radon.backends.cluster.events import Timing


class Neighbours:
    """Of one domain. It hands out what is to be said to the owners of others, and what is to be put into this one."""

    def __init__(self, domain: int, timing: Timing) -> None:
        self._domain = domain
        self._channels: defaultdict[int, Channel] = defaultdict(lambda: Channel(timing))
        self._arrivals: defaultdict[int, Arrivals] = defaultdict(Arrivals)

    # ---- to others ----

    def is_silent(self, to: int) -> bool:
        """Is nothing on its way to this domain?"""
        return to not in self._channels or self._channels[to].is_empty

    def leaves(self, output: x.Crossing, now: int) -> list[p.Carried]:
        """This left the domain."""
        self._channels[output.domain].add(output.first, output.crossings)
        return self._due(output.domain, now)

    def hurry(self, to: int, now: int) -> list[p.Carried]:
        """That domain has a new owner."""
        if to not in self._channels:
            return []
        self._channels[to].hurry()
        return self._due(to, now)

    def all_due(self, now: int) -> list[p.Carried]:
        """Whatever is to be said again by now."""
        return [said for to, channel in self._channels.items() if not channel.is_empty for said in self._due(to, now)]

    def _due(self, to: int, now: int) -> list[p.Carried]:
        return [p.Carried(to, self._domain, frame.first, frame.crossings) for frame in self._channels[to].due(now)]

    # ---- what others have ----

    def confirmed(self, message: p.Confirmed, now: int) -> tuple[list[x.Acknowledged], list[p.Carried]]:
        """Another domain has this durably. To forget it costs a commit: of what is little `all_known` tells later."""
        source = message.source
        if source not in self._channels:
            return [x.Acknowledged(source, message.number)], []
        self._channels[source].confirm(message.number, now)
        return self._known(source, PIECE), self._due(source, now)

    def all_known(self) -> list[x.Acknowledged]:
        """Whatever the domain may forget by now."""
        return [known for to in self._channels for known in self._known(to, 1)]

    def _known(self, to: int, least: int) -> list[x.Acknowledged]:
        number = self._channels[to].take_known(least)
        return [x.Acknowledged(to, number)] if number else []

    # ---- from others ----

    def arrived(self, message: p.Carried) -> list[x.Crossed]:
        """Raises FrameError."""
        return _crossed(message.source, self._arrivals[message.source].take(message.first, message.crossings))

    def heard(self, output: x.Heard) -> list[x.Crossed]:
        """The domain has so much durably."""
        return _crossed(output.domain, self._arrivals[output.domain].heard(output.number))


def _crossed(source: int, frames: Iterable[Frame]) -> list[x.Crossed]:
    return [x.Crossed(source, frame.first, frame.crossings) for frame in frames]
