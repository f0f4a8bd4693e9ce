"""One member of a cluster, event by event: when it takes a domain, and when it lets go of it."""

from __future__ import annotations

import pytest

from radon.abi import peers as p
from radon.abi.frames import encode
from radon.backends.cluster import events as e
from radon.backends.cluster.membership import View
from tests.backends.cluster_member import POST, REPLY, SECOND, At, alive, handing_over, other_home

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


def test_the_name_of_a_lease_that_is_over_is_not_renewed() -> None:
    """It would keep the domain from everybody for one more lease."""
    at = At().opened()
    at.after(2.8)
    assert at.wants(e.Renew) == [e.Renew("h1/1.1", False)]


def test_an_owner_that_hears_of_a_later_one_lets_go_though_its_clock_says_otherwise() -> None:
    at = At().opened()
    at.member.heard(at.now, "h2/1", p.Owned(0, 2, 0, "h2/1.0"))
    assert at.wants(e.Drop) == [e.Drop(0)]
    assert at.member.owned == []
    at = At().opened()
    at.member.heard(at.now, "h2/1", p.HandedOver(0, 2, b""))
    assert at.wants() == [e.Drop(0), e.Open(0, 2, "h1/1.0")]


# ---- handing over ----


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


def test_an_attempt_that_succeeds_late_is_noticed_though_the_domain_belongs_elsewhere() -> None:
    """Else nobody would ever have it: this host does not want it, and its lease keeps all others from it."""
    at = looked(1, "z/1.0")
    at.renewed(*alive("h1"))
    assert at.wants(e.Open) == [e.Open(0, 1, "h1/1.0")]
    at.member.failed(at.now, 0)
    at.renewed(*alive("h1", to := other_home()))
    at.after(0.5)
    at.member.found(at.now, 0, 1, "z/1.0")
    at.after(0.1)
    at.renewed(*alive("h1", to))
    assert at.wants(e.Open) == [e.Open(0, 1, "h1/1.0")]
    at.member.failed(at.now, 0)
    at.after(0.5)
    at.member.found(at.now, 0, 2, f"{to}/1.0")
    at.after(0.5)
    assert at.wants(e.Look) == [e.Look(0)], "the other one was first: no more than this"


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


def test_who_has_left_takes_nothing_any_more() -> None:
    at = At()
    at.member.leave(at.now)
    assert at.member.has_left()
    assert at.wants() == [e.Renew("h1/1.0", True), e.Release("h1/1.0")]
    at.renewed(*alive("h1"))
    at.member.heard(at.now, "h2/1", p.HandedOver(0, 1, b""))
    assert at.wants() == []


def test_the_last_host_leaves_too() -> None:
    at = At().opened()
    at.member.leave(at.now)
    at.renewed(*alive("h1", leaving=("h1",)))
    assert e.Close(0) in at.wants()
    at.member.closed(at.now, 0)
    at.after(0.1)
    assert at.member.has_left()


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
