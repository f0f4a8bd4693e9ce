"""Who outside waits for what: each hears once, and none is the worse for another."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from radon.abi.delivery import NOWHERE, Address, Delivery
from radon.abi.errors import Exhausted, Invalid, Unavailable
from radon.abi.exchange import Accepted, Hangup, Listen, Logged, Published, Reply, Sent, Unlisten
from radon.abi.frames import decode_all, encode_all
from radon.backends import switchboard as module
from radon.backends.deployment import SIEVED, Answer
from radon.backends.observed import Observations
from radon.backends.switchboard import Switchboard


@pytest.fixture
def board() -> Switchboard:
    return Switchboard(Observations())


def sent(number: int, *, wants: int = 1) -> Sent:
    return Sent(wants, Address("http:api", ""), Delivery(number.to_bytes(16, "big")))


# ---- callers ----


def test_each_caller_hears_its_answer_once(board: Switchboard) -> None:
    heard: list[Answer] = []
    first, second, third = (board.expect(heard.append) for _ in range(3))
    board.forget(third)
    reply, accepted = Reply(first, 0, (), b"body"), Accepted(second)
    board.release([reply, accepted, reply, Reply(third, 0, (), b"")])
    board.fail_callers(Unavailable("stopped"))
    assert heard == [reply, accepted]


def test_tokens_of_two_lives_do_not_meet() -> None:
    """An answer to a message of an earlier process must reach nobody in this one."""
    starts = sorted(Switchboard(Observations()).expect(lambda answer: None) for _ in range(50))
    assert all(after - before > 1 << 20 for before, after in itertools.pairwise(starts))
    assert starts[-1] < 1 << 63


def test_whoever_waits_when_all_is_lost_hears_why(board: Switchboard) -> None:
    heard: list[Answer] = []
    tokens = [board.expect(heard.append) for _ in range(3)]
    lost = Unavailable("the disk broke")
    board.fail_callers(lost)
    board.release([Reply(token, 0, (), b"") for token in tokens])
    assert heard == [lost] * 3


def test_more_callers_than_may_wait_are_refused(board: Switchboard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 2)
    token = board.expect(lambda answer: None)
    board.expect(lambda answer: None)
    with pytest.raises(Exhausted, match="2 messages from outside wait"):
        board.expect(lambda answer: None)
    board.forget(token)
    board.expect(lambda answer: None)


def test_an_answer_and_a_loss_at_the_same_time_are_told_once(board: Switchboard) -> None:
    for _ in range(200):
        heard: list[Answer] = []
        tokens = [board.expect(heard.append) for _ in range(20)]
        losing = threading.Thread(target=board.fail_callers, args=(Unavailable("lost"),))
        losing.start()
        board.release([Accepted(token) for token in tokens])
        losing.join()
        assert len(heard) == 20


def test_a_callback_that_raises_is_logged_and_the_others_are_served(
    board: Switchboard, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(answer: object) -> None:
        raise ZeroDivisionError

    heard: list[Answer] = []
    tokens = [board.expect(broken), board.expect(heard.append)]
    board.release([Accepted(token) for token in tokens])
    assert heard == [Accepted(tokens[1])]
    assert "a callback failed on Accepted" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    board.expect(broken)
    board.expect(heard.append)
    board.fail_callers(Unavailable("lost"))
    assert len(heard) == 2


# ---- listeners ----


def test_listeners_hear_what_is_theirs_until_they_leave(board: Switchboard) -> None:
    heard: list[Published] = []
    one, two = board.listen("news", heard.append), board.listen("weather", heard.append)
    assert isinstance(one, Listen)
    assert board.listening() == [one, two]
    published = Published(one.listener, "news", b"1")
    board.release([published, Published(7, "nobody's", b"")])
    assert heard == [published]
    assert board.unlisten(one.listener) == Unlisten(one.listener, "news")
    assert board.unlisten(one.listener) is None
    board.release([published])
    assert heard == [published]
    assert board.listening() == [two]


# ---- gateways ----


def test_requests_wait_for_their_gateway_and_messages_do_not(board: Switchboard) -> None:
    board.release([sent(1), sent(2, wants=0), sent(1)])
    heard: list[Sent | Hangup] = []
    board.attach("http:api", heard.append)
    assert [output.delivery.id[-1] for output in heard if isinstance(output, Sent)] == [1]
    board.release([sent(3), Hangup(Address("http:api", "x"))])
    assert len(heard) == 3
    board.detach("http:api")
    board.release([sent(4)])
    assert len(heard) == 3


def test_a_kind_of_address_has_one_gateway(board: Switchboard) -> None:
    board.attach("http:api", lambda output: None)
    with pytest.raises(Invalid, match="another gateway serves 'http:api'"):
        board.attach("http:api", lambda output: None)
    board.detach("http:api")
    board.attach("http:api", lambda output: None)


def test_each_gateway_is_told_once_that_all_connections_are_lost(board: Switchboard) -> None:
    heard: list[Sent | Hangup] = []
    hear = heard.append
    for kind in ("@tcp", "resp"):
        board.attach(kind, hear)
    board.release([sent(1)])
    board.lose_connections()
    assert heard == [Hangup(NOWHERE)]
    board.attach("http:api", hear)
    assert len(heard) == 1, "the domain sends it again"


# ---- sieves ----


class Sieve:
    """Keeps the answers to its tokens."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def __call__(self, records: bytes) -> bytes:
        outputs = decode_all(records)
        self.kept += [output for output in outputs if not isinstance(output, Reply) or output.token >= SIEVED]
        return encode_all(output for output in outputs if isinstance(output, Reply) and output.token < SIEVED)


def test_a_sieve_takes_out_what_is_its_own_and_callers_hear_the_rest(board: Switchboard) -> None:
    sieve, heard = Sieve(), list[Answer]()
    token = board.expect(heard.append)
    own, other = Reply(SIEVED + 1, 0, (), b"own"), Reply(token, 0, (), b"other")
    board.attach_sieve(["@tcp", "line"], sieve)
    board.release_encoded(encode_all([own, other]))
    assert (sieve.kept, heard) == ([own], [other])


def test_a_sieve_hears_once_that_connections_are_lost_and_nothing_when_it_is_detached(board: Switchboard) -> None:
    sieve = Sieve()
    board.attach_sieve(["@tcp", "line"], sieve)
    board.lose_connections()
    assert sieve.kept == [Hangup(NOWHERE)]
    board.detach("@tcp")
    board.detach("line")
    board.lose_connections()
    board.release_encoded(encode_all([Hangup(Address("line", "1"))]))
    assert len(sieve.kept) == 1


def test_a_kind_has_one_gateway_or_one_sieve(board: Switchboard) -> None:
    board.attach_sieve(["@tcp", "line"], Sieve())
    with pytest.raises(Invalid, match="another gateway serves 'line'"):
        board.attach("line", lambda output: None)
    board.attach("desk", lambda output: None)
    with pytest.raises(Invalid, match="another gateway serves 'desk'"):
        board.attach_sieve(["other", "desk"], Sieve())
    board.attach("other", lambda output: None)


def test_callers_are_none_the_worse_for_a_sieve_that_fails(
    board: Switchboard, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Answer] = []
    reply = Reply(board.expect(heard.append), 0, (), b"")
    board.attach_sieve(["@tcp"], lambda records: records[:1] if 1 // 0 else records)
    board.release_encoded(encode_all([reply]))
    assert heard == [reply]
    assert "a sieve failed" in caplog.text


def test_everything_else_is_observed() -> None:
    observations = Observations()
    line = Logged(1, 2, 0, 1, Address("agent", "a"), "text")
    Switchboard(observations).release([line])
    assert observations.lines() == [line]
