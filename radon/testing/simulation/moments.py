"""What a world told of itself, made sense of: moments on lanes, messages between them, and what goes on for a while."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from radon.abi.exchange import Post
from radon.backends.cluster.events import host_of
from radon.backends.simulation import services as s
from radon.backends.simulation import story as e
from radon.backends.simulation.faults import Fault, befallen
from radon.backends.simulation.faults import text as fault_text
from radon.backends.simulation.tcp import GONE, Piece
from radon.backends.simulation.world import MILLISECOND, SECOND, Node
from radon.testing.simulation import wording
from radon.testing.simulation.wording import Words

CLIENTS, LOG, REGISTRY = "clients", "log", "registry"
"""Lanes; all clients have one, and each host has its own."""


class Moment(NamedTuple):
    """Something on a lane, or a message from it. Times in ns of the world."""

    at: int
    kind: str  # of story.KINDS
    lane: str  # "": it is the whole cluster's
    text: str
    to: str = ""  # the lane that a message goes to
    arrivals: tuple[int, ...] = ()
    lost: str = ""  # what kept it from arriving
    atoms: tuple[str, ...] = ()
    domain: int | None = None
    minor: bool = False  # it goes on all the time


class Span(NamedTuple):
    """Something goes on: a fault, or a machine is "down" or stands "still"."""

    begin: int
    end: int
    kind: str
    groups: tuple[tuple[str, ...], ...]  # of lanes: on the one, or between the two; none: everywhere
    text: str


Told = Sequence[tuple[int, e.Event]]
States = Mapping[str, Sequence[Span]]


def lives(told: Told, end: int) -> dict[str, list[Span]]:
    """Of each machine: when it was down, and when it stood still."""
    states: dict[str, list[Span]] = {}
    for now, event in told:
        if isinstance(event, e.Lives):
            spans = states.setdefault(event.node, [])
            if spans and spans[-1].end > now and event.how != "still":
                spans[-1] = spans[-1]._replace(end=now)
            if event.how != "up":
                until = event.until if event.how == "still" else end
                spans.append(Span(now, until, event.how, ((event.node,),), f"{event.node} {event.how}"))
    return states


def faults(told: Told, end: int) -> list[Span]:
    """Those that began."""
    spans: dict[int, Span] = {}
    for now, event in told:
        if isinstance(event, e.Befalls):
            if event.ends:
                spans[event.number] = spans[event.number]._replace(end=now)
            else:
                fault: Fault = event.fault
                spans[event.number] = Span(now, end, fault.kind, befallen(fault), fault_text(fault))
    return list(spans.values())


SOMETHING = Words("mail", "something")
"""What no reader knows."""


class Reader:
    """Reads what was told from the beginning, for it remembers who asked what."""

    def __init__(self, lanes: Iterable[str], states: States) -> None:
        self._lanes, self._states = frozenset(lanes), states
        self._tokens: dict[int, str] = {}
        self._requests: dict[tuple[str, int], Words] = {}
        self._members: dict[str, str] = {}  # host -> the name of its lease
        self._alive = ""
        self._said: dict[tuple[Any, ...], bool] = {}  # name of what was said -> has it arrived?

    def read(self, now: int, event: e.Event) -> Moment:
        match event:
            case e.Lives(node, how, until):
                text = {"down": "goes down", "up": "starts again"}.get(how)
                return Moment(now, "life", node, text or f"stands still for {(until - now) / SECOND:.3f}s")
            case e.Holds(node, how, domain, epoch):
                return Moment(now, "domain", node, f"{how} {domain}.{epoch}", domain=domain)
            case e.Befalls(_, fault, ends):
                groups = befallen(fault)
                lane = groups[0][0] if len(groups) == 1 else ""
                over = ": over" if ends else ""
                minor = ends and fault.duration <= MILLISECOND
                return Moment(now, "fault", lane, fault_text(fault) + over, minor=minor)
            case e.Committed(domain, member, epoch, frame):
                words = wording.committed(frame)
                text = wording.folded(f"{domain}.{epoch} commits: {words.text}")
                host = host_of(member)
                return Moment(now, "log", host, text, LOG, (now,), "", words.atoms, domain, words.minor)
            case e.Sent():
                return self._message(now, event)
            case e.Violated(reason):
                return Moment(now, "violation", "", wording.folded(wording.printable(reason)))

    def _message(self, now: int, sent: e.Sent) -> Moment:
        words = self._words(sent)
        arrivals = tuple(at for at in (self._taken(sent.target, at) for at in sent.arrivals) if at is not None)
        lost = sent.lost or ("" if arrivals else "down")
        source, target = self._lane(sent.source), self._lane(sent.target)
        client = sent.source if source == CLIENTS else sent.target if target == CLIENTS else ""
        text = wording.folded(f"{client} {words.text}" if client else words.text)
        minor = words.minor and not (lost and words.kind == "log")
        if words.name:
            name = (sent.source, sent.target, *words.name)
            arrived = self._said.get(name)
            if arrived or (arrived is False and lost):
                minor, text = True, f"again: {text}"
            self._said[name] = arrived or not lost
        return Moment(now, words.kind, source, text, target, arrivals, lost, words.atoms, words.domain, minor)

    def _lane(self, node: str) -> str:
        return node if node in self._lanes else CLIENTS

    def _taken(self, node: str, at: int) -> int | None:
        """When a machine takes in what arrives at this moment; None: it is down."""
        for span in self._states.get(node, ()):
            if span.begin <= at < span.end:
                if span.kind == "down":
                    return None
                at = span.end
        return at

    # ---- what a message is ----

    def _words(self, sent: e.Sent) -> Words:
        match sent.message:
            case (str(), bytes() as frame):
                return wording.said(frame, self._tokens)
            case (_, Post() as post, _):
                name = (post.once,) if post.once else ()
                return Words("client", f"asks {wording.question(post)}", wording.atoms(post), name=name)
            case (Post() as post, output):
                text = f"is told: {wording.shown(post.to.text)} {wording.answer(output)}"
                return Words("client", text, wording.atoms(post))
            case (Piece() as piece,):
                text = wording.piece(piece, by_client=self._lane(sent.source) == CLIENTS)
                of_many = (piece.connection, piece.number) if piece.number != GONE else ()
                return Words("client", text, wording.server(piece), name=of_many)
            case (request, Node(), _, int() as number):
                words = self._requests[sent.source, number] = self._request(request)
                return words
            case (int() as number, answer):
                return self._answer(self._requests.get((sent.target, number), SOMETHING), answer)
        return SOMETHING

    def _request(self, request: Any) -> Words:
        match request:
            case s.Look(domain):
                return Words("log", f"who has domain {domain}?", (), domain, minor=True)
            case s.Open(domain, after, member):
                return Words("domain", f"open {domain}.{after + 1} as {member}", (), domain)
            case s.Commit(domain, epoch, position, frame):
                words = wording.committed(frame)
                text = f"write frame {position} of {domain}.{epoch}: {words.text}"
                return Words("log", text, words.atoms, domain, minor=True)
            case s.Snapshot(domain, epoch, covered, frame):
                text = f"write a snapshot of {domain}.{epoch} up to frame {covered}: {len(frame)} bytes"
                return Words("log", text, (), domain, minor=True)
            case s.Renew(member, leaving):
                return self._renewal(member, leaving)
            case s.Release(member):
                return Words("lease", f"ends the lease of {member}")
        return Words("log", type(request).__name__)

    def _renewal(self, member: str, leaving: bool) -> Words:
        host = host_of(member)
        known, self._members[host] = self._members.get(host), member
        if known == member:
            return Words("lease", f"renew {member}{', which leaves' if leaving else ''}", minor=True)
        return Words("lease", f"a lease for {member}" + (f"; that of {known} is over" if known else ""))

    def _answer(self, asked: Words, answer: Any) -> Words:
        match answer:
            case s.Refusal(reason):
                return asked._replace(text=f"refused, {reason}: {asked.text}", minor=False)
            case (int() as epoch, str() as owner):
                return asked._replace(text=f"{asked.domain}.{epoch}, opened by {owner or 'nobody'}")
            case s.Opened(image, position):
                return asked._replace(text=f"opened {asked.domain}.{image.epoch}, which has {position} frames")
            case tuple():
                alive = ", ".join(f"{one.member}{' (leaves)' if one.leaving else ''}" for one in answer)
                minor, self._alive = alive == self._alive, alive
                return asked._replace(text=f"alive: {alive}", minor=minor)
        return asked._replace(text=f"done: {asked.text}")
