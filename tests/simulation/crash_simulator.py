"""Domains and their stores, driven by a seed through random inputs, crashes and a network that loses, doubles and
reorders what they send to each other; then the books are compared.

Every choice comes from one generator, so that a seed tells the whole story; `History.digest` is its fingerprint. The
atoms (witness.c) keep books of what they did and saw. What has to hold at the end, after any crashes whatever:

- what was answered or accepted happened, once; what was not, happened at most once
- messages of a pair arrive once, in order; timers fire once; requests are answered once; postponed mail comes once
- an object that was put is found by whoever was told of it; those of undone turns are none; pins are as counted
- no atom saw anything else that contradicts its books, and nothing is left over: no dead letter, no journal, and of the
  objects, once their time is over, those that are pinned
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

from radon.abi import exchange as x
from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import NotFound
from radon.abi.frames import Commit, FrameError, FrameType, decode_all, encode_all, seal, unseal
from radon.host.domain import Domain, Make, Settings, Status
from radon.host.domains import default
from radon.host.hash import domain_of
from radon.host.image import Image
from radon.host.kind import Kind
from radon.host.lookup import restored
from radon.host.placement import place_input
from radon.testing.harness import NOON

PEERS = 4
SECOND = 10**9


class Disk:
    """A log of frames as an append-only file: what was not synced may be lost or torn at any byte."""

    def __init__(self) -> None:
        self.snapshot: bytes | None = None
        self.log = b""

    def append(self, frame: bytes) -> None:
        self.log += len(frame).to_bytes(4, "little") + frame

    def read(self) -> list[bytes]:
        """The whole frames; a torn one at the end is dropped, and its bytes with it."""
        frames, at = [], 0
        while at + 4 <= len(self.log):
            frame = self.log[at + 4 : at + 4 + int.from_bytes(self.log[at : at + 4], "little")]
            try:
                unseal(FrameType.LOG, frame)
            except FrameError:
                break
            frames.append(frame)
            at += 4 + len(frame)
        self.log = self.log[:at]
        return frames


class History:
    """A run of one seed. `crashes` counts them by the moment at which they struck."""

    def __init__(self, seed: int, kind: Kind, steps: int = 60, make: Make | None = None, domains: int = 1) -> None:
        self.random = Random(seed)
        self.kind, self.steps, self.make = kind, steps, make or default()
        self.disks = [Disk() for _ in range(domains)]
        self.network: list[tuple[int, Any]] = []  # under way: to which domain, and what
        self.now = NOON
        self.settings = Settings(instances=3, suspended=5)
        self.crashes: Counter[str] = Counter()
        self.commits = hashlib.sha256()
        self.token = 0
        self.open: dict[int, tuple[str, bool]] = {}  # posted and unanswered: token -> id, wants a reply
        self.done: set[str] = set()  # ids that were answered or accepted
        self.ids: set[str] = set()
        self.seeds = [self.random.randbytes(32) for _ in range(domains)]
        self.secret = self.random.randbytes(32)
        self.domains: list[Domain] = []
        for number in range(domains):
            self.domains.append(self._restored(number))

    def close(self) -> None:
        for domain in self.domains:
            domain.close()

    @property
    def digest(self) -> str:
        return self.commits.hexdigest()

    def run(self) -> None:
        """The random part, then peace, then the audit (AssertionError)."""
        for _ in range(self.steps):
            self._act()
        self._settle()
        self._audit()

    def _act(self) -> None:
        """Something happens to one of the domains."""
        number = self.random.randrange(len(self.domains))
        inputs = self._from_the_network(number)
        for _ in range(self.random.randrange(3)):
            inputs.append(self._poke(f"i{len(self.ids)}", wants=self.random.random() < 0.5))
        if self.random.random() < 0.3:
            self.now += self.random.randrange(SECOND)
        if self.random.random() < 0.1:
            inputs.append(x.Passivate(Address("witness", str(self.random.randrange(PEERS)))))
        if self.random.random() < 0.03:
            inputs.append(x.Barrier())
        if self.random.random() < 0.1:
            inputs += [x.Resend(other) for other in range(len(self.domains))]
        self._turns(number, inputs, self.random.choice((1, 2, 5, 100)))
        domain, disk, fate = self.domains[number], self.disks[number], self.random.random()
        if fate < 0.04:
            self._crash(number, "before the commit is taken")
            return
        commit = domain.take_commit()
        if not any(commit):
            return
        for part in commit:
            self.commits.update(part)
        log = seal(FrameType.LOG, commit.durable)
        if fate < 0.08:
            self._crash(number, "before the write")
        elif fate < 0.14:
            disk.append(log)
            disk.log = disk.log[: -self.random.randrange(1, len(log) + 4)]
            self._crash(number, "during the write")
        elif fate < 0.20:
            disk.append(log)
            self._crash(number, "after the write, before anything left")
        else:
            disk.append(log)
            self._hear(number, commit)
            if fate < 0.25:
                disk.snapshot, disk.log = domain.snapshot(), b""
            elif fate < 0.30:
                self._crash(number, "after everything left")

    def _from_the_network(self, number: int) -> list[Any]:
        """What arrives at this domain: some of what is under way to it, in any order, some of it twice or never."""
        arrived = [item for item in self.network if item[0] == number and self.random.random() < 0.7]
        self.network = [item for item in self.network if item not in arrived]
        self.random.shuffle(arrived)
        arrived = [item for item in arrived if self.random.random() > 0.1]
        self.network += [item for item in arrived if self.random.random() < 0.1]
        return [record for _, record in arrived]

    def _poke(self, id: str, wants: bool) -> x.Post:
        """Questions carry their id as dedup key, because the client asks again after a crash; tellings do not."""
        self.token += 1
        self.ids.add(id)
        self.open[self.token] = (id, wants)
        to = Address("witness", str(int(id[1:]) % PEERS))
        once = id if wants else ""
        return x.Post(self.token, 0, int(wants), to, NOWHERE, "", once, (), f"poke {id}".encode())

    def _turns(self, number: int, inputs: list[Any], most: int) -> Status:
        """Inputs for this domain and, where they are at home elsewhere, for others; turns of this one."""
        for other, domain in enumerate(self.domains):
            homes = [(record, place_input(record, domain.resolve, len(self.domains))) for record in inputs]
            own = [record for record, home in homes if home == other or (home is None and other == number)]
            if own or other == number:
                domain.submit(encode_all([x.Now(self.now), *own]))
        return self.domains[number].run(most)

    def _hear(self, number: int, commit: Commit) -> None:
        """Something leaves a domain."""
        for output in decode_all(commit.outgoing) + decode_all(commit.volatile):
            if isinstance(output, x.Reply):
                id, _ = self.open.pop(output.token)
                assert output.code == 0, f"{id} was answered {output.code}"
                assert output.body == id.encode()
                self.done.add(id)
            elif isinstance(output, x.Accepted):
                self.done.add(self.open.pop(output.token)[0])
            elif isinstance(output, x.Crossing):
                self.network.append((output.domain, x.Crossed(number, output.first, output.crossings)))
            elif isinstance(output, x.Heard):
                self.network.append((output.domain, x.Acknowledged(number, output.number)))

    def _restored(self, number: int) -> Domain:
        domain = self.make(self.settings)
        domain.restore(self.disks[number].snapshot, self.disks[number].read())
        if not domain.digest:  # not even the first commit was written
            domain.setup(number, self.seeds[number], self.secret, len(self.disks))
        domain.deploy("witness", {"witness": self.kind})
        return domain

    def _crash(self, number: int, moment: str) -> None:
        """The domain is lost, and what came in without being durable; clients ask again what nobody answered."""
        self.crashes[moment] += 1
        self.domains[number].close()
        self.domains[number] = self._restored(number)
        lost = {
            token: (id, wants) for token, (id, wants) in self.open.items()
            if self._home(id, wants) == number
        }  # fmt: skip
        self.open = {token: about for token, about in self.open.items() if token not in lost}
        self._turns(number, [self._poke(id, wants=True) for id, wants in lost.values() if wants], 0)

    def _home(self, id: str, wants: bool) -> int:
        """The domain that takes it in."""
        kind, key = ("@once", id) if wants else ("witness", str(int(id[1:]) % PEERS))
        return domain_of(kind, key, len(self.domains))

    def _settle(self) -> None:
        """No more crashes or losses: time passes until nothing is left to do."""
        for _ in range(1000):
            self.network, under_way = [], self.network
            busy = bool(under_way)
            for number in range(len(self.domains)):
                arrived = [record for to, record in under_way if to == number]
                status = self._turns(number, arrived, 10_000)
                commit = self.domains[number].take_commit()
                self._hear(number, commit)
                busy |= any(commit) or status is Status.BUSY
            due = min((due for domain in self.domains if (due := domain.next_due()) is not None), default=None)
            if not busy and not self._resent() and (due is None or due > self.now + 60 * SECOND):
                return
            self.now = max(self.now, min(due or self.now, self.now + 60 * SECOND))
        raise AssertionError("the domains do not come to rest")

    def _resent(self) -> bool:
        """What was lost on the way leaves again. False: nothing was."""
        for number in range(len(self.domains)):
            self._turns(number, [x.Resend(other) for other in range(len(self.domains))], 0)
            self._hear(number, self.domains[number].take_commit())
        return bool(self.network)

    def _audit(self) -> None:
        books = {name: self._book(name) for name in map(str, range(PEERS))}
        for image in self._images():
            assert not image.dead, [letter.cause for letter in image.dead.values()]
            assert not image.postponed
            assert not any(outbox.crossings for outbox in image.outboxes.values())
            for atom in image.atoms.values():
                assert atom.journal is None
                left = [*atom.asked, *atom.kept, *atom.timers, *atom.mailbox]
                assert not left, f"{atom.address.text}: left over"
        self._audit_objects(books)
        for name, book in books.items():
            assert not [page for page in book if page.startswith("violation")], (name, book)
            assert _pages(book, "armed/") == _pages(book, "fired/"), f"{name}: timers"
            assert _pages(book, "asked/") == _pages(book, "answered/"), f"{name}: requests"
            assert _pages(book, "watched/") == _pages(book, "ended/"), f"{name}: children"
            for other, theirs in books.items():
                sent, seen = book.get(f"out/witness/{other}", 0), theirs.get(f"in/witness/{name}", 0)
                assert sent == seen, f"{name} sent {sent} hops to {other}, who saw {seen}"
        everything = Counter[str]()
        for book in books.values():
            everything.update(book)
        assert _pages(everything, "posted/") == _pages(everything, "arrived/"), "postponed messages"
        applied = _pages(everything, "applied/")
        assert set(applied.values()) <= {1}, "something happened twice"
        assert self.done <= applied.keys(), "something that was promised did not happen"
        assert not [id for id, wants in self.open.values() if wants], "a question was never answered"

    def _audit_objects(self, books: Mapping[str, Mapping[str, int]]) -> None:
        """All that were put are there, and no others; later those that are pinned, in the domains that pinned them."""
        put = {name for book in books.values() for name in _pages(book, "put/")}
        assert {name for image in self._images() for name in image.objects} == put, "objects"
        pins = Counter[tuple[int, str]]()
        for key, book in books.items():
            home = domain_of("witness", key, len(self.domains))
            pins.update({(home, name): count for name, count in _pages(book, "pinned/").items()})
        self.now += 2 * self.settings.retention
        for number, domain in enumerate(self.domains):
            self._turns(number, [], 10_000)
            domain.take_commit()
        held = {
            (number, name): thing.pins for number, image in enumerate(self._images())
            for name, thing in image.objects.items()
        }  # fmt: skip
        assert held == pins, "objects that are pinned"

    def _images(self) -> list[Image]:
        return [restored(domain.snapshot()) for domain in self.domains]

    def _book(self, key: str) -> dict[str, int]:
        try:
            puts = self.domains[domain_of("witness", key, len(self.domains))].entries(Address("witness", key))
        except NotFound:
            puts = []
        return {put.key.decode(): int.from_bytes(put.value, "little") for put in puts}


def _pages(book: Mapping[str, int], chapter: str) -> dict[str, int]:
    return {page.removeprefix(chapter): count for page, count in book.items() if page.startswith(chapter)}
