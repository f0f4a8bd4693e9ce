"""A simulated host: it drives a member of the cluster, runs the domains that this opens, and serves clients.

What a host of another backend does with threads, sockets and disks, this one does with events; the protocol and the
domains are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from radon.abi.delivery import Address
from radon.abi.exchange import Hangup, Sent
from radon.abi.frames import FrameError, FrameType, decode_all, encode, encode_all, seal, unseal
from radon.backends.cluster import events as e
from radon.backends.cluster.member import Member
from radon.backends.program import Program
from radon.backends.simulation import services as s
from radon.backends.simulation.gateway import Gateway
from radon.backends.simulation.network import Network
from radon.backends.simulation.running import Running
from radon.backends.simulation.story import Holds
from radon.backends.simulation.tcp import End, Piece
from radon.backends.simulation.world import MILLISECOND, Node, World
from radon.host.domain import Domain, Make
from radon.host.lookup import resolve
from radon.host.placement import place_input


class Watcher(Protocol):
    """Sees what hosts do."""

    def runs(self, number: int, epoch: int, domain: Domain) -> None:
        """A host has opened a domain."""

    def unreadable(self, number: int, epoch: int, error: FrameError) -> None:
        """A host has got from the log what it cannot restore a domain from."""

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
        self._gateway = Gateway(self)
        self.member = Member(self.name, f"{self._boots}", self.cluster.domains, self.cluster.timing)
        self._tokens = count((self._number << 52) + (self._boots << 36))
        self._answers: dict[int, Callable[[Any], None]] = {}
        self._tick()

    def crash(self) -> None:
        super().crash()
        self._gateway.crash()
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
            case e.Outside(_, Sent() | Hangup() as output):
                self._gateway.leaves(output)
            case e.Release(member):
                self.requests.ask(self.cluster.registry, s.Release(member), MILLISECOND, lambda _: None)

    def _say(self, host: str, message: Any) -> None:
        frame = seal(FrameType.PEERS, encode(message))
        target = self._others.get(host)
        if target is not None:
            self.cluster.network.send(self, target, len(frame), target.hear, self.process, frame)

    def hear(self, speaker: str, frame: bytes) -> None:
        """From the network."""
        if self._has_gone:
            return
        try:
            messages = decode_all(unseal(FrameType.PEERS, frame))
        except FrameError:
            return  # it was damaged, and will come again
        for message in messages:
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
        if not isinstance(answer, s.Opened):
            self.member.failed(self.monotonic(), domain)
            return
        self._drop(domain)
        epoch = answer.image.epoch
        try:
            running = self.running[domain] = self.cluster.running(self, domain, *answer)
        except FrameError as error:
            self.cluster.watcher.unreadable(domain, epoch, error)
            self.member.failed(self.monotonic(), domain)
            return
        self.cluster.watcher.runs(domain, epoch, running.domain)
        self.world.tell(Holds(self.name, "runs", domain, epoch))
        self.member.opened(self.monotonic(), domain, epoch, member)
        running.wake()

    def _drop(self, domain: int) -> None:
        running = self.running.pop(domain, None)
        if running is not None:
            self.world.tell(Holds(self.name, "drops", domain, running.epoch))
            running.close()
            self._gateway.lose(domain)

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
        domain = place_input(post, self.resolve, self.cluster.domains)
        assert domain is not None
        record = encode_all([post._replace(token=token)])
        self.member.ask(self.monotonic(), domain, token, record, again=bool(post.once))
        self._act()

    def take(self, end: End, piece: Piece | None) -> None:
        """A client opens a connection, if it has not given up already."""
        if piece is not None:
            self._gateway.take(end, piece.body.decode())

    def resolve(self, address: Address) -> Address:
        program = self.cluster.program
        return resolve(address, program.kinds, [f"http:{name}" for name in program.endpoints], self.name)
