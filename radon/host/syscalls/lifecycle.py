"""`lifecycle`: other atoms' beginnings and ends, and this one's."""

from __future__ import annotations

import hashlib
import hmac

from radon.abi.delivery import Address
from radon.abi.errors import Denied, ErrorCode, Exhausted, Invalid, NotFound, Refused, Timeout
from radon.abi.records import WAIT
from radon.host import intents
from radon.host.limits import NAME_BYTES, NAME_FUEL, SYSCALL_FUEL
from radon.host.turn import Turn


def spawn(turn: Turn, kind: str, args: bytes) -> Address:
    return spawn_many(turn, kind, 1, args)[0]


def spawn_many(turn: Turn, kind: str, count: int, args: bytes) -> list[Address]:
    target = turn.domain.routes.kinds.get(kind)
    if target is None:
        raise NotFound(f"no kind {kind[:NAME_BYTES]!r}")
    if not turn.kind.grants.spawn(kind):
        raise Denied(f"no grant 'spawn:{kind}'")
    if target.spread not in ("keyed", "stateless"):
        raise Invalid(f"atoms of the {target.spread} kind {kind!r} are not spawned but addressed")
    turn.check_body(args)
    if turn.spawned + count > turn.kind.limits.spawned:
        raise Exhausted(f"the turn has spawned {turn.spawned} atoms (limits.spawned)")
    turn.handles.check_room(count)  # before: an atom whose address nobody got would live for ever
    turn.spend(count * SYSCALL_FUEL)
    turn.keep(count * len(args))
    turn.spawned += count
    return [_spawn_one(turn, kind, args) for _ in range(count)]


def _spawn_one(turn: Turn, kind: str, args: bytes) -> Address:
    """The key is a hash of the parent, its turn and the ordinal (rule 16): fresh, and the same in a replay.

    It takes the application's secret, or an atom that sees ids could be there before the one that is spawned.
    """
    id = turn.new_id()
    key = hmac.digest(turn.domain.image.secret, turn.atom.address.text.encode() + b"\0" + id, "sha256").hex()[:20]
    child = Address(kind, key, turn.step)
    turn.intend(intents.spawn, child, id, args)
    return child


def exit(turn: Turn, status: int) -> None:
    turn.exit_status = status


def stop(turn: Turn, target: Address) -> None:
    turn.spend(NAME_FUEL * len(target.key))
    if not turn.kind.grants.stop(target.kind, target.key):
        raise Denied(f"no grant 'stop:{target.text}'")
    turn.count_sent()
    turn.intend(intents.stop, target)


def monitor(turn: Turn, target: Address, token: int) -> None:
    if target.kind not in turn.domain.routes.kinds:
        raise Invalid(f"{target.text} is no atom")
    watched, most = turn.domain.routes.living(target), turn.domain.settings.watchers
    if watched is not None and len(watched.watchers) >= most:
        raise Exhausted(f"{target.text} has {most} watchers")
    turn.count_sent()
    turn.intend(intents.watch, target, token)


def wait(turn: Turn, target: Address, timeout: int) -> int:
    deadline = turn.deadline_of(timeout)
    if deadline <= turn.now:
        raise Timeout("the deadline has passed already")
    if not turn.is_recorded():
        if target.kind not in turn.domain.routes.kinds:
            raise Invalid(f"{target.text} is no atom")
        turn.check_born(target)
    request = turn.new_id()
    digest = hashlib.sha256(b"wait\0" + target.text.encode()).digest()[:16]
    answer = turn.domain.suspensions.suspend(
        turn, WAIT, request, deadline, digest, lambda: intents.watch_for_wait(turn, target, request)
    )
    if answer.code:
        if answer.code == ErrorCode.TIMEOUT + 1:
            turn.intend(intents.unwatch, target, request)
        raise Refused.of(ErrorCode(answer.code - 1), f"wait for {target.text}")
    turn.intend(intents.reap, target)
    return answer.value
