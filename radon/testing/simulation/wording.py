"""What is said in a simulated cluster, and what a commit changes, in a few words and with the atoms it is about.

"3.2" is domain 3 in epoch 2; "1→3 #7" is the seventh of what domain 1 has sent to domain 3.

Whatever comes from a guest or a client - keys, bodies, names - is made printable here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from radon.abi import crossing as c
from radon.abi import exchange as x
from radon.abi import peers as p
from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Form
from radon.abi.errors import ErrorCode
from radon.abi.frames import FrameType, decode_all, unseal
from radon.backends.simulation.tcp import GONE, Piece

LONGEST = 80
"""Characters of a body that are shown."""

FOLDED = 400
"""Characters of a text; what is longer ends in "..."."""


class Words(NamedTuple):
    """`minor`: it goes on all the time, and is left out unless all is wanted."""

    kind: str  # of story.KINDS
    text: str
    atoms: tuple[str, ...] = ()
    domain: int | None = None
    minor: bool = False
    name: tuple[Any, ...] = ()  # two with the same are one, said again; (): it has none


class Crossed(NamedTuple):
    """One crossing, or one change."""

    text: str
    atoms: tuple[str, ...]


# ---- what hosts say to each other ----


def said(frame: bytes, tokens: dict[int, str]) -> Words:
    """A frame between hosts. `tokens`: which atom was asked under which token, kept here."""
    (message,) = decode_all(unseal(FrameType.PEERS, frame))
    match message:
        case p.Owned(domain, epoch, calm, owner):
            how = " by hand-over" if calm else ""
            return Words("domain", f"{owner} runs {domain}.{epoch}{how}", (), domain, minor=True)
        case p.Carried(to, source, first, crossings):
            found = [crossed(crossing) for crossing in decode_all(crossings)]
            last = first + len(found) - 1
            numbers = "casts" if not first else f"#{first}" if first == last else f"#{first}-{last}"
            text = f"{source}→{to} {numbers}: " + "; ".join(one.text for one in found)
            return Words("mail", text, _atoms(found), to, name=(to, source, first) if first else ())
        case p.Confirmed(to, source, number):
            return Words("mail", f"{source}→{to} has come up to #{number}", (), to, minor=True)
        case p.HandedOver(domain, epoch, waiting):
            count = len(decode_all(waiting))
            return Words("domain", f"hands over {domain}.{epoch}; {count} wait for answers", (), domain)
        case p.Posted(domain, epoch, _, token, post):
            (asked,) = decode_all(post)
            tokens[token] = shown(asked.to.text)
            text = f"{domain}.{epoch} is asked: {question(asked)}"
            return Words("client", text, atoms(asked), domain, name=(token, epoch))
        case p.NotTaken(_, token):
            return Words("client", f"not taken: the question to {tokens.get(token, '?')}", _of(tokens, token))
        case p.Returned(token, output):
            (told,) = decode_all(output)
            return Words("client", f"{tokens.get(token, '?')} {answer(told)}", _of(tokens, token))
    return Words("mail", type(message).__name__)


def question(post: x.Post) -> str:
    return f"{shown(post.to.text)} {shown(post.body)}"


def answer(output: x.Reply | x.Accepted | None) -> str:
    if output is None:
        return "is not answered: nobody knows whether it was handled"
    return _answered(output.code, output.body) if isinstance(output, x.Reply) else "accepts"


def _answered(code: int, body: bytes) -> str:
    return f"fails with {ErrorCode(code - 1).label}: {shown(body)}" if code else f"answers {shown(body)}"


def atoms(post: x.Post) -> tuple[str, ...]:
    """That a message from outside is about: the one it is for, and the dedup key that knows it."""
    once = (shown(f"@once/{post.once}"),) if post.once else ()
    return (shown(post.to.text), *once)


def _of(tokens: dict[int, str], token: int) -> tuple[str, ...]:
    return (tokens[token],) if token in tokens else ()


# ---- what goes over connections ----


def piece(piece: Piece, *, by_client: bool) -> str:
    """`by_client`: who says it; else the host that has taken the connection."""
    about = shown(piece.atom)
    if piece.number == GONE:
        return f"knows no connection to {about}"
    if not piece.number:
        return f"connects to {about}" if by_client else f"is connected to {about}"
    said = [*([f"{'sends' if by_client else 'receives'} {shown(piece.body)}"] if piece.body else [])]
    said += [("closes" if by_client else "is closed by it")] if piece.ends else []
    return f"{about}: {' and '.join(said)}"


def server(piece: Piece) -> tuple[str, ...]:
    """The atom that a connection is, once there is one."""
    return (shown(piece.atom),) if "/" in piece.atom else ()


# ---- what domains say to each other ----


def crossed(crossing: Any) -> Crossed:
    """From one domain to another."""
    match crossing:
        case c.Mail(to, delivery) | c.Handed(to, delivery):
            form = "request" if delivery.reply != NOWHERE else Form(delivery.form).name.lower()
            return _crossed(delivery.sender, to, f"{form} {shown(delivery.body)}")
        case c.Answer(_, code, to, _, body, answerer):
            return _crossed(answerer, to, _answered(code, body))
        case c.Begin(_, child, parent, args):
            return _crossed(parent, child, f"begins it: {shown(args)}")
        case c.Stop(target):
            return _crossed(NOWHERE, target, "stop")
        case c.Watch(_, _, target, watcher):
            return _crossed(watcher, target, "watches")
        case c.Unwatch(_, target, watcher):
            return _crossed(watcher, target, "watches no more")
        case c.Told(_, _, code, status, target, watcher):
            return _crossed(target, watcher, "does not live" if code else f"ended with {status}")
        case c.Exited(status, child, parent):
            return _crossed(child, parent, f"ended with {status}")
    return Crossed(type(crossing).__name__, ())


def _crossed(source: Address, target: Address, text: str) -> Crossed:
    ends = tuple(shown(end.text) for end in (source, target) if end != NOWHERE)
    return Crossed(f"{' → '.join(ends)} {text}", ends)


# ---- what a commit changes ----


def committed(frame: bytes) -> Words:
    """The turns in a frame of the log, by what they changed. A turn that changed nothing is in none."""
    turns = list(_turns(decode_all(unseal(FrameType.LOG, frame))))
    if not turns:
        return Words("log", "what came or left is known to be durable elsewhere", minor=True)
    return Words("log", "; ".join(one.text for one in turns), _atoms(turns))


def _turns(records: Iterable[Any]) -> Iterator[Crossed]:
    """What changed of one atom, or of the domain itself, in one step."""
    at = about = ""
    changes: list[Crossed] = []

    def turn() -> Crossed:
        text = ", ".join(change.text for change in changes)
        return Crossed(f"{about} {text}", (about, *_atoms(changes))) if about else Crossed(text, _atoms(changes))

    for record in records:
        if isinstance(record, r.At):
            at = shown(Address(record.kind, record.key).text)
        owner = at if isinstance(record, _OF_ATOMS) else ""
        if changes and (owner != about or isinstance(record, r.Step)):
            yield turn()
            changes = []
        if (change := _change(record)) is not None:
            about = owner
            changes.append(change)
    if changes:
        yield turn()


_OF_ATOMS = r.Put | r.Delete | r.Delivered | r.Consumed | r.Attempted | r.Born | r.Ended | r.TimerSet | r.TimerGone


def _change(record: Any) -> Crossed | None:
    """None: it says nothing that a reader wants to know."""
    match record:
        case r.Put(bucket, key, value):
            return Crossed(f"{shown(bucket)}/{shown(key)} = {shown(value)}", ())
        case r.Delete(bucket, key):
            return Crossed(f"deletes {shown(bucket)}/{shown(key)}", ())
        case r.Left(domain, number, crossing):
            (left,) = decode_all(crossing)
            found = crossed(left)
            return Crossed(f"{found.text} (→{domain} #{number})", found.atoms)
        case r.Delivered(delivery):
            return Crossed(f"{Form(delivery.form).name.lower()} waits: {shown(delivery.body)}", ())
        case r.Consumed():
            return Crossed("handles what waited", ())
        case r.Attempted(_, attempt, _):
            return Crossed(f"attempt {attempt} fails", ())
        case r.Died(_, cause, to, _):
            return Crossed(f"gives up a message for {shown(to.text)}: {shown(cause)}", (shown(to.text),))
        case r.Born(_, parent):
            return Crossed("is born" + (f" of {shown(parent.text)}" if parent != NOWHERE else ""), ())
        case r.Ended():
            return Crossed("ends", ())
        case r.TimerSet():
            return Crossed("sets a timer", ())
        case r.TimerGone():
            return Crossed("its timer is gone", ())
        case r.Seen(_, key):
            return Crossed(f"takes the dedup key {shown(key)}", (shown(f"@once/{key}"),))
        case r.Settled(code, key, _, body):
            return Crossed(f"the dedup key {shown(key)} {_answered(code, body)}", (shown(f"@once/{key}"),))
        case r.Setup(domain):
            return Crossed(f"domain {domain} begins", ())
    return None


# ---- text ----


def shown(value: bytes | str) -> str:
    """On one line, safe to print, and not long."""
    return folded(printable(value if isinstance(value, str) else _decoded(value)), LONGEST)


def printable(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _decoded(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    return text if text.isprintable() and (text or not data) else f"0x{data[:LONGEST].hex()}"


def folded(text: str, longest: int = FOLDED) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _atoms(found: Iterable[Crossed]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(atom for one in found for atom in one.atoms))
