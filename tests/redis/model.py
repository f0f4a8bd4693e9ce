"""What Redis answers when it is asked one thing after the other, as redis-py shows it: for the linearizability checker.

An input is a command as it is sent, or ("EXEC", COMMAND, ...) for a transaction of some. The state is what every key
of a group holds: text, a tuple for a list, a frozenset for a set.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

Command = tuple[Any, ...]

NO_NUMBER = "value is not an integer or out of range"
NO_KEY = "no such key"


class Commands:
    """Keys that begin alike, up to a colon, are a group. No command is about keys of two of them."""

    def key(self, input: Command) -> Hashable:
        name, first = input[:2]
        return self.key(first) if name == "EXEC" else first.partition(":")[0]

    def initial(self, key: Hashable) -> frozenset[tuple[str, Any]]:
        return frozenset()

    def apply(self, state: frozenset[tuple[str, Any]], input: Command) -> tuple[Any, frozenset[tuple[str, Any]]]:
        keys = dict(state)
        answer = run(keys, input)
        return answer, frozenset(keys.items())


def run(keys: dict[str, Any], command: Command) -> Any:
    match command:
        case ("EXEC", *commands):
            return tuple(run(keys, one) for one in commands)
        case ("GET" | "GETDEL" | "INCR" | "APPEND" | "SET" | "SETNX" | "MSET" | "MGET" | "RENAME", *_):
            return run_strings(keys, command)
        case ("RPUSH", key, *values):
            keys[key] = (*keys.get(key, ()), *values)
            return len(keys[key])
        case ("LPOP", key):
            return popped(keys, key)
        case ("LMOVE", source, target, "LEFT", "RIGHT"):
            value = popped(keys, source)
            if value is not None:
                keys[target] = (*keys.get(target, ()), value)
            return value
        case ("LRANGE", key, 0, -1):
            return keys.get(key, ())
        case ("SADD", key, member):
            members = keys.get(key, frozenset())
            keys[key] = members | {member}
            return int(member not in members)
        case ("SMOVE", source, target, member):
            members = keys.get(source, frozenset())
            if member not in members:
                return False
            keep(keys, source, members - {member})
            keys[target] = keys.get(target, frozenset()) | {member}
            return True
        case ("SMEMBERS", key):
            return tuple(sorted(keys.get(key, ())))
    raise ValueError(f"the model has no command {command}")


def run_strings(keys: dict[str, Any], command: Command) -> Any:
    match command:
        case ("GET", key):
            return keys.get(key)
        case ("GETDEL", key):
            return keys.pop(key, None)
        case ("INCR", key):
            value = keys.get(key, "0")
            if not value.isdecimal():
                return NO_NUMBER
            keys[key] = str(int(value) + 1)
            return int(keys[key])
        case ("APPEND", key, more):
            keys[key] = keys.get(key, "") + more
            return len(keys[key])
        case ("SETNX", key, _) if key in keys:
            return False
        case ("SET" | "SETNX" | "MSET", *pairs):
            keys.update(zip(pairs[::2], pairs[1::2], strict=True))
            return True
        case ("MGET", *wanted):
            return tuple(map(keys.get, wanted))
        case ("RENAME", source, _) if source not in keys:
            return NO_KEY
        case ("RENAME", source, target):
            keys[target] = keys.pop(source)
            return True


def popped(keys: dict[str, Any], key: str) -> Any:
    values = keys.get(key, ())
    keep(keys, key, values[1:])
    return values[0] if values else None


def keep(keys: dict[str, Any], key: str, collection: Any) -> None:
    """A key without elements is none."""
    keys[key] = collection
    if not collection:
        del keys[key]
