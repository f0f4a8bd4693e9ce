"""The gate between guests and syscalls: lifts and lowers, checks, enters handlers. Owns which instances live.

The only place where a guest's numbers become Python values. What a syscall then does is in `host/syscalls/`; when a
guest is entered is the domain's to say. One guest runs at a time; `running` says which, so that host functions,
which wasmtime calls with nothing but numbers, know whose they are.
"""

from __future__ import annotations

import ctypes
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from radon.abi.delivery import Delivery, Form
from radon.abi.errors import Refused
from radon.abi.signature import Syscall
from radon.abi.syscalls import BY_IMPORT, HANDLERS, SYSCALLS
from radon.host import wasi, wasi2
from radon.host.assembly import DROP, Assembly, Offer
from radon.host.atom import Atom
from radon.host.canonical import lifter, lowerer, parse
from radon.host.engine import engine
from radon.host.guest import Entry, HostFunction, Linked, Raw, Trap, callback
from radon.host.handles import Violation
from radon.host.instance import REALLOCS, Instance
from radon.host.joined import Joined
from radon.host.kind import Kind
from radon.host.limits import SYSCALL_FUEL
from radon.host.linked import Recipe
from radon.host.syscalls import FUNCTIONS
from radon.host.turn import Turn

_ENTRIES = ("cabi_realloc", *(name for handler in HANDLERS.values() for name in (handler.export, handler.post)))
_SLOTS = {"i32": "I12x", "i64": "Q8x", "f64": "d8x"}
_FORMS = {
    Form.MESSAGE: "receive", Form.START: "start", Form.REPLIED: "replied", Form.FIRED: "fired", Form.DOWN: "down",
}  # fmt: skip
_FUNCTIONS = {**FUNCTIONS, **wasi2.FUNCTIONS}
_ERR_BYTES = 1024

Function = Callable[..., Any]
"""What a syscall does: called with the turn and what the guest gave."""


def plain(name: str, function: Function) -> Function:
    return function


class Failed(Exception):
    """The turn is to be undone. `cause` may be recorded: "err", "trap: CODE"; `text` is for people."""

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause = cause
        self.text = text


class Gate:
    """The instances of a domain, and the host functions that they call. Not thread-safe."""

    def __init__(
        self, capacity: int, slots: int, memory: int, around: Callable[[str, Function], Function] = plain
    ) -> None:
        """At most `capacity` live instances beside those of suspended turns, `slots` with these, and `memory` bytes of
        linear memory between them. What a syscall does is what `around(name, function)` makes of it."""
        self._around = around
        self.running: Instance | None = None
        self._capacity, self._slots, self._memory = capacity, slots, memory
        self._used = 0  # bytes of linear memory, as of each instance's last turn
        self._shared: frozenset[str] = frozenset()  # kinds
        self._instances: OrderedDict[tuple[str, str], Instance] = OrderedDict()  # least recently entered first
        self._waiting: dict[tuple[str, str], Instance] = {}  # those of suspended turns
        self._recipes: dict[str, Recipe] = {}  # by digest of the module
        self._functions: dict[tuple[str, str], HostFunction] = {}  # those that modules have imported

    def link(self, kinds: Mapping[str, Kind]) -> None:
        """Serve these kinds from now on; every instance of others before is dropped. Raises LoadError."""
        self.drop_all()
        self._shared = frozenset(name for name, kind in kinds.items() if kind.shared)
        self._recipes = {kind.module.digest: self._recipe(kind) for kind in kinds.values()}

    def _recipe(self, kind: Kind) -> Recipe:
        compiled = kind.module.compiled
        if isinstance(compiled, Assembly):
            functions = {offer: callback(self._offered(offer)) for offer in compiled.offers()}
            return Joined(compiled, engine(), functions, REALLOCS)
        for place in kind.module.imports - self._functions.keys():
            self._functions[place] = self._function(*place)
        imported = {place: self._functions[place] for place in kind.module.imports}
        return Linked(compiled, engine(), imported, _ENTRIES, starts=kind.module.starts)

    def _function(self, space: str, field: str) -> HostFunction:
        if space == wasi.MODULE:
            return wasi.host_function(field, self._paying_caller)
        row = BY_IMPORT[space, field]
        return row.params, row.results, callback(self._host_function(row))

    # ---- instances ----

    def count(self) -> dict[str, int]:
        """Live instances by kind."""
        return Counter(kind for kind, _ in (*self._instances, *self._waiting))

    def park(self, instance: Instance) -> None:
        """Its turn waits: it cannot make room for others."""
        place = self._place(instance.turn.atom)
        self._waiting[place] = self._instances.pop(place)

    def unpark(self, instance: Instance) -> None:
        place = self._place(instance.turn.atom)
        self._instances[place] = self._waiting.pop(place)

    def drop(self, atom: Atom) -> None:
        """The atom leaves its instance, if it has one and does not wait in it, which goes with the last one of it."""
        place = self._place(atom)
        instance = self._instances.get(place)
        if instance is not None and atom.key in instance.seats:
            instance.leave(atom.key)
            if not instance.seats:
                self._free(place)

    def discard(self, atom: Atom) -> None:
        """Free the instance that the atom has, if it has one, whoever else has it too."""
        place = self._place(atom)
        if place in self._instances and atom.key in self._instances[place].seats:
            self._free(place)

    def _free(self, place: tuple[str, str]) -> None:
        instance = self._instances.pop(place)
        self._used -= instance.size
        instance.guest.close()

    def _place(self, atom: Atom) -> tuple[str, str]:
        """What its instance is known by; of a shared kind all have the same."""
        return atom.kind, "" if atom.kind in self._shared else atom.key

    def drop_all(self) -> None:
        for instance in self._instances.values():
            instance.guest.close()
        self._instances.clear()
        self._used = 0

    def weigh(self, instance: Instance) -> int:
        """How much memory it has by now, in bytes."""
        size = instance.guest.memory_size()
        self._used += size - instance.size
        instance.size = size
        return size

    def _instance(self, turn: Turn) -> Instance:
        """The atom's instance, made if need be; the least recently entered one makes room (deterministic: rule 4)."""
        place = self._place(turn.atom)
        instance = self._instances.get(place)
        if instance is not None:
            self._instances.move_to_end(place)
            instance.adopt(turn)
            if self._used > self._memory:
                self._make_room(len(self._instances))
            return instance
        most = min(self._capacity, self._slots - len(self._waiting))
        if len(self._instances) >= most or self._used > self._memory:
            self._make_room(most - 1)
        instance = Instance(self._recipes[turn.kind.module.digest], turn.kind)
        instance.adopt(turn)
        self._instances[place] = instance
        self.running = instance
        instance.starting = instance.allocates_all
        instance.guest.start()
        instance.starting = False
        return instance

    def _make_room(self, most: int) -> None:
        """Drop the least recently entered instances that are in no turn, until `most` are left and memory is."""
        for place, instance in list(self._instances.items()):
            if len(self._instances) <= most and self._used <= self._memory:
                break
            if not instance.turn.open:
                self._free(place)

    # ---- into the guest ----

    def enter(self, turn: Turn) -> None:
        """Let the guest handle the turn's delivery. Raises Failed; whatever else is raised is a defect of the host."""
        handler = HANDLERS[_FORMS[turn.delivery.form]]
        lent = 0
        try:
            instance = self.running = self._instance(turn)
            entry = instance.guest.entry(handler.export)
            if entry is None:
                raise Violation(f"the module does not export {handler.export}")
            if turn.delivery.form is Form.MESSAGE:
                lent = instance.handles.insert("message", turn.message, beyond_limit=True)
            self._call(instance, entry, handler.post, _arguments(instance, turn.delivery, lent))
            if lent:
                instance.handles.release(lent, turn.message)
            self.weigh(instance)
            if not instance.release():
                self.discard(turn.atom)  # begin anew before a turn has too few (rule 4: it is a cache)
        except Trap as trap:
            where = f" in {' < '.join(trap.frames)}" if trap.frames else ""
            raise Failed(f"trap: {trap.code}", f"trap: {trap.message}{where}") from None
        finally:
            turn.output.flush()
            self.running = None

    def _call(self, instance: Instance, entry: Entry, post: str, arguments: tuple[int, ...]) -> None:
        result = instance.guest.call(entry, *arguments)
        assert result is not None
        if result % 4:
            raise Violation(f"the handler's result at {result} is not aligned to 4")
        case, pointer, length = struct.unpack("<B3xII", instance.read(result, 12))
        if case > 1:
            raise Violation(f"{case} is no case of the handler's result")
        text = ""
        if case:
            instance.guest.check(pointer, length)
            text = instance.read(pointer, min(length, _ERR_BYTES)).decode(errors="replace")
        if instance.guest.entry(post) is not None:
            instance.call_closed(post, result, may_drop=True)
        if case:
            raise Failed("err", f"err: {text}")

    # ---- out of the guest ----

    def _host_function(self, row: Syscall) -> Callable[[Raw], None]:
        if row.field.startswith(DROP):
            return self._drop_function(row.field.removeprefix(DROP))
        caller, string_at = self._caller, ctypes.string_at
        name, function, size, unpack, lift, lower, result = _BINDINGS[row.name]
        function = self._around(name, function)
        fails, takes = row.fails, bool(row.takes)

        def enter(raw: Raw) -> None:
            instance = caller()
            turn = instance.turn
            turn.spend(SYSCALL_FUEL)
            flat = unpack(string_at(raw, size)) if size else ()
            try:
                value = function(turn, *lift(instance, flat)) if takes else function(turn)
            except Refused as refused:
                if not fails:
                    raise Violation(f"{name}: {refused}") from None
                value = refused.with_traceback(None)  # which would keep this frame alive, and it the arguments
            if lower is not None:
                try:
                    lower(instance, flat[-1], value)
                except Refused as refused:  # no handle is left, and no result to say so
                    raise Violation(f"{name}: {refused}") from None
            elif result is not None:
                raw[0] = result(instance, value)

        return enter

    def _drop_function(self, resource: str) -> Callable[[Raw], None]:
        def drop(raw: Raw) -> None:
            instance = self._paying_caller(drops=True)
            instance.handles.drop(raw[0] & 0xFFFF_FFFF, resource)

        return drop

    def _offered(self, offer: Offer) -> Callable[[Raw], None]:
        """As `_host_function`, for a component: with the `realloc` that it has chosen, and for all that WASI has."""
        if offer.row is not None:
            enter = self._host_function(offer.row)
        elif offer.field.startswith(DROP):
            enter = self._drop_function(offer.words)
        else:
            enter = self._failing(offer)
        realloc = REALLOCS[offer.realloc]

        def enter_with(raw: Raw) -> None:
            instance = self._caller()
            instance.realloc = realloc
            enter(raw)
            instance.realloc = REALLOCS[0]

        return enter_with if offer.realloc else enter

    def _failing(self, offer: Offer) -> Callable[[Raw], None]:
        def fail(raw: Raw) -> None:
            self._paying_caller()
            raise Trap("wasi", offer.words)

        return fail

    def _paying_caller(self, drops: bool = False) -> Instance:
        instance = self._caller(drops)
        instance.turn.spend(SYSCALL_FUEL)
        return instance

    def _caller(self, drops: bool = False) -> Instance:
        instance = self.running
        assert instance is not None
        if instance.leaving and not (drops and instance.may_drop):
            raise Violation("a syscall inside cabi_realloc or cabi_post")
        return instance


class _Binding(NamedTuple):
    """How one syscall crosses; made once, since it is the same for every domain."""

    name: str
    function: Callable[..., Any]
    size: int  # bytes of raw arguments
    unpack: Callable[[bytes], tuple[Any, ...]]
    lift: Callable[[Instance, Sequence[int]], list[Any]]
    lower: Callable[[Instance, int, Any], None] | None  # of a result that goes to memory
    result: Callable[[Instance, Any], int] | None  # of one that is a core value


def _bind(row: Syscall) -> _Binding:
    unpack = struct.Struct("<" + "".join(_SLOTS[core] for core in row.params)).unpack
    lift = lifter([parse(text) for text in row.takes])
    lower = lowerer(parse(row.gives)) if row.gives and not row.results else None
    result: Callable[[Instance, Any], int] | None = None
    if row.gives.startswith("own<"):
        resource = row.gives[4:-1]
        result = lambda instance, value: _insert(instance, resource, value)  # noqa: E731
    elif row.results:
        result = _plain
    return _Binding(row.name, _FUNCTIONS[row.name], 16 * len(row.params), unpack, lift, lower, result)


def _plain(instance: Instance, value: int) -> int:
    return value


_BINDINGS = {row.name: _bind(row) for row in (*SYSCALLS, *wasi2.BY_IMPORT.values()) if row.name in _FUNCTIONS}


def _insert(instance: Instance, resource: str, value: Any) -> int:
    try:
        return instance.handles.insert(resource, value)
    except Refused as refused:
        raise Violation(str(refused)) from None


def _arguments(instance: Instance, delivery: Delivery, message: int) -> tuple[int, ...]:
    """The core arguments of the handler that takes this delivery."""
    if delivery.form is Form.FIRED:
        return (delivery.token,)
    if delivery.form is Form.DOWN:
        return (delivery.token, delivery.code)
    if delivery.form is Form.REPLIED and delivery.code:
        return (delivery.token, 1, delivery.code - 1, 0)
    pointer = 1  # of an empty list
    if delivery.body or instance.allocates_all:
        pointer = instance.allocate(1, len(delivery.body))
        instance.write(pointer, delivery.body)
    body = (pointer, len(delivery.body))
    if delivery.form is Form.MESSAGE:
        return (message, *body)
    return (delivery.token, 0, *body) if delivery.form is Form.REPLIED else body
