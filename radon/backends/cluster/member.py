"""One host's part in a cluster. What holds, and why, stands at the top of this package.

    the driver calls an event's method -> `take_actions` says what is wanted -> the driver calls with what came of it

Every method takes `now`, ns of a monotonic clock of the host, and none blocks or raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from radon.abi import exchange as x
from radon.abi import peers as p
from radon.abi.frames import FrameError, decode_only, encode, encode_all
from radon.backends.cluster import events as e
from radon.backends.cluster.events import host_of
from radon.backends.cluster.holding import Holding, Stage
from radon.backends.cluster.membership import Lease, View
from radon.backends.cluster.questions import Question, Questions


class Member:
    """`host` names it for ever, `boot` this process of it: no two have the same. `domains`: of the application."""

    def __init__(self, host: str, boot: str, domains: int, timing: e.Timing) -> None:
        self.host, self._timing = host, timing
        self._process = f"{host}/{boot}"
        self._leases = 0  # that have ended
        self.member = self._name()
        self.leaving = self._has_gone = False
        self.lease, self.view = Lease(timing), View()
        self._holdings = [Holding(domain, timing) for domain in range(domains)]
        self._owners: dict[int, p.Owned] = {}  # the newest that was heard of each domain
        self._questions = Questions(timing)
        self._actions: list[e.Action] = []
        self._hear: dict[type, Callable[[int, str, Any], None]] = {
            p.Owned: self._hear_owned, p.Carried: self._hear_carried, p.Confirmed: self._hear_confirmed,
            p.HandedOver: self._hear_handed_over, p.Posted: self._hear_posted, p.NotTaken: self._hear_not_taken,
            p.Returned: self._hear_returned,
        }  # fmt: skip

    def take_actions(self) -> list[e.Action]:
        """What is wanted since the last time, in this order."""
        actions, self._actions = self._actions, []
        return actions

    @property
    def owned(self) -> list[int]:
        """The domains that run here."""
        return [holding.domain for holding in self._holdings if holding.stage is Stage.OPEN]

    # ---- time, and the lease ----

    def wake(self, now: int) -> None:
        """A tick has passed."""
        if any(holding.stage is not Stage.AWAY for holding in self._holdings) and not self.lease.holds(now):
            self.lapsed(now)
        if self.lease.is_due(now):
            self._renew(now)
        for holding in self._holdings:
            self._settle(holding, now)
        for question in self._questions:
            self._pursue(question, now)

    def renewed(self, now: int, member: str, asked_at: int, alive: Iterable[e.Alive]) -> None:
        """The registry has renewed the lease of `member`, which was asked for at `asked_at`; who has one now."""
        if member != self.member or self._has_gone:
            return
        self.lease.renewed(asked_at)
        self.view.update(asked_at, alive)
        for holding in self._holdings:
            if holding.stage is Stage.OPEN:
                self._announce(holding)
            self._settle(holding, now)

    def lapsed(self, now: int) -> None:
        """The lease has ended, or may have: another owner may speak for what runs here."""
        self._leases += 1
        self.member = self._name()
        self.lease.end()
        for holding in self._holdings:
            self._let_go(holding, now)
        self._renew(now)

    def leave(self, now: int) -> None:
        """Hand over everything, then end the lease; `has_left` tells when that is done."""
        self.leaving = True
        self._renew(now)

    def has_left(self) -> bool:
        """Nothing is here any more: the driver may carry out what is still wanted and stop."""
        if not self.leaving or any(held.stage is not Stage.AWAY or held.is_borne for held in self._holdings):
            return False
        self._has_gone = True
        self.lease.end()  # an answer that is still under way must not begin it again
        self._actions.append(e.Release(self.member))
        return True

    def _name(self) -> str:
        return f"{self._process}.{self._leases}"

    def _renew(self, now: int) -> None:
        self.lease.ask(now)
        self._actions.append(e.Renew(self.member, self.leaving))

    # ---- who has a domain ----

    def _settle(self, holding: Holding, now: int) -> None:
        """Bring the domain to where it belongs, one step."""
        if not self.lease.holds(now):
            return
        home = self.view.home(holding.domain)
        wanted = home == self.host or holding.is_borne
        match holding.stage:
            case Stage.AWAY if wanted and now - holding.since >= self._timing.patience:
                holding.enter(Stage.LOOKING, now)
                holding.found = None
                self._actions.append(e.Look(holding.domain))
            case Stage.LOOKING if wanted:
                self._try_to_open(holding, now)
            case Stage.LOOKING:
                holding.leave(now)
            case Stage.OPEN:
                self._put_in(holding, holding.neighbours.all_known())
                self._carry(holding.neighbours.all_due(now), now)
                if now - holding.resent >= self._timing.longest:
                    self._call_again(holding, now)
                if home != self.host and self.view.asked_at > holding.since:
                    holding.enter(Stage.CLOSING, now)
                    self._actions.append(e.Close(holding.domain))
            case Stage.PUT_DOWN if home is None:  # all leave
                holding.is_borne = False
                holding.leave(now)
            case Stage.PUT_DOWN if home == self.host:
                self._open(holding, holding.epoch, now)  # whoever was to have it is gone
            case Stage.PUT_DOWN:
                self._hand_over(holding)

    def found(self, now: int, domain: int, epoch: int, owner: str) -> None:
        """The log's newest epoch of the domain (0: none yet), and who opened it."""
        holding = self._holdings[domain]
        if holding.stage is Stage.LOOKING:
            holding.found = (epoch, owner, now)
            self._try_to_open(holding, now)

    def _try_to_open(self, holding: Holding, now: int) -> None:
        """If its owner has put it down, or has no lease any more; else look again later."""
        if holding.found is None:
            if now - holding.since >= self._timing.patience:
                holding.leave(now)
            return
        epoch, owner, asked_at = holding.found
        # An attempt to open it that nobody answered may be on its way still, and succeed as long as this epoch lasts.
        holding.is_borne = owner == self.member or (holding.is_borne and epoch <= holding.tried)
        if holding.is_borne or not epoch or holding.handed == epoch or self.view.ended_before(owner, asked_at):
            self._open(holding, epoch, now)
        elif self.view.asked_at > asked_at:
            holding.leave(now)
        elif self.lease.asked_at <= asked_at:
            self._renew(now)

    def _open(self, holding: Holding, after: int, now: int) -> None:
        if not holding.handed or holding.handed != after:
            holding.inherited = {}
        if holding.stage is Stage.PUT_DOWN:  # by itself
            holding.handed, holding.inherited = after, holding.waiting
        holding.is_borne, holding.tried = True, after
        holding.enter(Stage.OPENING, now)
        self._actions.append(e.Open(holding.domain, after, self.member))

    def opened(self, now: int, domain: int, epoch: int, member: str) -> None:
        """It runs here, under this epoch."""
        holding = self._holdings[domain]
        if holding.stage is not Stage.OPENING or member != self.member:
            self._actions.append(e.Drop(domain))
            return
        calm = int(holding.handed == epoch - 1 > 0)
        holding.begin(epoch, now)
        self._owners[domain] = p.Owned(domain, epoch, calm, self.member)
        self._announce(holding)
        self._call_again(holding, now)
        self._hurry(domain, now)

    def failed(self, now: int, domain: int) -> None:
        """It could not be opened, or its log failed, or takes no more of its commits: it does not run here."""
        holding = self._holdings[domain]
        if holding.stage in (Stage.OPENING, Stage.OPEN, Stage.CLOSING):
            holding.leave(now)

    def closed(self, now: int, domain: int) -> None:
        """All that it did is durable, and has left."""
        holding = self._holdings[domain]
        if holding.stage is Stage.CLOSING:
            holding.enter(Stage.PUT_DOWN, now)
            self._hand_over(holding)

    def _hand_over(self, holding: Holding) -> None:
        if (home := self.view.home(holding.domain)) is not None:
            waiting = [p.Waiting(token, asker) for token, asker in holding.waiting.items()]
            self._say(home, p.HandedOver(holding.domain, holding.epoch, encode_all(waiting)))

    def _hear_handed_over(self, now: int, speaker: str, message: p.HandedOver) -> None:
        holding = self._holdings[message.domain]
        inherited = {waiting.token: waiting.asker for waiting in decode_only(message.waiting, p.Waiting)}
        if message.epoch > holding.epoch and holding.stage is Stage.OPEN:
            self._let_go(holding, now)  # somebody had it after this host
        away = holding.stage in (Stage.AWAY, Stage.LOOKING)
        if away and message.epoch > holding.tried and self.lease.holds(now):
            holding.handed = message.epoch
            holding.inherited = inherited
            self._open(holding, message.epoch, now)
        else:
            self._has(message.domain, speaker, always=True)

    def _let_go(self, holding: Holding, now: int) -> None:
        """At once: somebody else has it, or may have it."""
        if holding.stage not in (Stage.AWAY, Stage.LOOKING, Stage.PUT_DOWN):
            self._actions.append(e.Drop(holding.domain))
        holding.is_borne = False
        holding.leave(now)

    def _announce(self, holding: Holding) -> None:
        for one in self.view.members.values():
            self._say(one.host, self._owners[holding.domain])

    def _hear_owned(self, now: int, speaker: str, message: p.Owned) -> None:
        known = self._owners.get(message.domain)
        if known is not None and known.epoch >= message.epoch:
            return
        self._owners[message.domain] = message
        holding = self._holdings[message.domain]
        if message.epoch > holding.epoch and holding.stage in (Stage.OPEN, Stage.CLOSING, Stage.PUT_DOWN):
            self._let_go(holding, now)
        self._hurry(message.domain, now)
        for question in self._questions:
            if question.domain == message.domain:
                self._pursue(question, now)

    # ---- between domains ----

    def left(self, now: int, domain: int, epoch: int, outputs: Iterable[Any]) -> bool:
        """What a domain that was opened under this epoch lets leave, now that its commit is durable. Does it?"""
        holding = self._holdings[domain]
        if holding.stage not in (Stage.OPEN, Stage.CLOSING) or holding.epoch != epoch:
            return False
        if not self.lease.holds(now):
            self.lapsed(now)
            return False
        for output in outputs:
            match output:
                case x.Reply() | x.Accepted():
                    self._answer(holding, output)
                case x.Crossing(first=0):
                    self._to_owner(now, output.domain, p.Carried(output.domain, domain, 0, output.crossings))
                case x.Crossing():
                    self._carry(holding.neighbours.leaves(output, now), now)
                case x.Heard():
                    self._put_in(holding, holding.neighbours.heard(output))
                    self._to_owner(now, output.domain, p.Confirmed(output.domain, domain, output.number))
                case _:
                    self._actions.append(e.Outside(domain, output))
        return True

    def _carry(self, messages: Iterable[p.Carried], now: int) -> None:
        for message in messages:
            self._to_owner(now, message.to, message)

    def _put_in(self, holding: Holding, records: Iterable[Any]) -> None:
        self._actions += [e.Input(holding.domain, record) for record in records]

    def _call_again(self, holding: Holding, now: int) -> None:
        """What is in no channel leaves the domain again: all, when it was opened; and what a channel does not keep."""
        holding.resent = now
        others = [other.domain for other in self._holdings if other is not holding]
        self._put_in(holding, [x.Resend(to) for to in others if holding.neighbours.is_silent(to)])

    def _hurry(self, to: int, now: int) -> None:
        """This domain has a new owner."""
        for holding in self._holdings:
            if holding.stage is Stage.OPEN:
                self._carry(holding.neighbours.hurry(to, now), now)

    def _hear_carried(self, now: int, speaker: str, message: p.Carried) -> None:
        holding = self._holdings[message.to]
        if self._has(message.to, speaker):
            self._put_in(holding, holding.neighbours.arrived(message))

    def _hear_confirmed(self, now: int, speaker: str, message: p.Confirmed) -> None:
        holding = self._holdings[message.to]
        if self._has(message.to, speaker):
            known, following = holding.neighbours.confirmed(message, now)
            self._put_in(holding, known)
            self._carry(following, now)

    def _has(self, domain: int, speaker: str, *, always: bool = False) -> bool:
        """Is it open here? If not, or `always`, the speaker is told who has it."""
        is_open = self._holdings[domain].stage is Stage.OPEN
        if domain in self._owners and speaker != self._process and (always or not is_open):
            self._say(host_of(speaker), self._owners[domain])
        return is_open

    # ---- messages from outside ----

    def ask(self, now: int, domain: int, token: int, post: bytes, *, again: bool) -> None:
        """An encoded Post for a domain, whose token nobody has used before. It is answered by Tell, or never.

        `again`: it has a dedup key, so that it may be said until it is answered.
        """
        self._pursue(self._questions.add(domain, token, post, again=again), now)

    def forget(self, token: int) -> None:
        """Nobody waits for this answer any more."""
        self._questions.forget(token)

    def _pursue(self, question: Question, now: int) -> None:
        owner = self._owners.get(question.domain)
        if owner is None:
            return
        if self._questions.is_lost(question, owner.epoch, calm=bool(owner.calm)):
            self._tell(question.token, None)
        elif self._questions.is_due(question, owner.epoch, now):
            self._questions.say(question, owner.epoch, now)
            asked = p.Posted(question.domain, question.said_in, question.number, question.token, question.post)
            self._to_owner(now, question.domain, asked)

    def _hear_posted(self, now: int, speaker: str, message: p.Posted) -> None:
        holding = self._holdings[message.domain]
        posts = decode_only(message.post, x.Post)
        is_other = holding.epoch != message.epoch
        if is_other or holding.stage is not Stage.OPEN:
            self._has(message.domain, speaker, always=is_other)
            if not is_other and not holding.has_taken(speaker, message.number):
                self._back(now, speaker, p.NotTaken(message.number, message.token))
        elif holding.take(speaker, message.number):
            holding.waiting[message.token] = speaker
            self._actions += [e.Input(message.domain, post) for post in posts]
        if holding.stage is Stage.OPEN and message.token not in holding.waiting:
            self._back(now, speaker, p.Returned(message.token, b""))

    def _hear_not_taken(self, now: int, speaker: str, message: p.NotTaken) -> None:
        self._questions.not_taken(message.token, message.number)

    def _answer(self, holding: Holding, output: Any) -> None:
        asker = holding.waiting.pop(output.token, None)
        if asker == self._process:
            self._tell(output.token, output)
        elif asker is not None:
            self._say(host_of(asker), p.Returned(output.token, encode(output)))

    def _hear_returned(self, now: int, speaker: str, message: p.Returned) -> None:
        outputs = decode_only(message.output, x.Reply, x.Accepted)
        for output in outputs:
            self._tell(output.token, output)
        if not outputs and self._questions.is_once(message.token):
            self._tell(message.token, None)

    def _tell(self, token: int, output: Any) -> None:
        if self._questions.forget(token):
            self._actions.append(e.Tell(token, output))

    # ---- hosts ----

    def heard(self, now: int, speaker: str, message: Any) -> None:
        """What the process `speaker` of a host, HOST/..., has said: a record of peers.py, or it is ignored."""
        hear = self._hear.get(type(message))
        domains = [getattr(message, name, 0) for name in ("domain", "to", "source")]
        if hear is not None and max(domains) < len(self._holdings):
            try:
                hear(now, speaker, message)
            except FrameError:
                return  # it was damaged, and will come again

    def _say(self, host: str, message: Any) -> None:
        """To another host. What is for an earlier process of this one nobody waits for."""
        if host != self.host:
            self._actions.append(e.Say(host, message))

    def _back(self, now: int, speaker: str, message: Any) -> None:
        """To who has just said something; to itself at once."""
        if speaker == self._process:
            self._hear[type(message)](now, speaker, message)
        else:
            self._say(host_of(speaker), message)

    def _to_owner(self, now: int, domain: int, message: Any) -> None:
        """To the owner that is known, else to the one that should be; to itself at once."""
        owner = self._owners.get(domain)
        host = host_of(owner.owner) if owner is not None else self.view.home(domain)
        if host == self.host:
            self._hear[type(message)](now, self._process, message)
        elif host is not None:
            self._say(host, message)
