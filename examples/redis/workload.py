"""Redis clients, for `radon sim`: each answer is one that a single Redis could have given, whatever goes wrong.

radon sim examples/redis --seeds 100

Keys of their own, and groups of keys that lie in several shards, are judged by what Redis would answer; transactions
over logs - texts that only grow, and show their past to whoever reads them - by whether some order of all of them
explains it. A client that loses its connection does not know whether what it had asked was done.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack, suppress
from itertools import count
from random import Random
from typing import Any

from radon.abi.errors import Timeout, Unavailable
from radon.kv.messages import parse
from radon.testing.history import Call, Operation, Outcome
from radon.testing.linearizability import check_linearizable
from radon.testing.serializability import check_serializable
from radon.testing.simulation import Client, Connection, State, Workload

LOGS = [f"log-{number}" for number in range(6)]
LETTERS = "abc"  # of the keys of a group, which lie in three shards
ERA = 8.0  # seconds; then come other keys, for the more operations there are on one the longer takes the check
AFTER_ALL = 1 << 62  # ns, for what is there when everything is over

Command = tuple[Any, ...]
Keys = dict[str, Any]


# ---- the protocol ----


class Failed(Exception):
    """An error that the server answers."""


def encoded(command: Command) -> bytes:
    words = [str(word).encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def reply_at(data: bytes, at: int) -> tuple[Any, int]:
    """The reply that begins there, and where it ends. Raises IndexError where it is not whole."""
    end = data.find(b"\r\n", at)
    if end < 0:
        raise IndexError
    sort, rest, at = data[at : at + 1], data[at + 1 : end].decode(), end + 2
    match sort:
        case b"+":
            return rest, at
        case b"-":
            return Failed(rest), at
        case b":":
            return int(rest), at
        case b"$" | b"*" if rest == "-1":
            return None, at
        case b"$":
            end = at + int(rest)
            if len(data) < end + 2:
                raise IndexError
            return data[at:end].decode(), end + 2
        case b"*":
            replies = []
            for _ in range(int(rest)):
                reply, at = reply_at(data, at)
                replies.append(reply)
            return tuple(replies), at
    raise AssertionError(f"no reply begins with {sort!r}")


class Session:
    """What one client asks, over one connection after the other."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._connection: Connection | None = None

    async def connect(self) -> None:
        """If it is not connected. Raises Unavailable."""
        if self._connection is None:
            self._connection = await self.client.connect("resp")

    async def ask(self, *commands: Command) -> list[Any]:
        """All at once. Raises Unavailable or Timeout where nobody knows how many of them are, or will be, done."""
        connection, self._connection = self._connection, None  # until all is well
        assert connection is not None
        try:
            connection.send(b"".join(map(encoded, commands)))
            replies, received, at = [], b"", 0
            while len(replies) < len(commands):
                try:
                    reply, at = reply_at(received, at)
                    replies.append(reply)
                except IndexError:
                    if not (more := await connection.receive(timeout=15.0)):
                        raise Unavailable("the server has closed the connection") from None
                    received += more
        except (Unavailable, Timeout):
            connection.close()
            raise
        except ValueError:
            raise AssertionError(f"{received[at:]!r} is no reply") from None
        assert at == len(received), f"{received[at:]!r} is the answer to nothing"
        self._connection = connection
        return replies


def conclude(call: Call, reply: Any, answer: Callable[[Any], Any] = lambda reply: reply) -> None:
    """Of an operation that was answered so."""
    match reply:
        case Failed(args=(text,)) if text.startswith("TRYAGAIN"):
            call.failed()
        case Failed(args=(text,)):
            assert "may or may not have acted" in text, f"{call.operation.input} is answered {text}"
            call.unknown()
        case _:
            call.ok(answer(reply))


# ---- what Redis answers ----


class Redis:
    """Of keys: those that begin alike, up to a colon, are a group, and no command is about keys of two."""

    def key(self, input: Command) -> Hashable:
        name, first = input[:2]
        return self.key(first) if name == "EXEC" else first.partition(":")[0]

    def initial(self, key: Hashable) -> frozenset[tuple[str, Any]]:
        return frozenset()

    def apply(self, state: frozenset[tuple[str, Any]], input: Command) -> tuple[Any, frozenset[tuple[str, Any]]]:
        keys = dict(state)
        answer = run(keys, input)
        return answer, frozenset(keys.items())


def run(keys: Keys, command: Command) -> Any:
    match command:
        case ("EXEC", *commands):
            return tuple(run(keys, one) for one in commands)
        case ("SET" | "MSET", *pairs):
            keys.update(zip(pairs[::2], pairs[1::2], strict=True))
            return "OK"
        case ("GET", key):
            return keys.get(key)
        case ("MGET", *wanted):
            return tuple(map(keys.get, wanted))
        case ("DEL", key):
            return int(keys.pop(key, None) is not None)
        case ("INCR", key):
            keys[key] = str(int(keys.get(key, "0")) + 1)
            return int(keys[key])
        case ("LPUSH", key, value):
            keys[key] = (value, *keys.get(key, ()))
            return len(keys[key])
        case ("RPOP", key):
            *left, value = keys.pop(key, ()) or (None,)
            keys.update({key: tuple(left)} if left else {})
            return value
        case ("BRPOP", key, _):  # which waits, and is answered None if nothing comes
            return (key, run(keys, ("RPOP", key))) if key in keys else None
        case ("RPOPLPUSH", source, target):
            value = run(keys, ("RPOP", source))
            if value is not None:
                run(keys, ("LPUSH", target, value))
            return value
        case ("LRANGE", key, 0, -1):
            return keys.get(key, ())
    raise ValueError(f"the model has no command {command}")


# ---- what clients do ----


class Clients(Workload):
    clients = 6
    settles = 30.0  # seconds in which commands over several shards give up

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.values = count(1)  # no two are the same, so that an answer tells which one it saw

    async def client(self, client: Client) -> None:
        session = Session(client)
        acts = (
            self.ask_of_keys, self.ask_of_a_group, self.ask_of_queues,
            self.append_to_logs, self.append_with_others, self.rewrite_logs, self.read_logs,
        )  # fmt: skip
        async for _ in client.every(0.3):
            with suppress(Unavailable, Timeout):
                await session.connect()
                await client.random.choices(acts, (4, 3, 2, 1, 2, 2, 1))[0](session)

    async def ask_of_keys(self, session: Session) -> None:
        """One command, or a pipeline."""
        random = session.client.random
        commands = [self.of_a_key(session.client) for _ in range(random.choice((1, 1, 3)))]
        with ExitStack() as stack:
            calls = [stack.enter_context(session.client.begin(*command)) for command in commands]
            for call, reply in zip(calls, await session.ask(*commands), strict=True):
                conclude(call, reply)

    def of_a_key(self, client: Client) -> Command:
        random, value = client.random, str(next(self.values))
        sort = random.choice(("text", "number", "list"))
        key = f"{sort}-{era(client)}-{random.randrange(2)}"
        commands: dict[str, list[Command]] = {
            "text": [("SET", key, value), ("GET", key), ("GET", key), ("DEL", key)],
            "number": [("INCR", key), ("INCR", key), ("GET", key), ("DEL", key)],
            "list": [("LPUSH", key, value), ("RPOP", key), ("LRANGE", key, 0, -1), ("BRPOP", key, 1)],
        }
        return random.choice(commands[sort])

    async def ask_of_a_group(self, session: Session) -> None:
        """It always has all of its keys or none: docs/redis.md says why a key must not come and go here."""
        random, group = session.client.random, f"group-{era(session.client)}"
        keys = [f"{group}:{letter}" for letter in LETTERS]
        one, other = random.sample(keys, 2)
        pairs = [word for key in keys for word in (key, str(next(self.values)))]
        choices: list[Command] = [("MSET", *pairs), ("MGET", *keys), ("MGET", *keys)]
        choices += [("EXEC", ("GET", one), ("GET", other)), ("EXEC", ("GET", one), ("MSET", *pairs))]
        command = random.choice(choices)
        with session.client.begin(*command) as call:
            whole = [("MULTI",), *command[1:], ("EXEC",)] if command[0] == "EXEC" else [command]
            conclude(call, (await session.ask(*whole))[-1])

    async def ask_of_queues(self, session: Session) -> None:
        """Two lists in different shards, and what goes from one to the other."""
        random, value = session.client.random, str(next(self.values))
        one, other = random.sample([f"queues-{era(session.client)}:{letter}" for letter in LETTERS[:2]], 2)
        choices: list[Command] = [("LPUSH", one, value), ("RPOP", one), ("LRANGE", one, 0, -1)]
        command = random.choice([*choices, ("RPOPLPUSH", one, other), ("RPOPLPUSH", one, other)])
        with session.client.begin(*command) as call:
            conclude(call, (await session.ask(command))[0])

    async def append_to_logs(self, session: Session) -> None:
        """To one, and read another one in the same transaction."""
        (one, other), value = session.client.random.sample(LOGS, 2), next(self.values)
        with session.client.begin("txn", ("append", one, value), ("read", other)) as call:
            asked = await session.ask(("MULTI",), ("APPEND", one, f" {value}"), ("GET", other), ("EXEC",))
            conclude(call, asked[-1], lambda reply: [None, listed(reply[1])])

    async def append_with_others(self, session: Session) -> None:
        """To two logs that all who do this choose, at the full second: so that they meet, and wait in line."""
        await session.client.sleep(1.0 - session.client.now % 1.0)
        more = [(key, next(self.values)) for key in LOGS[:2]]
        with session.client.begin("txn", *(("append", *pair) for pair in more)) as call:
            changes = [("APPEND", key, f" {value}") for key, value in more]
            conclude(call, (await session.ask(("MULTI",), *changes, ("EXEC",)))[-1], lambda _: [None, None])

    async def rewrite_logs(self, session: Session) -> None:
        """All are read and watched, and all but the last written anew, one longer."""
        keys = session.client.random.sample(LOGS, 3)
        more = [(key, next(self.values)) for key in keys[:-1]]
        with session.client.begin(
            "txn", *(("read", key) for key in keys), *(("append", *pair) for pair in more)
        ) as call:
            watching, found = await session.ask(("WATCH", *keys), ("MGET", *keys))
            if isinstance(watching, Failed) or isinstance(found, Failed):
                call.failed()
                await session.ask(("UNWATCH",))
                return
            texts = [f"{old or ''} {value}" for old, (_, value) in zip(found, more, strict=False)]
            changes = [("SET", key, text) for (key, _), text in zip(more, texts, strict=True)]
            done = (await session.ask(("MULTI",), *changes, ("EXEC",)))[-1]
            if done is None:
                call.failed()
            else:
                conclude(call, done, lambda _: [*map(listed, found), *(None for _ in more)])

    async def read_logs(self, session: Session) -> None:
        keys = session.client.random.sample(LOGS, 4)
        with session.client.begin("txn", *(("read", key) for key in keys)) as call:
            conclude(call, (await session.ask(("MGET", *keys)))[0], lambda reply: list(map(listed, reply)))

    # ---- what must hold ----

    def check(self, history: list[Operation], state: State) -> None:
        assert not state.dead_letters(), state.dead_letters()
        assert not (left := under_way(state)), f"these are not over: {left}"
        texts = stored(state)
        logs, others = [audit(("txn", *(("read", key) for key in LOGS)), [listed(texts.get(key)) for key in LOGS])], []
        for operation in history:
            (logs if operation.input[0] == "txn" else others).append(operation)
        groups = {operation.input for operation in others if operation.input[0] == "MGET"}
        others += [audit(input, [texts.get(key) for key in input[1:]]) for input in sorted(groups)]
        of_keys = check_linearizable(others, Redis())
        assert of_keys.ok, of_keys.text
        of_logs = check_serializable(logs)
        assert of_logs.ok, of_logs.text


def era(client: Client) -> int:
    return int(client.now / ERA)


def listed(text: str | None) -> tuple[int, ...]:
    """What a log has."""
    return tuple(map(int, (text or "").split()))


def audit(input: Command, found: Sequence[Any]) -> Operation:
    """What is there in the end, as if somebody had read it then."""
    return Operation("audit", input, tuple(found), AFTER_ALL, AFTER_ALL + 1, Outcome.OK)


def stored(state: State) -> dict[str, str]:
    """The keys of database 0 that hold a text."""
    entries = [
        (put.key[1:].decode(), parse(put.value))
        for shard in state.atoms("keys")
        for put in state.entries(f"keys/{shard}")
        if put.bucket == "values"
    ]
    return {key: answer.value.decode() for key, answer in entries if not answer.tag}


def under_way(state: State) -> set[str]:
    """Transactions that are not over, and keys that are locked by them. Waiters may be left: one whose connection is
    gone is forgotten when there is something to pop."""
    kept = {"keys": ("values", "shard", "elements", "counts", "waiters"), "tx": ("numbers", "told", "asked")}
    return {
        f"{kind}/{atom}: {put.bucket}"
        for kind, buckets in kept.items()
        for atom in state.atoms(kind)
        for put in state.entries(f"{kind}/{atom}")
        if put.bucket not in buckets
    }
