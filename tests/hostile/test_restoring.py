"""Snapshots and logs that no domain wrote: what does not fit what is before it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery
from radon.abi.frames import FrameError, FrameType, encode_all, seal
from radon.host.domain import Settings
from radon.host.domains import load
from radon.testing.domains import each_domain

__all__ = ["each_domain"]

ID, OTHER = bytes(15) + b"\1", bytes(15) + b"\2"
AT, MAIL = r.At("kind", "key"), r.Delivered(Delivery(ID, body=b"body"))
JOURNAL = [AT, MAIL, r.Suspended(ID, 0, 1, 1), r.Called(ID, 5, r.CALL, b"digest")]
ANSWER = r.Answered(ID, 1, 0, 0, (("name", b"value"),), b"body")

CONTRADICTIONS: dict[str, list[Any]] = {
    "delivered twice": [AT, MAIL, MAIL],
    "delivered while it waits": [AT, MAIL, r.Attempted(ID, 1, 5), MAIL],
    "consumed, never delivered": [AT, r.Consumed(ID)],
    "consumed twice": [AT, MAIL, r.Consumed(ID), r.Consumed(ID)],
    "attempted, never delivered": [AT, MAIL, r.Attempted(OTHER, 1, 5)],
    "retried, not waiting": [AT, MAIL, r.Retried(ID)],
    "suspended, never delivered": [AT, r.Suspended(ID, 0, 1, 1)],
    "called, not suspended": [AT, MAIL, r.Called(ID, 5, r.CALL, b"digest")],
    "called twice at once": [*JOURNAL, r.Called(OTHER, 5, r.CALL, b"digest")],
    "answered, never called": [AT, MAIL, r.Suspended(ID, 0, 1, 1), ANSWER],
    "answered twice": [*JOURNAL, ANSWER, ANSWER],
    "answered for another": [*JOURNAL, ANSWER._replace(request=OTHER)],
    "journal of a turn that is over": [*JOURNAL, r.Consumed(ID), ANSWER],
    "timer gone, never set": [AT, r.TimerGone(7)],
    "kept gone, never kept": [AT, r.KeptGone(7)],
    "answer to nothing": [AT, r.AskedGone(ID)],
    "child gone, never ended": [AT, r.ChildGone(Address("kind", "child", 1))],
    "postponed gone, never postponed": [r.PostponedGone(ID)],
    "pinned, never stored": [r.Pinned(5, 1, "name")],
    "collected twice": [r.Stored(5, 0, "name", b"body"), r.Collected("name"), r.Collected("name")],
    "dead letter gone, never died": [r.DiedGone(ID)],
    "settled, never seen": [r.Settled(0, "key", (), b"")],
    "ended twice": [AT, r.Born(1, NOWHERE), r.Ended(), r.Ended()],
}  # fmt: skip


@pytest.mark.parametrize("snapshot", [True, False], ids=["snapshot", "log"])
@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_records_that_contradict_each_other_make_no_domain(each_domain: str, what: str, snapshot: bool) -> None:
    domain = load(each_domain)(Settings())
    frame = seal(FrameType.SNAPSHOT if snapshot else FrameType.LOG, encode_all(CONTRADICTIONS[what]))
    with pytest.raises(FrameError):
        domain.restore(*(frame,) if snapshot else (None, [frame]))
    domain.close()
