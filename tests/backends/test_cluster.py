"""One member of a cluster, event by event: when it takes a domain, when it lets go of it, and what it may say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from radon.abi import exchange as x
from radon.abi import peers as p
from radon.abi.delivery import NOWHERE, Address
from radon.abi.frames import encode, encode_all
from radon.backends.cluster import events as e
from radon.backends.cluster.channels import CREDIT, PIECE, Channel, pieces
from radon.backends.cluster.holding import REMEMBERED, Numbers
from radon.backends.cluster.member import Member
from radon.backends.cluster.membership import View

TIMING = e.Timing()
SECOND = 1000 * e.MILLISECOND
REPLY = x.Reply(7, 0, (), b"yes")
POST = encode(x.Post(7, 0, 1, Address("a", "1"), NOWHERE, "", "", (), b"?"))


def alive(*hosts: str, leaving: tuple[str, ...] = ()) -> list[e.Alive]:
    return [e.Alive(f"{host}/1.0", host in leaving) for host in hosts]


def mail(size: int = 10) -> bytes:
    return encode_all([x.Now(0)] * (size // 9 + 1))


class At:
    """A member, its clock, and what it wants."""

    def __init__(self, host: str = "h1", domains: int = 1) -> None:
        self.now = SECOND
        self.member = Member(host, "1", domains, TIMING)

    def wants(self, kind: type[Any] | None = None) -> list[Any]:
        return [action for action in self.member.take_actions() if kind is None or isinstance(action, kind)]

    def after(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        self.member.wake(self.now)

    def renewed(self, *members: e.Alive) -> None:
        self.now += 10
        self.member.renewed(self.now, self.member.member, self.now - 5, members)

    def opened(self, epoch: int = 1) -> At:
        """It has domain 0."""
        self.renewed(*alive(self.member.host))
        self.member.found(self.now, 0, epoch - 1, self.member.member)
        self.member.opened(self.now, 0, epoch, self.member.member)
        self.member.take_actions()
        assert self.member.owned == [0]
        return self


def other_home(host: str = "h1") -> str:
    """A host to which domain 0 would move."""
    return next(name for name in (f"x{n}" for n in range(100)) if home(host, name) == name)


def home(*hosts: str) -> str | None:
    view = View()
    view.update(1, alive(*hosts))
    return view.home(0)


# ---- taking a domain ----


def test_a_domain_that_nobody_had_is_opened_at_once() -> None:
    at = At()
    at.member.wake(at.now)
    assert at.wants(e.Renew) == [e.Renew("h1/1.0", False)]
    at.renewed(*alive("h1"))
    assert at.wants() == [e.Look(0)]
    at.member.found(at.now, 0, 0, "")
    assert at.wants() == [e.Open(0, 0, "h1/1.0")]


def looked(epoch: int, owner: str) -> At:
    at = At()
    at.member.wake(at.now)
    at.renewed(*alive("h1"))
    at.wants()
    at.now += 1
    at.member.found(at.now, 0, epoch, owner)
    return at


def test_an_owner_that_was_not_alive_before_may_be_now_so_the_registry_is_asked_again() -> None:
    at = looked(3, "h2/1.0")
    assert at.wants() == [e.Renew("h1/1.0", False)]
    at.renewed(*alive("h1"))
    assert at.wants(e.Open) == [e.Open(0, 3, "h1/1.0")]


def test_a_domain_of_an_owner_that_is_alive_is_left_to_it() -> None:
    at = looked(3, "x/1.0")
    at.renewed(*alive("h1"), e.Alive("x/1.0", leaving=True))
    assert at.wants(e.Open) == []
    at.after(0.5)
    assert at.wants(e.Look) == [e.Look(0)]


def test_what_its_own_lease_has_it_opens_again() -> None:
    assert looked(3, "h1/1.0").wants(e.Open) == [e.Open(0, 3, "h1/1.0")]


def test_what_an_earlier_lease_of_the_same_host_has_it_must_wait_for() -> None:
    assert looked(3, "h1/0.9").wants(e.Open) == []


def test_nothing_is_opened_without_a_lease() -> None:
    at = At()
    at.member.found(at.now, 0, 0, "")
    at.after(0.1)
    assert at.wants(e.Look) == []


def test_an_answer_that_comes_after_the_lease_is_of_no_use() -> None:
    at = looked(0, "")
    at.wants()
    at.after(5)
    at.member.opened(at.now, 0, 1, "h1/1.0")
    assert e.Drop(0) in at.wants()
    assert at.member.owned == []


# ---- letting it go ----


def test_a_lease_is_renewed_in_good_time_and_ends_a_margin_before_the_registry_ends_it() -> None:
    at = At().opened()
    at.after(1.1)
    assert at.wants(e.Renew) == [e.Renew("h1/1.0", False)]
    at.after(1.5)
    assert e.Drop(0) not in at.wants()
    at.after(0.2)
    wanted = at.wants()
    assert e.Drop(0) in wanted
    assert e.Renew("h1/1.1", False) in wanted, "the name of a lease that has ended is spent"


def test_nothing_leaves_once_the_lease_may_have_ended() -> None:
    at = At().opened()
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 1, 7, POST))
    at.now += 3 * SECOND
    assert at.member.left(at.now, 0, 1, [REPLY]) is False
    wanted = at.wants()
    assert not [action for action in wanted if isinstance(action, e.Say)]
    assert e.Drop(0) in wanted


def test_nothing_leaves_in_an_epoch_that_is_over() -> None:
    at = At().opened(epoch=2)
    assert at.member.left(at.now, 0, 1, [REPLY]) is False
    assert at.wants() == []


def test_a_lease_that_the_registry_has_ended_is_over_at_once() -> None:
    at = At().opened()
    at.member.lapsed(at.now)
    assert at.wants() == [e.Drop(0), e.Renew("h1/1.1", False)]


# ---- handing over ----


def handing_over(to: str) -> At:
    at = At().opened()
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 1, 7, POST))
    at.wants()
    at.renewed(*alive("h1", to))
    assert at.wants(e.Close) == [e.Close(0)]
    return at


def test_a_domain_goes_where_it_belongs_with_whoever_waits_for_it() -> None:
    to = other_home()
    at = handing_over(to)
    at.member.closed(at.now, 0)
    handed = p.HandedOver(0, 1, encode(p.Waiting(7, "h2/1")))
    assert at.wants(e.Say) == [e.Say(to, handed)]
    at.after(0.1)
    assert e.Say(to, handed) in at.wants(), "it may have been lost"
    at.member.heard(at.now, f"{to}/1", p.Owned(0, 2, 1, f"{to}/1.0"))
    at.after(0.1)
    assert at.wants(e.Say) == []


def test_who_is_handed_a_domain_opens_it_and_answers_those_who_wait() -> None:
    at = At()
    at.renewed(*alive("h1", "h2"))
    at.wants()
    at.member.heard(at.now, "h2/1", p.HandedOver(0, 1, encode(p.Waiting(7, "h3/1"))))
    assert at.wants(e.Open) == [e.Open(0, 1, "h1/1.0")]
    at.member.opened(at.now, 0, 2, "h1/1.0")
    assert e.Say("h2", p.Owned(0, 2, 1, "h1/1.0")) in at.wants()
    at.member.left(at.now, 0, 2, [REPLY])
    assert at.wants() == [e.Say("h3", p.Returned(7, encode(REPLY)))]


def test_what_is_handed_over_twice_is_opened_once() -> None:
    at = At()
    at.renewed(*alive("h1", "h2"))
    for _ in range(3):
        at.member.heard(at.now, "h2/1", p.HandedOver(0, 1, b""))
    at.member.failed(at.now, 0)
    at.member.heard(at.now, "h2/1", p.HandedOver(0, 1, b""))
    assert at.wants(e.Open) == [e.Open(0, 1, "h1/1.0")], "the answer may be lost: the log has to be asked"


def test_who_put_it_down_takes_it_up_again_when_the_other_has_gone() -> None:
    at = handing_over(other_home())
    at.member.closed(at.now, 0)
    at.renewed(*alive("h1"))
    assert at.wants(e.Open) == [e.Open(0, 1, "h1/1.0")]


def test_a_host_leaves_when_nothing_is_left_there() -> None:
    to = other_home()
    at = At().opened()
    at.member.leave(at.now)
    assert at.wants() == [e.Renew("h1/1.0", True)]
    at.renewed(*alive("h1", to, leaving=("h1",)))
    assert e.Close(0) in at.wants()
    assert not at.member.has_left()
    at.member.closed(at.now, 0)
    assert not at.member.has_left()
    at.member.heard(at.now, f"{to}/1", p.Owned(0, 2, 1, f"{to}/1.0"))
    at.wants()
    assert at.member.has_left()
    assert at.wants() == [e.Release("h1/1.0")]


def test_the_last_host_leaves_too() -> None:
    at = At().opened()
    at.member.leave(at.now)
    at.renewed(*alive("h1", leaving=("h1",)))
    assert e.Close(0) in at.wants()
    at.member.closed(at.now, 0)
    at.after(0.1)
    assert at.member.has_left()


# ---- messages from outside ----


def test_a_question_is_taken_once_for_its_epoch_and_number() -> None:
    at = At().opened(epoch=2)
    for _ in range(2):
        at.member.heard(at.now, "h2/1", p.Posted(0, 2, 1, 7, POST))
    assert len(at.wants(e.Input)) == 1
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 2, 8, POST))
    assert at.wants() == [e.Say("h2", p.Owned(0, 2, 0, "h1/1.0"))], "of another epoch: told where it is now"


def test_a_question_that_comes_too_late_is_told_to_be_asked_elsewhere() -> None:
    at = handing_over(other_home())
    at.member.heard(at.now, "h3/1", p.Posted(0, 1, 5, 9, POST))
    assert at.wants() == [e.Say("h3", p.NotTaken(5, 9))]
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 1, 7, POST))
    assert at.wants() == [], "this one was taken"


def asking(*, again: bool) -> At:
    at = At()
    at.member.heard(at.now, "h2/1", p.Owned(0, 1, 0, "h2/1.0"))
    at.member.ask(at.now, 0, 7, POST, again=again)
    assert at.wants(e.Say) == [e.Say("h2", p.Posted(0, 1, 1, 7, POST))]
    return at


def test_an_answer_reaches_who_asked_once() -> None:
    at = asking(again=False)
    for _ in range(2):
        at.member.heard(at.now, "h2/1", p.Returned(7, encode(REPLY)))
    assert at.wants() == [e.Tell(7, REPLY)]


def test_what_has_a_dedup_key_is_asked_again_of_whoever_has_the_domain() -> None:
    at = asking(again=True)
    at.after(0.5)
    assert e.Say("h2", p.Posted(0, 1, 2, 7, POST)) in at.wants()
    at.member.heard(at.now, "h3/1", p.Owned(0, 2, 0, "h3/1.0"))
    assert e.Say("h3", p.Posted(0, 2, 3, 7, POST)) in at.wants()


def test_what_has_none_is_asked_once_and_nobody_knows_when_its_owner_was_lost() -> None:
    at = asking(again=False)
    at.after(2)
    assert at.wants(e.Say) == []
    at.member.heard(at.now, "h3/1", p.Owned(0, 2, 0, "h3/1.0"))
    assert at.wants() == [e.Tell(7, None)]


def test_a_hand_over_loses_no_question() -> None:
    at = asking(again=False)
    at.member.heard(at.now, "h3/1", p.Owned(0, 2, 1, "h3/1.0"))
    assert at.wants() == []
    at.member.heard(at.now, "h3/1", p.Returned(7, encode(REPLY)))
    assert at.wants() == [e.Tell(7, REPLY)]


def test_what_was_not_taken_is_asked_of_the_next_owner() -> None:
    at = asking(again=False)
    at.member.heard(at.now, "h2/1", p.NotTaken(1, 7))
    at.member.heard(at.now, "h3/1", p.Owned(0, 2, 1, "h3/1.0"))
    assert e.Say("h3", p.Posted(0, 2, 2, 7, POST)) in at.wants()


# ---- between domains ----


def test_numbers_are_seen_once_in_any_order() -> None:
    numbers = Numbers()
    assert [numbers.take(number) for number in (5, 3, 5, 4, 3)] == [True, True, False, True, False]
    for number in range(10, 10 + 3 * REMEMBERED):
        assert numbers.take(number)
    assert not numbers.take(6), "so old that nobody knows"


def test_a_body_goes_in_pieces_between_its_records() -> None:
    body = mail(3 * PIECE)
    found = list(pieces(10, body))
    assert b"".join(frame.crossings for frame in found) == body
    assert found[0].first == 10
    assert [frame.first for frame in found[1:]] == [frame.last + 1 for frame in found[:-1]]
    assert found[-1].last == 10 + len(body) // 9 - 1
    assert max(len(frame.crossings) for frame in found) < 2 * PIECE


def test_a_channel_says_what_there_is_credit_for_and_again_what_is_not_confirmed() -> None:
    channel = Channel(TIMING)
    channel.add(1, mail(2 * CREDIT))
    first = channel.due(0)
    assert CREDIT // 2 < sum(len(frame.crossings) for frame in first) <= CREDIT
    assert channel.due(1) == []
    assert channel.due(TIMING.patience) == first
    channel.confirm(first[-1].last)
    rest = channel.due(TIMING.patience + 1)
    assert rest[0].first == first[-1].last + 1


def test_what_is_said_again_is_not_said_twice_as_often() -> None:
    channel = Channel(TIMING)
    channel.add(1, mail())
    said = [now for now in range(0, 20 * SECOND, TIMING.tick) if channel.due(now)]
    pauses = [after - before for before, after in pairwise(said)]
    assert pauses[:3] == [TIMING.patience, 2 * TIMING.patience, 4 * TIMING.patience]
    assert max(pauses) <= TIMING.longest


def test_a_channel_keeps_what_left_once() -> None:
    channel = Channel(TIMING)
    channel.add(1, mail(27))
    channel.add(1, mail(27))
    assert len(channel.due(0)) == 1
    channel.confirm(99)
    channel.hurry()
    assert channel.due(SECOND) == []


@pytest.mark.parametrize("hosts", [("h1", "h2", "h3"), ("a", "b")])
def test_who_goes_moves_only_what_it_had(hosts: tuple[str, ...]) -> None:
    def homes(*present: str) -> list[str | None]:
        view = View()
        view.update(1, alive(*present))
        return [view.home(domain) for domain in range(200)]

    before, after = homes(*hosts), homes(*hosts[1:])
    moved = [old for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {hosts[0]}
    assert min(before.count(host) for host in hosts) > 200 // len(hosts) // 2
