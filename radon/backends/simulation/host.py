"""A simulated host: it drives a member of the cluster, runs the domains that this opens, and serves clients.

What a host of another backend does with threads, sockets and disks, this one does with events; the protocol and the
domains are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

from radon.abi.delivery import Address
from radon.abi.exchange import Now
from radon.abi.frames import FrameType, decode_all, encode, encode_all, seal, unseal
from radon.backends.cluster import events as e
from radon.backends.cluster.member import Member
from radon.backends.driver import Image
from radon.backends.program import Program, link
from radon.backends.simulation import services as s
from radon.backends.simulation.network import Network
from radon.backends.simulation.world import MILLISECOND, Node, World
from radon.host.domain import Domain, Make, Status
from radon.host.lookup import resolve
from radon.host.placement import place_input

TURNS = 64
"""In one batch at most; a turn takes about TURN ns of virtual time."""

TURN = 5_000

SNAPSHOT_BYTES = 32 * 1024
"""A snapshot is taken when the log behind the last one is longer than this and than the snapshot."""


class Watcher(Protocol):
    """Sees what hosts do."""

    def runs(self, number: int, epoch: int, domain: Domain) -> None:
        """A host has opened a domain."""

    def released(self, number: int, epoch: int, outputs: bytes) -> None:
        """A domain lets this leave, after its commit."""


@dataclass(frozen=True)
class Cluster:
    """What all hosts of a world have in common."""

    world: World
    network: Network
    log: s.Log
    registry: s.Registry
    timing: e.Timing
    program: Program
    domains: int
    running: type[Running]
    make: Make
    secret: bytes
    seeds: tuple[bytes, ...]  # of the domains
    watcher: Watcher


class Running:
    """A domain that is open at a host. `failed()`: its log takes no more."""

    def __init__(self, host: Host, number: int, epoch: int, member: str, image: Image) -> None:
        self.number, self.epoch, self.member = number, epoch, member
        self.is_closing = False
        self._host, self._cluster = host, host.cluster
        self._position = 0
        self._inbox: list[bytes] = []
        self._is_awake = False
        self._due: int | None = None
        self._written: list[tuple[str, bytes, bytes]] = []  # what is to be: commit or snapshot, and what leaves then
        self._is_writing = False
        self.domain = self._restored(image)
        self._log_bytes, self._snapshot_bytes = sum(map(len, image.tail)), len(image.snapshot or b"")

    def _restored(self, image: Image) -> Domain:
        cluster = self._cluster
        settings = replace(cluster.program.settings, host=self._host.name, sharing=cluster.domains)
        domain = cluster.make(settings)
        domain.restore(image.snapshot, image.tail)
        if image.snapshot is None and not image.tail:
            domain.setup(self.number, cluster.seeds[self.number], cluster.secret, cluster.domains)
        link(domain, replace(cluster.program, settings=settings))
        return domain

    def close(self) -> None:
        self.domain.close()

    @property
    def is_open(self) -> bool:
        """Whatever is let leave may be its end: the member may find that its lease has ended."""
        return self._host.running.get(self.number) is self

    def submit(self, record: Any) -> None:
        self._inbox.append(encode(record))
        self.wake()

    def wake(self) -> None:
        """Run soon."""
        if not self._is_awake:
            self._is_awake = True
            self._host.after(TURN, self._step)

    def put_down(self) -> None:
        """Take in what is here, run nothing of it any more, and tell the member when all is durable."""
        self.is_closing = True
        self._take_in()
        self.domain.run(0)
        self._commit()

    def _take_in(self) -> None:
        self.domain.submit(b"".join((encode(Now(self._host.wall())), *self._inbox)))
        self._inbox = []

    def _step(self) -> None:
        self._is_awake = False
        if not self.is_open or self.is_closing:
            return
        self._take_in()
        status = self.domain.run(TURNS)
        self._commit()
        if status is Status.BUSY:
            self.wake()
        elif self.is_open:
            self._sleep()

    def _sleep(self) -> None:
        due = self.domain.next_due()
        if due is not None and due != self._due:
            self._due = due
            self._host.after(max(0, due - self._host.wall()) + MILLISECOND, self._ring, due)

    def _ring(self, due: int) -> None:
        if self._due == due:
            self._due = None
            self.wake()

    # ---- commits ----

    def _commit(self) -> None:
        commit = self.domain.take_commit()
        if commit.volatile:
            self._host.release(self, commit.volatile, volatile=True)
        if not self.is_open:
            return
        if commit.durable or commit.outgoing:
            self._log_bytes += len(commit.durable)
            self._written.append(("commit", commit.durable, commit.outgoing))
            if self._log_bytes > max(SNAPSHOT_BYTES, self._snapshot_bytes):
                frame = self.domain.snapshot()
                self._log_bytes, self._snapshot_bytes = 0, len(frame)
                self._written.append(("snapshot", frame, b""))
        self._write()

    def _write(self) -> None:
        if self._is_writing:
            return
        group = []
        while self._written and self._written[0][0] == "commit":
            group.append(self._written.pop(0))
        outgoing = b"".join([leaves for _, _, leaves in group])
        durable = b"".join([records for _, records, _ in group])
        if durable:
            request: Any = s.Commit(self.number, self.epoch, self._position, seal(FrameType.LOG, durable))
            self._ask(request, lambda: self._has_written(outgoing))
        elif group:
            self._has_written(outgoing)
        elif self._written:
            _, frame, _ = self._written.pop(0)
            self._ask(s.Snapshot(self.number, self.epoch, self._position, frame), self._write)
        elif self.is_closing:
            self._host.has_put_down(self)

    def _ask(self, request: Any, written: Callable[[], None]) -> None:
        self._is_writing = True

        def answered(answer: Any) -> None:
            self._is_writing = False
            if not self.is_open:
                return
            if answer is True:
                self._position += isinstance(request, s.Commit)
                written()
            elif isinstance(request, s.Snapshot) and answer == s.Refusal("full"):
                self._write()  # without room the log simply goes on
            else:
                self._host.has_failed(self)

        self._host.requests.ask(self._cluster.log, request, self._cluster.timing.longest, answered)

    def _has_written(self, outgoing: bytes) -> None:
        if outgoing:
            self._host.release(self, outgoing)
        if self.is_open:
            self._write()

    def starts_at(self, position: int) -> None:
        """How many frames the log has had."""
        self._position = position


class Host(Node):
    """A machine with its process; one of `others`, by name."""

    def __init__(self, cluster: Cluster, number: int, name: str, others: Mapping[str, Host]) -> None:
        super().__init__(cluster.world, name)
        self.cluster, self._number = cluster, number
        self.running: dict[int, Running] = {}
        self.requests = s.Requests(self, cluster.network)
        self._others = others
        self._boots = 0
        self._has_gone = False  # left the cluster, until it joins again

    # ---- its life ----

    def boot(self) -> None:
        """The process starts."""
        self._boots += 1
        self._has_gone = False
        self.process = f"{self.name}/{self._boots}"
        self.member = Member(self.name, f"{self._boots}", self.cluster.domains, self.cluster.timing)
        self._tokens = count((self._number << 52) + (self._boots << 36))
        self._answers: dict[int, Callable[[Any], None]] = {}
        self._tick()

    def crash(self) -> None:
        super().crash()
        self.close()
        self.requests.forget()

    def close(self) -> None:
        """Free the domains."""
        for running in self.running.values():
            running.close()
        self.running = {}

    def restart(self) -> None:
        super().restart()
        self.boot()

    def leave(self) -> None:
        """Go, in order: hand everything over, then end."""
        self.member.leave(self.monotonic())
        self._act()

    @property
    def serves(self) -> bool:
        return self.is_up and not self._has_gone

    def _tick(self) -> None:
        self.member.wake(self.monotonic())
        if self.member.has_left():
            self._act()
            self._has_gone = True
            return
        self._act()
        self.after(self.cluster.timing.tick, self._tick)

    # ---- what its member wants ----

    def _act(self) -> None:
        actions = self.member.take_actions()
        while actions:
            for action in actions:
                self._carry_out(action)
            actions = self.member.take_actions()

    def _carry_out(self, action: e.Action) -> None:
        match action:
            case e.Input(domain, record):
                if domain in self.running:
                    self.running[domain].submit(record)
            case e.Say(host, message):
                self._say(host, message)
            case e.Tell(token, output):
                answer = self._answers.pop(token, None)
                if answer is not None:
                    answer(output)
            case e.Renew(member, leaving):
                self._renew(member, leaving)
            case e.Look(domain):
                self._ask_log(s.Look(domain), lambda answer: self._has_looked(domain, answer))
            case e.Open(domain, after, member):
                request = s.Open(domain, after, member)
                self._ask_log(request, lambda answer: self._has_opened(domain, member, answer))
            case e.Close(domain):
                if domain in self.running:
                    self.running[domain].put_down()
            case e.Drop(domain):
                self._drop(domain)
            case e.Release(member):
                self.requests.ask(self.cluster.registry, s.Release(member), MILLISECOND, lambda _: None)

    def _say(self, host: str, message: Any) -> None:
        frame = seal(FrameType.PEERS, encode(message))
        target = self._others.get(host)
        if target is not None:
            self.cluster.network.send(self, target, len(frame), target.hear, self.process, frame)

    def hear(self, speaker: str, frame: bytes) -> None:
        """From the network."""
        if not self._has_gone:
            for message in decode_all(unseal(FrameType.PEERS, frame)):
                self.member.heard(self.monotonic(), speaker, message)
            self._act()

    def _renew(self, member: str, leaving: bool) -> None:
        asked_at = self.monotonic()

        def answered(answer: Any) -> None:
            if answer == s.Refusal("lapsed"):
                if member == self.member.member:
                    self.member.lapsed(self.monotonic())
            elif answer is not None:
                self.member.renewed(self.monotonic(), member, asked_at, answer)
            self._act()

        self.requests.ask(self.cluster.registry, s.Renew(member, leaving), self.cluster.timing.lease, answered)

    def _ask_log(self, request: Any, answered: Callable[[Any], None]) -> None:
        def then(answer: Any) -> None:
            answered(answer)
            self._act()

        self.requests.ask(self.cluster.log, request, self.cluster.timing.longest, then)

    def _has_looked(self, domain: int, answer: Any) -> None:
        if answer is not None:
            self.member.found(self.monotonic(), domain, *answer)

    def _has_opened(self, domain: int, member: str, answer: Any) -> None:
        if not isinstance(answer, tuple) or isinstance(answer, s.Refusal):
            self.member.failed(self.monotonic(), domain)
            return
        image, position = answer
        self._drop(domain)
        running = self.running[domain] = self.cluster.running(self, domain, image.epoch, member, image)
        running.starts_at(position)
        self.cluster.watcher.runs(domain, image.epoch, running.domain)
        self.world.tell(self.name, f"runs domain {domain} in epoch {image.epoch}")
        self.member.opened(self.monotonic(), domain, image.epoch, member)
        running.wake()

    def _drop(self, domain: int) -> None:
        running = self.running.pop(domain, None)
        if running is not None:
            self.world.tell(self.name, f"drops domain {domain}")
            running.close()

    # ---- what its domains do ----

    def release(self, running: Running, outputs: bytes, *, volatile: bool = False) -> None:
        """This leaves a domain: it follows from nothing that is not durable, or may leave before."""
        left = self.member.left(self.monotonic(), running.number, running.epoch, decode_all(outputs))
        if left and not volatile:
            self.cluster.watcher.released(running.number, running.epoch, outputs)
        self._act()

    def has_failed(self, running: Running) -> None:
        """Its log does not take its commits, or nobody knows whether it did."""
        self._drop(running.number)
        self.member.failed(self.monotonic(), running.number)
        self._act()

    def has_put_down(self, running: Running) -> None:
        self._drop(running.number)
        self.member.closed(self.monotonic(), running.number)
        self._act()

    # ---- clients ----

    def serve(self, post: Any, answer: Callable[[Any], None]) -> None:
        """A client's Post, its token to be chosen here. `answer(output)`, or None: nobody knows."""
        if self._has_gone:
            return
        token = next(self._tokens)
        self._answers[token] = answer
        domain = place_input(post, self._resolve, self.cluster.domains)
        assert domain is not None
        record = encode_all([post._replace(token=token)])
        self.member.ask(self.monotonic(), domain, token, record, again=bool(post.once))
        self._act()

    def _resolve(self, address: Address) -> Address:
        program = self.cluster.program
        return resolve(address, program.kinds, [f"http:{name}" for name in program.endpoints], self.name)
