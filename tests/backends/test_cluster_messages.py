"""One member of a cluster, event by event: messages from outside and between domains, and what makes no sense."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from radon.abi import exchange as x
from radon.abi import peers as p
from radon.abi.frames import encode
from radon.backends.cluster import events as e
from radon.backends.cluster.arrivals import Arrivals
from radon.backends.cluster.channels import CREDIT, PIECE, Channel, Frame, pieces
from radon.backends.cluster.holding import REMEMBERED, Numbers
from tests.backends.cluster_member import POST, REPLY, SECOND, TIMING, At, alive, handing_over, mail, other_home

# ---- messages from outside ----


def test_a_question_is_taken_once_for_its_epoch_and_number() -> None:
    at = At().opened(epoch=2)
    for _ in range(2):
        at.member.heard(at.now, "h2/1", p.Posted(0, 2, 1, 7, POST))
    assert len(at.wants(e.Input)) == 1
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 2, 8, POST))
    assert at.wants() == [
        e.Say("h2", p.Owned(0, 2, 0, "h1/1.0")),
        e.Say("h2", p.Returned(8, b"")),
    ], "of another epoch: told where it is now, and that nobody knows whether it was taken"


def test_a_question_that_comes_too_late_is_told_to_be_asked_elsewhere() -> None:
    at = handing_over(other_home())
    at.member.heard(at.now, "h3/1", p.Posted(0, 1, 5, 9, POST))
    assert e.Say("h3", p.NotTaken(5, 9)) in at.wants()
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 1, 7, POST))
    assert e.Say("h2", p.NotTaken(1, 7)) not in at.wants(), "this one was taken"


def test_a_question_that_finds_the_domain_gone_is_told_so_too() -> None:
    """Its asker hears that the domain went calmly, and would wait for an answer that nobody is to give."""
    to = other_home()
    at = handing_over(to)
    at.member.closed(at.now, 0)
    at.member.heard(at.now, f"{to}/1", p.Owned(0, 2, 1, f"{to}/1.0"))
    at.wants()
    for _ in range(2):
        at.member.heard(at.now, "h3/1", p.Posted(0, 1, 5, 9, POST))
        assert at.wants() == [e.Say("h3", p.Owned(0, 2, 1, f"{to}/1.0")), e.Say("h3", p.NotTaken(5, 9))]
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 1, 7, POST))
    assert at.wants() == [e.Say("h2", p.Owned(0, 2, 1, f"{to}/1.0"))], "this one was taken, and is waited for there"


def test_a_question_whose_answer_was_lost_is_told_that_nobody_knows() -> None:
    at = At().opened()
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 1, 7, POST))
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 1, 7, POST))
    assert at.wants(e.Say) == [], "it is under way"
    at.member.left(at.now, 0, 1, [REPLY])
    at.wants()
    at.member.heard(at.now, "h2/1", p.Posted(0, 1, 1, 7, POST))
    assert at.wants() == [e.Say("h2", p.Returned(7, b""))]


def test_a_question_of_a_client_at_the_owner_survives_that_it_opens_the_domain_again() -> None:
    at = At().opened()
    at.member.failed(at.now, 0)
    at.member.ask(at.now, 0, 7, POST, again=False)
    at.after(0.5)
    assert e.Look(0) in at.wants()
    at.member.found(at.now, 0, 1, "h1/1.0")
    at.member.opened(at.now, 0, 2, "h1/1.0")
    at.after(0.1)
    assert [wanted.record.body for wanted in at.wants(e.Input) if isinstance(wanted.record, x.Post)] == [b"?"]


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


def test_what_has_none_is_taken_once_and_nobody_knows_when_its_owner_was_lost() -> None:
    at = asking(again=False)
    at.after(2)
    assert at.wants(e.Say) == [e.Say("h2", p.Posted(0, 1, 1, 7, POST))], "the same number: it is not taken twice"
    at.member.heard(at.now, "h3/1", p.Owned(0, 2, 0, "h3/1.0"))
    assert at.wants() == [e.Tell(7, None)]


def test_a_hand_over_loses_no_question() -> None:
    at = asking(again=False)
    at.member.heard(at.now, "h3/1", p.Owned(0, 2, 1, "h3/1.0"))
    assert at.wants() == []
    at.after(0.5)
    assert e.Say("h3", p.Posted(0, 1, 1, 7, POST)) in at.wants(), "of the epoch in which it may have been taken"
    at.member.heard(at.now, "h3/1", p.Returned(7, encode(REPLY)))
    assert at.wants() == [e.Tell(7, REPLY)]


@pytest.mark.parametrize("again", [False, True])
def test_whose_answer_is_gone_hears_that_or_asks_again(again: bool) -> None:
    at = asking(again=again)
    at.member.heard(at.now, "h2/1", p.Returned(7, b""))
    assert at.wants() == ([] if again else [e.Tell(7, None)])


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
    channel.confirm(first[-1].last, TIMING.patience)
    rest = channel.due(TIMING.patience + 1)
    assert rest[0].first == first[-1].last + 1


def test_what_is_said_again_is_not_said_twice_as_often() -> None:
    channel = Channel(TIMING)
    channel.add(1, mail())
    said = [now for now in range(0, 20 * SECOND, TIMING.tick) if channel.due(now)]
    pauses = [after - before for before, after in pairwise(said)]
    assert pauses[:3] == [TIMING.patience, 2 * TIMING.patience, 4 * TIMING.patience]
    assert max(pauses) <= TIMING.longest


def test_what_is_under_way_waits_anew_with_each_confirmation() -> None:
    channel = Channel(TIMING)
    for number in (1, 2):
        channel.add(number, mail(0))
    channel.due(0)
    channel.confirm(1, TIMING.patience - 1)
    assert channel.due(TIMING.patience) == []
    assert [frame.first for frame in channel.due(2 * TIMING.patience)] == [2]


def test_a_channel_keeps_what_left_once() -> None:
    channel = Channel(TIMING)
    channel.add(1, mail(27))
    channel.add(1, mail(27))
    assert len(channel.due(0)) == 1
    channel.confirm(99, 1)
    channel.hurry()
    assert channel.due(SECOND) == []


def test_what_was_confirmed_is_forgotten_in_one_commit_when_a_tick_has_passed() -> None:
    at = At(domains=2).opened()
    at.member.left(at.now, 0, 1, [x.Crossing(1, number, mail(0)) for number in (1, 2, 3)])
    for number in (1, 2):
        at.member.heard(at.now, "h2/1", p.Confirmed(0, 1, number))
    assert at.wants(e.Input) == []
    at.after(0.1)
    assert at.wants(e.Input) == [e.Input(0, x.Acknowledged(1, 2))]
    at.after(0.1)
    assert at.wants(e.Input) == []


def test_what_takes_much_room_is_forgotten_at_once() -> None:
    at = At(domains=2).opened()
    at.member.left(at.now, 0, 1, [x.Crossing(1, 1, mail(PIECE))])
    at.member.heard(at.now, "h2/1", p.Confirmed(0, 1, 99999))
    assert at.wants(e.Input) == [e.Input(0, x.Acknowledged(1, PIECE // 9 + 1))]


def test_what_left_before_it_was_opened_here_is_forgotten_too() -> None:
    at = At(domains=2).opened()
    at.member.heard(at.now, "h2/1", p.Confirmed(0, 1, 5))
    assert at.wants(e.Input) == [e.Input(0, x.Acknowledged(1, 5))]


def numbers(frames: Iterable[Frame]) -> list[int]:
    return [frame.first for frame in frames]


def test_what_comes_early_is_handed_on_when_what_it_follows_has_come() -> None:
    arrivals = Arrivals()
    assert arrivals.heard(5) == []
    assert numbers(arrivals.take(6, mail(0))) == [6]
    assert [arrivals.take(number, mail(0)) for number in (9, 8, 11, 9)] == [[]] * 4
    assert numbers(arrivals.take(7, mail(0))) == [7, 8, 9]
    assert numbers(arrivals.take(10, mail(0))) == [10, 11]
    assert numbers(arrivals.take(7, mail(0))) == [7], "it may have been confirmed, and the confirmation lost"


def test_as_long_as_nobody_knows_what_comes_next_all_is_handed_on_and_what_was_early_once_more() -> None:
    arrivals = Arrivals()
    assert [numbers(arrivals.take(number, mail(0))) for number in (8, 7, 6)] == [[8], [7], [6]]
    assert numbers(arrivals.heard(6)) == [7, 8]
    assert numbers(arrivals.take(9, mail(0))) == [9]


def test_frames_of_another_owner_may_be_cut_elsewhere() -> None:
    arrivals = Arrivals()
    arrivals.heard(0)
    for first, crossings in ((4, 3), (3, 2), (5, 1)):
        assert arrivals.take(first, mail(0) * crossings) == []
    assert numbers(arrivals.take(1, mail(0) * 2)) == [1, 3, 4]
    assert numbers(arrivals.take(7, mail(0))) == [7]


def test_casts_have_no_order() -> None:
    arrivals = Arrivals()
    arrivals.heard(5)
    arrivals.take(7, mail(0))
    assert numbers(arrivals.take(0, mail(0) * 9)) == [0]
    assert numbers(arrivals.take(6, mail(0))) == [6, 7]


def test_no_more_waits_than_a_channel_has_under_way() -> None:
    arrivals, half = Arrivals(), mail(CREDIT // 2 - 9)
    arrivals.heard(0)
    following = len(half) // 9 + 2
    for first in (2, following, following + 1, following + 2):
        arrivals.take(first, half if first == 2 else mail(CREDIT // 3))
    assert numbers(arrivals.take(1, mail(0))) == [1, 2, following], "the others have to come again"
    assert numbers(arrivals.take(2 * following, mail(0))) == [] == arrivals.take(2 * following + 1, b"")


def test_frames_that_come_the_wrong_way_round_are_all_taken_in_one_round_trip() -> None:
    at, count = At(domains=2).opened(), 100
    frames = [p.Carried(0, 1, first, mail(0)) for first in range(1, count + 1)]
    for frame in reversed(frames):
        at.member.heard(at.now, "h2/1", frame)
    taken = 0
    for _ in range(2):
        for wanted in at.wants(e.Input):
            taken += wanted.record.first == taken + 1  # as the domain does
        at.member.left(at.now, 0, 1, [x.Heard(1, taken)])
    assert taken == count
    assert at.wants(e.Say) == []


# ---- what should not come ----


@pytest.mark.parametrize("stage", ["away", "open", "put down"])
@pytest.mark.parametrize(
    "message",
    [
        p.Owned(1, 2, 0, "h2/1.0"), p.Owned(0, 2**64 - 1, 255, ""), p.Owned(0, 0, 0, "?"),
        p.Carried(1, 0, 1, mail()), p.Carried(0, 1, 1, mail()), p.Carried(0, 2**32 - 1, 0, b""),
        p.Confirmed(1, 0, 1), p.Confirmed(0, 1, 1), p.Confirmed(0, 0, 2**64 - 1),
        p.HandedOver(1, 1, b""), p.HandedOver(0, 2**64 - 1, b""), p.HandedOver(0, 1, encode(REPLY)),
        p.HandedOver(0, 1, b"?"), p.Posted(1, 1, 1, 7, POST), p.Posted(0, 1, 1, 7, b"?"),
        p.Posted(0, 0, 2**64 - 1, 2**64 - 1, b""), p.Posted(0, 1, 9, 7, encode(x.Barrier())), p.NotTaken(1, 1),
        p.Returned(7, b"?"), p.Returned(7, encode(x.Now(0))), p.Waiting(1, "h2/1"), x.Now(0), None,
    ],
    ids=repr,
)  # fmt: skip
def test_what_makes_no_sense_does_no_harm(message: Any, stage: str) -> None:
    at = At() if stage == "away" else At().opened() if stage == "open" else handing_over(other_home())
    at.member.closed(at.now, 0)
    for speaker in ("h2/1", "h1/0", "h1/1", "", "/"):
        at.member.heard(at.now, speaker, message)
        at.after(0.1)
    for wanted in at.wants(e.Input):
        assert isinstance(wanted.record, x.Post | x.Resend | x.Acknowledged | x.Crossed)
        assert getattr(wanted.record, "domain", 0) == 0


def test_a_host_may_have_any_name() -> None:
    at = At("eu/h1")
    at.renewed(*alive("eu/h1", "eu/h2"))
    at.wants()
    at.member.heard(at.now, "eu/h2/1", p.HandedOver(0, 1, encode(p.Waiting(7, "eu/h2/1"))))
    at.member.opened(at.now, 0, 2, "eu/h1/1.0")
    assert e.Say("eu/h2", p.Owned(0, 2, 1, "eu/h1/1.0")) in at.wants()
    at.member.left(at.now, 0, 2, [REPLY])
    assert at.wants() == [e.Say("eu/h2", p.Returned(7, encode(REPLY)))]
