"""Two domains that are given the same, and compared in all that they give: the measure of one is the other.

What has to be equal: the durable and the outgoing bodies of commits and the snapshots, byte for byte; what leaves at
once, but for the words of errors, which an engine may choose; what may be looked up. Where rules say that only records
are equal - however turns are batched - `Twins` compares records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from radon.abi import exchange as x
from radon.abi import records as r
from radon.abi.frames import Commit, FrameType, decode_all, encode, encode_all, seal, unseal
from radon.abi.syscalls import LEVELS
from radon.host.domain import Domain, Make, Settings, Status
from radon.host.kind import Kind
from radon.testing.harness import NOON

OF_THE_DOMAIN = (
    r.Step, r.Setup, r.Deployed, r.Postponed, r.PostponedGone, r.Stored, r.Pinned, r.Collected, r.Died, r.DiedGone,
    r.Seen, r.Settled, r.SeenGone, r.Left, r.LeftGone, r.Arrived,
)  # fmt: skip
"""Records that are about no atom."""

MOST_TURNS = 500
"""Until a domain comes to rest."""


class Difference(AssertionError):
    """The two are not equal: in what, and how."""


class Twin:
    """One of them. `chop`: it runs one turn at a time and takes a commit after each."""

    def __init__(self, name: str, make: Make, settings: Settings, *, chop: bool = False) -> None:
        self.name, self.make, self.settings, self.chop = name, make, settings, chop
        self.domain: Domain = make(settings)
        self.snapshot: bytes | None = None
        self.log: list[bytes] = []  # behind the snapshot
        self._taken: list[Commit] = []  # since `take`

    def deploy(self, digest: str, kinds: Mapping[str, Kind], endpoints: Iterable[str]) -> None:
        self.domain.deploy(digest, kinds, endpoints)
        for kind in sorted(self.domain.usage().kinds.keys() - kinds.keys()):
            if not kind.startswith(("@", "http:")):
                self.domain.end_kind(kind)

    def run(self, turns: int) -> Status:
        if not self.chop or not turns:
            return self.domain.run(turns)
        for _ in range(turns):
            status = self.domain.run(1)
            self._taken.append(self._take())
            if status is Status.IDLE:
                break
        return status

    def take(self) -> list[bytes]:
        """What was done since the last time: durable, outgoing, volatile."""
        taken = [*self._taken, self._take()]
        self._taken = []
        return [b"".join(bodies) for bodies in zip(*taken, strict=True)]

    def _take(self) -> Commit:
        commit = self.domain.take_commit()
        if commit.durable:
            self.log.append(seal(FrameType.LOG, commit.durable))
        return commit

    def keep_snapshot(self) -> None:
        self.snapshot, self.log = self.domain.snapshot(), []

    def lose(self) -> None:
        """The process, and with it what was done since a commit was last taken."""
        self.domain.close()
        self._taken = []
        self.domain = self.make(self.settings)


class Neighbour:
    """Another domain of the application, which both hear the same from."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent: list[bytes] = []  # the crossings from there; the first has number 1
        self.left = 0  # the number of the last one for it that left
        self._named = 10**6

    def new_step(self) -> int:
        self._named += 3
        return self._named + self.number

    def new_id(self) -> bytes:
        return struct.pack(">IQI", self.number, self.new_step(), 1)


class Twins:
    """Both. Every method raises Difference."""

    def __init__(
        self, one: Make, other: Make, kinds: Mapping[str, Kind], *, endpoints: Iterable[str] = ("api",),
        settings: Settings, place: tuple[int, int] = (7, 1), chop: bool = False, **differently: Any,
    ) -> None:  # fmt: skip
        """`place`: which domain of how many they are. `differently` are settings of the other, and `chop` its way to
        run, that may change no record.
        """
        self.kinds, self.endpoints = kinds, tuple(endpoints)
        self.both = (
            Twin("one", one, settings),
            Twin("the other", other, replace(settings, **differently), chop=chop),
        )
        self.alike = not differently and not chop  # else they may differ in how often turns run again
        self.by_records = chop
        self.now = NOON
        self.step = 0  # of the last commit
        self.asked: list[x.Sent] = []  # requests to endpoints that left
        self.crossed: list[Any] = []  # what left for other domains
        self.lives: dict[tuple[str, str], int] = {}  # the last of each atom
        number, self.domains = place
        self.neighbours = [Neighbour(other) for other in range(3) if other != number][:2]
        for twin in self.both:
            twin.domain.setup(number, bytes(range(32)), bytes(range(32, 64)), self.domains)
        self.deploy("first", kinds)

    def close(self) -> None:
        for twin in self.both:
            twin.domain.close()

    # ---- what may happen to them ----

    def deploy(self, digest: str, kinds: Mapping[str, Kind]) -> None:
        """Which ends what there is no kind for any more."""
        self.digest, self.kinds = digest, kinds
        for twin in self.both:
            twin.deploy(digest, kinds, self.endpoints)
        self.take()

    def submit(self, pause: int, inputs: Iterable[Any]) -> None:
        self.now += pause
        body = encode_all([x.Now(self.now), *inputs])
        for twin in self.both:
            twin.domain.submit(body)

    def run(self, turns: int) -> Status:
        one, other = (twin.run(turns) for twin in self.both)
        self._same("whether they are busy", one, other)
        return one

    def take(self) -> None:
        """Take the commits of both, and compare them."""
        one, other = (twin.take() for twin in self.both)
        if self.by_records:
            self._same_list("durable", _by_atom(one[0]), _by_atom(other[0]))
        elif one[0] != other[0]:
            self._same_list("durable", decode_all(one[0]), decode_all(other[0]))
            self._same("durable bytes", one[0], other[0])
        if self.by_records:
            self._same_list("outgoing", _one_by_one(one[1]), _one_by_one(other[1]))
        elif one[1] != other[1]:
            self._same_list("outgoing", decode_all(one[1]), decode_all(other[1]))
            self._same("outgoing bytes", one[1], other[1])
        volatile = _one_by_one if self.by_records else decode_all
        self._same_list("volatile", *([*map(_worded, volatile(body))] for body in (one[2], other[2])))
        self._remember(decode_all(one[0]), decode_all(one[1]) + decode_all(one[2]))

    def _remember(self, durable: list[Any], left: list[Any]) -> None:
        """What later steps may refer to."""
        at = r.At("", "")
        for record in durable:
            if isinstance(record, r.At):
                at = record
            elif isinstance(record, r.Step):
                self.step = max(self.step, record.number)
            elif isinstance(record, r.Born):
                self.lives[at] = record.life
        for output in left:
            if isinstance(output, x.Sent) and output.wants:
                self.asked.append(output)
            elif isinstance(output, x.Crossing):
                self.crossed += (crossings := decode_all(output.crossings))
                for neighbour in self.neighbours:
                    if neighbour.number == output.domain:
                        neighbour.left = max(neighbour.left, output.first + len(crossings) - 1 if output.first else 0)

    def look(self) -> None:
        """Compare what can be looked up, and their snapshots. After `take`."""
        one, other = (twin.domain.usage() for twin in self.both)
        if not self.alike:
            one, other = (use._replace(kinds=_without_turns(use.kinds)) for use in (one, other))
        self._same("usage", one, other)
        one, other = (twin.domain.snapshot() for twin in self.both)
        if one != other:
            records = [decode_all(unseal(FrameType.SNAPSHOT, frame)) for frame in (one, other)]
            self._same_list("snapshot", *records)
            self._same("snapshot bytes", one, other)
        one, other = (encode_all(twin.domain.dead_letters()) for twin in self.both)
        self._same("dead letters", one, other)
        self._same("digest", *(twin.domain.digest for twin in self.both))

    def keep_snapshots(self) -> None:
        self.take()
        for twin in self.both:
            twin.keep_snapshot()

    def crash(self) -> None:
        """Both lose their process; each is restored from what the other had stored."""
        if self.by_records:  # the one that takes a commit after each turn would have stored more
            self.take()
        one, other = self.both
        stored = [(twin.snapshot, list(twin.log)) for twin in (other, one)]
        for twin, (snapshot, log) in zip(self.both, stored, strict=True):
            twin.lose()
            twin.snapshot, twin.log = snapshot, log
            twin.domain.restore(snapshot, log)
        self.look()
        self.deploy(self.digest, self.kinds)

    def rest(self) -> None:
        """Run both until they are idle, or for many turns, and compare all that there is to compare.

        Some never rest: two atoms that send to each other for ever, say.
        """
        for _ in range(MOST_TURNS // 50):
            status = self.run(50)
            self.take()
            if status is Status.IDLE:
                break
        self.look()

    # ---- comparing ----

    def _same(self, what: str, one: Any, other: Any) -> None:
        if one != other:
            raise Difference(f"{what}:\n  {one!r}\n  {other!r}")

    def _same_list(self, what: str, one: list[Any], other: list[Any]) -> None:
        ones, others = ([encode(record) for record in records] for records in (one, other))
        if ones != others:
            pairs = enumerate(zip(ones, others, strict=False))
            at = next((at for at, (a, b) in pairs if a != b), min(len(ones), len(others)))
            raise Difference(f"{what}, record {at}:\n  {one[at : at + 3]!r}\n  {other[at : at + 3]!r}")


def _by_atom(body: bytes) -> list[Any]:
    """Each record with the atom that it is about in front of it, however often the body says so."""
    found: list[Any] = []
    at = r.At("", "")
    for record in decode_all(body):
        if isinstance(record, r.At):
            at = record
        else:
            found += [record] if isinstance(record, OF_THE_DOMAIN) else [at, record]
    return found


def _one_by_one(body: bytes) -> list[Any]:
    """What left, each crossing for itself and once, however many commits they came in, behind all else."""
    records = decode_all(body)
    crossings: dict[tuple[int, int], list[bytes]] = {}
    for output in records:
        if isinstance(output, x.Crossing):
            for number, crossing in enumerate(decode_all(output.crossings), output.first):
                if output.first:
                    crossings[output.domain, number] = [encode(crossing)]
                else:
                    crossings.setdefault((output.domain, 0), []).append(encode(crossing))
    rest = [output for output in records if not isinstance(output, x.Crossing)]
    return rest + [x.Crossing(*at, b"".join(bodies)) for at, bodies in sorted(crossings.items())]


def _worded(output: Any) -> Any:
    """Without the words of an error."""
    return output._replace(text="") if isinstance(output, x.Logged) and LEVELS[output.level] == "error" else output


def _without_turns(kinds: Mapping[str, Any]) -> dict[str, Any]:
    return {name: of._replace(turns=0) for name, of in kinds.items()}
