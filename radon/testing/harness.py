"""Test atoms without a deployment: one domain in this process, time by hand, every effect in view.

    with Harness({"counter": "counter.wasm"}) as h:
        assert h.call("counter/a", b"add 5") == b"5"
        h.restart()                                      # all instances and the process are lost; state is not
        assert h.call("counter/a", b"get") == b"5"
        h.advance("1s")                                  # timers fire, retries run

Deterministic: the same calls give the same commits. Time begins at NOON and moves only by `advance`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from radon.abi import exchange as x
from radon.abi.delivery import NOWHERE, Address
from radon.abi.errors import ErrorCode, NotFound, Refused
from radon.abi.frames import FrameType, decode_all, encode_all, seal
from radon.abi.records import Died
from radon.atoms.grants import GrantTable
from radon.atoms.units import parse_duration
from radon.host.domain import Domain, Make, Settings, Status
from radon.host.domains import default
from radon.host.image import Image
from radon.host.kind import Kind
from radon.host.loader import Module, load, load_file
from radon.host.lookup import restored
from radon.host.placement import place, spread

NOON = 1_767_268_800_000_000_000
"""2026-01-01T12:00:00Z in ns since 1970."""

Guest = Kind | bytes | str | Path


def kind(name: str, guest: Guest, grants: Sequence[str] = (), **fields: Any) -> Kind:
    """A kind from a module (bytes, WAT text in bytes, or a file); `fields` are those of `radon.host.kind.Kind`."""
    if isinstance(guest, Kind):
        return guest
    module = _loaded(guest, name) if isinstance(guest, bytes) else load_file(Path(guest))
    return Kind(name, module, GrantTable(name, grants), **fields)


@lru_cache(maxsize=64)
def _loaded(guest: bytes, name: str) -> Module:
    """A module is checked once, however many harnesses have it: most tests of a file have the same ones."""
    return load(guest, name)


class Harness:
    """One domain, or several. `kinds`: name -> module, or a Kind made by `kind` where it needs grants, limits or links.

    `make` gives a domain, and another one after each `restart`; None: the one that RADON_DOMAIN names. `domains`: how
    many the atoms are spread over; what they send to each other arrives when the sender's commit was taken.
    """

    def __init__(
        self, kinds: Mapping[str, Guest], *, settings: Settings = Settings(), endpoints: Sequence[str] = (),  # noqa: B008
        make: Make | None = None, domains: int = 1,
    ) -> None:  # fmt: skip
        self.kinds = {name: kind(name, guest) for name, guest in kinds.items()}
        self._settings = settings
        self._endpoints = tuple(endpoints)
        self._make = make or default()
        self._token = 0
        self._snapshots: list[bytes | None] = [None] * domains
        self._tails: list[list[bytes]] = [[] for _ in range(domains)]
        self.now = NOON
        self.outputs: list[Any] = []  # everything that left: replies, sent, published, logged, counted
        self.commits: list[list[Any]] = []  # the durable records of each commit
        self.domains = [self._make(settings) for _ in range(domains)]
        for number, domain in enumerate(self.domains):
            domain.setup(number, b"seed".ljust(32, b"."), b"secret".ljust(32, b"."), domains)
            domain.deploy("harness", self.kinds, self._endpoints)
        self._collect()

    @property
    def domain(self) -> Domain:
        """The first one; all there is, mostly."""
        return self.domains[0]

    # ---- messages ----

    def call(self, to: str, body: bytes = b"", **fields: Any) -> bytes:
        """Deliver a request, run until idle, return the answer. Raises the Refused that it was answered with.

        `fields` are those of `exchange.Post`: metadata, once, pair, deadline. AssertionError if no answer has come.
        """
        token = self.post(to, body, **fields)
        answer = self.answer(token)
        assert answer is not None, f"{to} has not answered yet; advance() time, or look at logs()"
        return answer

    def post(self, to: str, body: bytes = b"", *, wants: bool = True, run: bool = True, **fields: Any) -> int:
        """Deliver a message from outside; its token, for `answer`."""
        self._token += 1
        post = x.Post(
            self._token, fields.pop("deadline", 0), int(wants), Address.parse(to), fields.pop("sender", NOWHERE),
            fields.pop("pair", ""), fields.pop("once", ""), tuple(fields.pop("metadata", ())), body,
        )  # fmt: skip
        assert not fields, f"no such fields: {', '.join(fields)}"
        self.submit(post)
        if run:
            self.run()
        return self._token

    def send(self, to: str, body: bytes = b"", **fields: Any) -> None:
        """Deliver a message that wants no answer, and run until idle."""
        self.post(to, body, wants=False, **fields)

    def answer(self, token: int) -> bytes | None:
        """What the message with this token was answered, or None so far. Raises Refused."""
        reply = self.reply(token)
        if reply is not None and reply.code:
            text = dict(reply.metadata).get("radon.error", b"").decode()
            raise Refused.of(ErrorCode(reply.code - 1), text or f"answered {ErrorCode(reply.code - 1).label}")
        return reply.body if reply is not None else None

    def reply(self, token: int) -> x.Reply | None:
        """As `answer`, with its metadata and code."""
        return next((o for o in self.outputs if isinstance(o, x.Reply) and o.token == token), None)

    def submit(self, *inputs: Any) -> None:
        """Input records as they are, for what has no method here."""
        for domain, own in zip(self.domains, spread(inputs, self.domain.resolve, len(self.domains)), strict=True):
            domain.submit(encode_all([x.Now(self.now), *own]))

    # ---- time and turns ----

    def run(self, max_turns: int = 10_000) -> None:
        """Run until idle. AssertionError after `max_turns`: atoms that never come to rest."""
        under_way = True
        while under_way:
            status = [domain.run(max_turns) for domain in self.domains]
            under_way = self._collect()
            assert Status.BUSY not in status, f"still busy after {max_turns} turns"

    def step(self) -> None:
        """Run one turn, in each domain."""
        for domain in self.domains:
            domain.run(1)
        self._collect()

    def advance(self, by: str | int, max_stops: int = 100_000) -> None:
        """Let time pass ("1s", or ns), stopping at every instant at which something falls due.

        AssertionError after `max_stops`: something falls due again and again, as a timer that is always set anew.
        """
        begin = self.now
        end = begin + (parse_duration(by) if isinstance(by, str) else by)
        for _ in range(max_stops):
            due = self._next_due()
            self.now = end if due is None or due > end else max(due, self.now)
            self.submit()
            self.run()
            if self.now == end and ((due := self._next_due()) is None or due > end):
                return
        raise AssertionError(f"something still falls due after {max_stops} stops in {self.now - begin} ns")

    # ---- loss ----

    def restart(self, *, snapshot: bool = False) -> None:
        """Lose the process: a new domain from the commits so far, or (`snapshot`) from a snapshot of now."""
        if snapshot:
            self._snapshots = [domain.snapshot() for domain in self.domains]
            self._tails = [[] for _ in self.domains]
        self.close()
        self.domains = [self._make(self._settings) for _ in self.domains]
        for domain, stored, tail in zip(self.domains, self._snapshots, self._tails, strict=True):
            domain.restore(stored, tail)
            domain.deploy("harness", self.kinds, self._endpoints)
        self.submit()
        self.run()

    def forget(self) -> None:
        """Drop every instance, as passivation does; state stays."""
        self.submit(x.Barrier())
        self.run()

    def deploy(self, kinds: Mapping[str, Guest]) -> None:
        """Replace the modules between two turns."""
        self.kinds = {name: kind(name, guest) for name, guest in kinds.items()}
        for domain in self.domains:
            domain.deploy("harness again", self.kinds, self._endpoints)
        self._collect()

    # ---- looking ----

    def state(self, atom: str) -> dict[str, dict[bytes, bytes]]:
        """The durable entries of an atom, by bucket. Raises NotFound if it does not live."""
        buckets: dict[str, dict[bytes, bytes]] = {}
        for put in self._home(atom).entries(Address.parse(atom)):
            buckets.setdefault(put.bucket, {})[put.key] = put.value
        return buckets

    def lives(self, atom: str) -> bool:
        try:
            self._home(atom).entries(Address.parse(atom))
        except NotFound:
            return False
        return True

    def logs(self) -> list[str]:
        """What was logged so far, in order, without levels."""
        return [o.text for o in self.outputs if isinstance(o, x.Logged)]

    def sent(self) -> list[tuple[str, bytes]]:
        """What left for connections and endpoints: address and body."""
        return [(o.to.text, o.delivery.body) for o in self.outputs if isinstance(o, x.Sent)]

    def dead(self) -> list[Died]:
        """The dead letters, oldest first."""
        letters = [letter for domain in self.domains for letter in domain.dead_letters()]
        return sorted(letters, key=lambda letter: letter.delivery.id)

    def image(self) -> Image:
        """All that is durable, decoded: neither casts nor volatile atoms nor listeners. As long as the state is.

        Of the first domain.
        """
        return restored(self.domain.snapshot())

    def close(self) -> None:
        for domain in self.domains:
            domain.close()

    def __enter__(self) -> Harness:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _home(self, atom: str) -> Domain:
        return self.domains[place(Address.parse(atom), self.domain.resolve, len(self.domains))]

    def _next_due(self) -> int | None:
        return min((due for domain in self.domains if (due := domain.next_due()) is not None), default=None)

    def _collect(self) -> bool:
        """Take a commit of each domain. True: something is on its way to another one."""
        crossings: list[tuple[int, Any]] = []
        for number, domain in enumerate(self.domains):
            commit = domain.take_commit()
            if commit.durable:
                self._tails[number].append(seal(FrameType.LOG, commit.durable))
                self.commits.append(decode_all(commit.durable))
            for output in decode_all(commit.outgoing) + decode_all(commit.volatile):
                if isinstance(output, x.Crossing):
                    crossings.append((output.domain, x.Crossed(number, output.first, output.crossings)))
                elif isinstance(output, x.Heard):
                    crossings.append((output.domain, x.Acknowledged(number, output.number)))
                else:
                    self.outputs.append(output)
        for to, record in crossings:
            self.domains[to].submit(encode_all([x.Now(self.now), record]))
        return bool(crossings)
