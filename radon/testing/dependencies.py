"""What transactions tell of each other: the order of the versions of every key, who wrote and who read which of them.

As Elle does (K. Kingsbury and P. Alvaro, "Elle: inferring isolation anomalies from experimental observations", VLDB
2020): a list that is only ever appended to shows its whole past to whoever reads it, so its longest read gives the
order. A register shows it by the numbers of its versions.

Owns the reading of histories, and the anomalies that need no cycle to be seen.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from radon.abi.errors import Invalid
from radon.testing.history import Operation, Outcome, shown

Key = Hashable
Value = Hashable


class Anomaly(NamedTuple):
    name: str
    transactions: tuple[Operation, ...]
    text: str


class Read(NamedTuple):
    """A read of the versions of others. What the transaction itself had written before is not in it."""

    transaction: int
    key: Key
    seen: int  # so many of the values in the order of its key


class Versions:
    """Of one key."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.writers: dict[Value, int] = {}  # who wrote, or tried to write, each value
        self.finals: dict[int, Value] = {}  # the value that each transaction wrote last
        self.lists: list[tuple[int, tuple[Value, ...], int]] = []  # reader, list, how many at its end are its own
        self.numbers: dict[int, Value] = {}  # of a register: version -> value
        self.gets: list[tuple[int, int]] = []  # of a register: reader, version
        self.order: list[Value] = []  # those of transactions that took effect, oldest first
        self.unseen: list[int] = []  # who wrote what nobody saw: to a list after these, to a register anywhere


class Dependencies:
    """`versions`, `reads` and `anomalies` of a history; `nodes` are the numbers of what certainly took effect."""

    def __init__(self, history: Iterable[Operation]) -> None:
        self.history = list(history)
        self.versions: dict[Key, Versions] = {}
        self.reads: list[Read] = []
        self.anomalies: list[Anomaly] = []
        for number, transaction in enumerate(self.history):
            self._take(number, transaction)
        self.nodes = {number for number, t in enumerate(self.history) if t.outcome is Outcome.OK}
        for versions in self.versions.values():
            self._find_order(versions)
        for versions in self.versions.values():  # all nodes are known by now
            seen = set(versions.order)
            final = versions.finals.items()
            versions.unseen = [number for number, value in final if number in self.nodes and value not in seen]
        self._find_lost_updates()

    # ---- reading transactions ----

    def _take(self, number: int, transaction: Operation) -> None:
        name, *parts = transaction.input
        answers = transaction.output if transaction.outcome is Outcome.OK else [None] * len(parts)
        if name != "txn" or not isinstance(answers, list | tuple) or len(answers) != len(parts):
            raise Invalid(
                f'a transaction is ("txn", PART, ...), and its output has an answer a part: {transaction.text}'
            )
        own: dict[Key, list[Value]] = {}
        for part, answer in zip(parts, answers, strict=True):
            match part, answer:
                case ("append", key, value), None:
                    self._write(number, key, value)
                    own.setdefault(key, []).append(value)
                case ("write", key, value), int() | None:
                    self._write(number, key, value)
                    own.setdefault(key, []).append(value)
                    if answer is not None:
                        self._number(number, key, answer, value)
                case ("read", key), tuple():
                    self._read(number, key, answer, own.get(key, []))
                case ("get", key), (value, int() as version):
                    self._get(number, key, value, version, own.get(key, []))
                case ("read" | "get", _), None if transaction.outcome is not Outcome.OK:
                    pass
                case _:
                    raise Invalid(f"{part!r} is no part of a transaction that could be answered {answer!r}")

    def _of(self, key: Key) -> Versions:
        return self.versions.setdefault(key, Versions(key))

    def _write(self, number: int, key: Key, value: Value) -> None:
        versions = self._of(key)
        if value in versions.writers:
            raise Invalid(f"{shown(value)} is written to {shown(key)} twice: every value of a key has to be another")
        versions.writers[value] = number
        versions.finals[number] = value

    def _read(self, number: int, key: Key, answer: tuple[Value, ...], own: list[Value]) -> None:
        if own and answer[-len(own) :] != tuple(own):
            self._anomaly("internal", f"{shown(key)} was read as {shown(answer)} after {shown(tuple(own))}", number)
            return
        self._of(key).lists.append((number, answer, len(own)))

    def _get(self, number: int, key: Key, value: Value, version: int, own: list[Value]) -> None:
        if not own:
            self._number(number, key, version, value)
            self._of(key).gets.append((number, version))
        elif value != own[-1]:
            self._anomaly("internal", f"{shown(key)} had the value {shown(value)} after {shown(own[-1])}", number)

    def _number(self, number: int, key: Key, version: int, value: Value) -> None:
        if version < 0 or (version == 0) != (value is None):
            raise Invalid(f"version {version} of {shown(key)} cannot be {shown(value)}: 0 is that of no value, None")
        known = self._of(key).numbers.setdefault(version, value)
        if known != value:
            text = f"version {version} of {shown(key)} is both {shown(known)} and {shown(value)}"
            self._anomaly("incompatible-order", text, number)

    def _anomaly(self, name: str, text: str, *numbers: int) -> None:
        self.anomalies.append(Anomaly(name, tuple(self.history[number] for number in numbers), text))

    # ---- the order of versions ----

    def _find_order(self, versions: Versions) -> None:
        if versions.lists and versions.numbers:
            raise Invalid(f"{shown(versions.key)} is a list to some and a register to others")
        if versions.lists:
            self._find_order_of_list(versions)
        else:
            self._find_order_of_register(versions)

    def _find_order_of_list(self, versions: Versions) -> None:
        key = shown(versions.key)
        reader, longest, _ = max(versions.lists, key=lambda read: len(read[1]))
        if len(set(longest)) < len(longest):
            self._anomaly("duplicate-append", f"{key} was read as {shown(longest)}: something is in it twice", reader)
            return
        counts = self._keep(versions, ((value, reader) for value in longest))
        for number, answer, own in versions.lists:
            if answer != longest[: len(answer)]:
                text = (
                    f"{key} was read as {shown(answer)} and as {shown(longest)}: neither goes on where the other ends"
                )
                self._anomaly("incompatible-order", text, number, reader)
            else:
                self._saw(versions, number, counts[len(answer) - own])

    def _find_order_of_register(self, versions: Versions) -> None:
        numbers = sorted(version for version in versions.numbers if version > 0)
        readers = {version: number for number, version in versions.gets}
        seen = [(versions.numbers[version], readers.get(version, -1)) for version in numbers]
        counts = self._keep(versions, seen)
        places = {version: place for place, version in enumerate(numbers, 1)} | {0: 0}
        for number, version in versions.gets:
            self._saw(versions, number, counts[places[version]])

    def _keep(self, versions: Versions, seen: Iterable[tuple[Value, int]]) -> list[int]:
        """Make the order of values, each with one who read it, without those that should not be there.

        The result says how many are left of the first 0, 1, 2 ... of them.
        """
        counts = [0]
        for value, reader in seen:
            writer = versions.writers.get(value)
            if writer is None:
                text = f"{shown(versions.key)} had the value {shown(value)}, which nobody wrote"
                self._anomaly("garbage-read", text, reader)
            elif self.history[writer].outcome is Outcome.FAILED:
                text = f"{shown(versions.key)} had the value {shown(value)}, and who wrote it had failed"
                self._anomaly("G1a", text, reader, writer)
            else:
                versions.order.append(value)
                self.nodes.add(writer)
            counts.append(len(versions.order))
        return counts

    def _saw(self, versions: Versions, number: int, seen: int) -> None:
        self.reads.append(Read(number, versions.key, seen))
        if seen:
            value = versions.order[seen - 1]
            writer = versions.writers[value]
            if writer != number and versions.finals[writer] != value:
                text = (
                    f"{shown(versions.key)} was read up to {shown(value)}, which is not the last that its writer wrote"
                )
                self._anomaly("G1b", text, number, writer)

    def _find_lost_updates(self) -> None:
        updates: dict[tuple[Key, int], dict[int, None]] = {}
        for number, key, seen in self.reads:
            if number in self.versions[key].finals:
                updates.setdefault((key, seen), {})[number] = None
        for (key, _), numbers in updates.items():
            if len(numbers) > 1:
                text = f"all of these read the same version of {shown(key)} and wrote the next"
                self._anomaly("lost-update", text, *numbers)
