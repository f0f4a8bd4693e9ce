"""A story that never happened, for a page that explains one, and the events that it is made of."""

from __future__ import annotations

from typing import Any

from radon.abi import crossing as c
from radon.abi import peers as p
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery
from radon.abi.exchange import Post, Reply
from radon.abi.frames import FrameType, encode, encode_all, seal
from radon.backends.simulation import story as e
from radon.backends.simulation.faults import Fault
from radon.backends.simulation.world import MILLISECOND, SECOND
from radon.testing.simulation.story import Story

HOSTS = ["h1", "h2", "h3"]

TELLER, FROM, TO, NOBODY = Address("teller", ""), Address("account", "1"), Address("account", "2"), NOWHERE


def said(source: str, target: str, message: Any, *arrivals: float, lost: str = "") -> e.Sent:
    """From host to host; `arrivals` in ms."""
    frame = seal(FrameType.PEERS, encode(message))
    return e.Sent(source, target, (f"{source}/1", frame), tuple(int(at * MILLISECOND) for at in arrivals), lost)


def mail(source: int, to: int, number: int, sender: Address, receiver: Address, body: bytes) -> p.Carried:
    crossing = c.Mail(receiver, Delivery(bytes(16), sender=sender, body=body))
    return p.Carried(to, source, number, encode_all([crossing]))


def committed(domain: int, epoch: int, host: str, *records: Any) -> e.Committed:
    return e.Committed(domain, f"{host}/1.0", epoch, seal(FrameType.LOG, encode_all([r.Step(1, 1), *records])))


def transfer() -> Story:
    """An account learns of a transfer although its host goes down."""
    story = Story(HOSTS, 6)
    post = Post(0, 0, 1, FROM, NOBODY, "", "", (), b'{"give": 5}')
    given = mail(1, 4, 7, FROM, TO, b'{"take": 5}')
    left = r.Left(4, 7, encode(c.Mail(TO, Delivery(bytes(16), sender=FROM, body=b'{"take": 5}'))))
    crash = Fault("crash", 0, SECOND // 2, (("h3",),), 0.5)
    events: list[tuple[float, e.Event]] = [
        (1000, e.Sent("c4", "h1", (None, post, None), (int(1000.4 * MILLISECOND),), "")),
        (1000.5, said("h1", "h2", p.Posted(1, 2, 1, 9, encode_all([post])), 1001)),
        (1003.1, committed(1, 2, "h2", r.At("account", "1"), r.Put("state", b"cents", b"95"), left)),
        (1003.2, said("h2", "h3", given, 1003.6)),
        (1003.2, said("h2", "h1", p.Returned(9, encode(Reply(9, 0, (), b'{"cents": 95}'))), 1003.5)),
        (1003.3, e.Befalls(0, crash, ends=False)),
        (1003.3, e.Lives("h3", "down")),
        (1003.6, e.Sent("h1", "c4", (post, Reply(9, 0, (), b'{"cents": 95}')), (1004 * MILLISECOND,), "")),
        (1403.2, said("h2", "h3", given, lost="loss")),
        (1503.3, e.Befalls(0, crash, ends=True)),
        (1503.3, e.Lives("h3", "up")),
        (1950, e.Holds("h3", "runs", 4, 3)),
        (2003.2, said("h2", "h3", given, 2100)),
        (2102, committed(4, 3, "h3", r.At("account", "2"), r.Put("state", b"cents", b"105"), r.Arrived(1, 7))),
    ]
    for at, event in events:
        story.hear(int(at * MILLISECOND), event)
    return story
