"""What may happen to a domain, at random: inputs of every kind, runs, commits, snapshots, crashes, deployments.

A history is a list of steps, and a step plain data, so that it can be read where a test fails. Hypothesis chooses seeds
and leaves out whole steps; what is in one its seed says.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as st

from radon.abi import exchange as x
from radon.abi.delivery import NOWHERE, Address
from tests.equivalence import crossings
from tests.equivalence.twins import Twins
from tests.script_strategies import ATOMS, CONNECTIONS, SECONDS, line
from tests.scripts import script

Step = tuple[Any, ...]
"""What happens, and the particulars."""

PASSING = ("brief/f", "near/@here", "near/elsewhere", "common/g", "common/h", "common/i")
"""Atoms that can tell how long their instance lives, or that no log has."""

PAUSES = (0, 0, 0, 1, SECONDS // 10, SECONDS, 100 * SECONDS, 10**5 * SECONDS)
METADATA: tuple[Any, ...] = ((), (("traceparent", b"t"),), (("traceparent", b"t" * 300), ("other", b"o")))
TOPICS = ("news", "weather")


def histories(*, volatile: bool = True) -> st.SearchStrategy[list[Step]]:
    """Not `volatile`: what an atom can observe of how long its instance lives stays out."""
    seeds = st.integers(0, 2**32 - 1)
    return st.lists(seeds.map(lambda seed: _step(Random(seed), volatile)), min_size=6, max_size=40)


def perform(twins: Twins, step: Step) -> None:
    """Let it happen to both. Raises Difference."""
    what, *particulars = step
    _PERFORM[what](twins, *particulars)


# ---- choosing ----


def _step(random: Random, volatile: bool) -> Step:
    what = random.choices(
        ("submit", "run", "take", "rest", "snapshot", "crash", "deploy"), (12, 8, 3, 3, 1, 1.5, 0.5)
    )[0]  # fmt: skip
    if what == "submit":
        return "submit", random.choice(PAUSES), [_input(random, volatile) for _ in range(random.randint(1, 3))]
    if what == "run":
        return "run", random.choice((0, 1, 2, 5, 100))
    if what == "deploy":
        return "deploy", random.choice(("other", "tight", ""))
    return (what,)


def _input(random: Random, volatile: bool) -> Any:
    """An input record, or what stands for one that depends on what came of those before it."""
    what = random.random()
    if what < 0.5:
        return _post(random, volatile)
    if what < 0.75:
        return crossings.choose(random, lambda: _body(random, volatile), casts=volatile)
    atom = Address.parse(random.choice((*ATOMS, *CONNECTIONS, *(PASSING if volatile else ()))))
    connection = Address.parse(random.choice((*CONNECTIONS, *(("common/line-3",) if volatile else ()))))
    return random.choice((
        x.Spawn(random.randrange(100), random.choice(("script", "tight", "shard", "nobody")), _body(random, volatile)),
        x.Connect(connection, _body(random, volatile)),
        x.Disconnect(connection),
        x.Listen(random.randrange(2), random.choice(TOPICS)),
        x.Unlisten(random.randrange(2), random.choice(TOPICS)),
        x.Passivate(atom),
        x.Barrier(),
        ("revive", random.randrange(4), random.randrange(2)),
        ("outcome", random.randrange(4), random.choice((0, 0, 1, 5)), random.choice((b"", b"event answered"))),
        ("fate", random.randint(1, 3)),
    ))  # fmt: skip


def _post(random: Random, volatile: bool) -> Any:
    places = (*ATOMS, *ATOMS, *CONNECTIONS, "nobody/x", "@topic/news", "http:api", *(PASSING if volatile else ()))
    sender = random.choice((NOWHERE, NOWHERE, NOWHERE, Address("@tcp", "line-1")))
    post = x.Post(
        random.randrange(100), 0, random.randrange(2), Address.parse(random.choice(places)), sender,
        random.choice(("", "", "pair")), random.choice(("", "", "", "once", "twice")), random.choice(METADATA),
        _body(random, volatile),
    )  # fmt: skip
    return ("until", random.choice((1, SECONDS)), post) if random.random() < 0.2 else post


def _body(random: Random, volatile: bool) -> bytes:
    return script(*(line(random.getrandbits(32), volatile=volatile) for _ in range(random.randrange(7))))


# ---- performing ----


def _submit(twins: Twins, pause: int, inputs: list[Any]) -> None:
    twins.submit(pause, [_record(twins, given) for given in inputs])


def _record(twins: Twins, given: Any) -> Any:
    if type(given) is not tuple:
        return given
    what, *particulars = given
    return _MEANT[what](twins, *particulars)


def _until(twins: Twins, after: int, post: x.Post) -> x.Post:
    return post._replace(deadline=twins.now + after)


def _revive(twins: Twins, place: int, again: int) -> x.Revive:
    letters = twins.both[0].domain.dead_letters()
    return x.Revive(letters[place % len(letters)].delivery.id if letters else bytes(16), again)


def _outcome(twins: Twins, place: int, code: int, body: bytes) -> x.Outcome:
    id, to = bytes(16), Address("http:api", "")
    if twins.asked:
        sent = twins.asked[-1 - place % len(twins.asked)]
        id, to = sent.delivery.id, sent.to
    return x.Outcome(id, code, to, (("http.status", b"200"),), body)


def _fate(twins: Twins, ahead: int) -> x.Fate:
    return x.Fate(twins.step + ahead * twins.domains, "watchdog")


def _deploy(twins: Twins, without: str) -> None:
    twins.deploy(f"without {without}", {name: kind for name, kind in twins.kinds.items() if name != without})


_MEANT: dict[str, Callable[..., Any]] = {
    "until": _until, "revive": _revive, "outcome": _outcome, "fate": _fate, **crossings.MEANT,
}  # fmt: skip

_PERFORM: dict[str, Callable[..., Any]] = {
    "submit": _submit, "run": Twins.run, "take": Twins.take, "rest": Twins.rest, "snapshot": Twins.keep_snapshots,
    "crash": Twins.crash, "deploy": _deploy,
}  # fmt: skip
