"""Who may open what: the grammar of grants (rule 20) and the answers to a gate's questions.

Knows names, not atoms: whether the kinds and endpoints that a grant names exist is `application.py`'s to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from radon.abi.errors import ManifestError

GRAMMAR = '"KIND/GLOB", "KIND", "spawn:KIND", "stop:KIND/GLOB", "publish:GLOB", "subscribe:GLOB" or "http:NAME"'


class Right(Enum):
    """What a grant allows; all but OPEN begin with the word and a colon."""

    OPEN = "open"
    SPAWN = "spawn"
    STOP = "stop"
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    HTTP = "http"


class Grant(NamedTuple):
    """One grant, taken apart."""

    right: Right
    name: str  # of the kind or endpoint; "" for the rights to topics
    glob: str  # of keys or topics; "" for the atom with the empty key, and for SPAWN and HTTP

    @staticmethod
    def parse(text: str) -> Grant:
        """Raises ManifestError with the grammar."""
        head, slash, tail = text.partition("/")
        verb, colon, name = head.partition(":")
        if not colon:
            right, name = Right.OPEN, head
        elif verb in _VERBS:
            right = _VERBS[verb]
        else:
            raise ManifestError(f"no grant begins with {verb + colon!r}; write {GRAMMAR}")
        if right in (Right.PUBLISH, Right.SUBSCRIBE):
            grant = Grant(right, "", name + slash + tail)
        else:
            grant = Grant(right, name, tail)
        fault = _fault(grant, bool(slash))
        if fault:
            raise ManifestError(f"{fault}; write {GRAMMAR}")
        return grant


_VERBS = {right.value: right for right in Right if right is not Right.OPEN}


def _fault(grant: Grant, slash: bool) -> str:
    if not f"{grant.name}{grant.glob}".isprintable():
        return "unprintable characters"
    if grant.right in (Right.PUBLISH, Right.SUBSCRIBE):
        return "" if grant.glob else "the topic is missing"
    what = "endpoint" if grant.right is Right.HTTP else "kind"
    if not grant.name:
        return f"the {what} is missing"
    if "*" in grant.name or "?" in grant.name:
        return f"the name of the {what} cannot be a glob"
    if slash and grant.right in (Right.SPAWN, Right.HTTP):
        return f"{grant.right.value}: takes no key"
    return ""


def matches(glob: str, text: str) -> bool:
    """Whether all of `text` fits: `*` is any run of characters, also none; `?` is one; all else is itself.

    Takes at most len(glob) x len(text) steps: when a later part does not fit, only the last `*` is tried longer, since
    whatever an earlier one could take, it can take as well.
    """
    at = star = -1
    here = there = 0  # in the glob, in the text
    while there < len(text):
        if here < len(glob) and glob[here] == "*":
            star, at = here, there
            here += 1
        elif here < len(glob) and glob[here] in ("?", text[there]):
            here, there = here + 1, there + 1
        elif star >= 0:
            at += 1
            here, there = star + 1, at
        else:
            return False
    return not glob[here:].strip("*")


class GrantTable:
    """The grants of one kind, as `radon.host.kind.Grants`. Immutable and pure.

    Not of links: the gate opens what a link leads to without asking here.
    """

    __slots__ = ("_globs", "_kind")

    def __init__(self, kind: str, grants: Iterable[str]) -> None:
        """Raises ManifestError if one of `grants` is none."""
        self._kind = kind
        self._globs: dict[tuple[Right, str], tuple[str, ...]] = {}
        for grant in map(Grant.parse, grants):
            self._globs[grant.right, grant.name] = (*self._globs.get((grant.right, grant.name), ()), grant.glob)

    def open(self, kind: str, key: str) -> bool:
        """May it open and send to "kind/key"? Always, if the kind is its own."""
        return kind == self._kind or self._allows(Right.OPEN, kind, key)

    def spawn(self, kind: str) -> bool:
        """May it spawn atoms of `kind`? Its own kind needs the grant too."""
        return self._allows(Right.SPAWN, kind, "")

    def stop(self, kind: str, key: str) -> bool:
        return self._allows(Right.STOP, kind, key)

    def publish(self, topic: str) -> bool:
        return self._allows(Right.PUBLISH, "", topic)

    def subscribe(self, topic: str) -> bool:
        return self._allows(Right.SUBSCRIBE, "", topic)

    def http(self, name: str) -> bool:
        """May it open the outgoing endpoint "http:NAME"?"""
        return self._allows(Right.HTTP, name, "")

    def rows(self) -> Iterator[tuple[str, str, str]]:
        for (right, name), globs in self._globs.items():
            yield from ((right.value, name, glob) for glob in globs)

    def _allows(self, right: Right, name: str, text: str) -> bool:
        return any(matches(glob, text) for glob in self._globs.get((right, name), ()))
