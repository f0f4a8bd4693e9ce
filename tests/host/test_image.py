"""Durable state: its snapshot and its log make it again, and a turn that fails leaves no trace in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from radon.abi import records as r
from radon.abi.delivery import NOWHERE, Address, Delivery, Form
from radon.abi.frames import decode_all, encode_all
from radon.host.alarms import Cause
from radon.host.atom import LISTENER, Atom
from radon.host.image import Image
from radon.host.limits import ENTRY_OVERHEAD

T = TypeVar("T")

NAMES = [("account", "a"), ("account", "b"), ("counter", ""), ("@topic", "news")]
BUCKETS = ("one", "two")

keys = st.binary(max_size=2)
values = st.binary(max_size=5)
numbers = st.integers(0, 9)
dues = st.integers(0, 50)


def snapshot(image: Image) -> bytes:
    return encode_all(image.records())


def restored(body: bytes) -> Image:
    image = Image()
    image.load(decode_all(body))
    return image


def counted(atom: Atom) -> int:
    """The quota by its definition: key + value + 32 for each entry."""
    return sum(
        len(key) + len(value) + ENTRY_OVERHEAD for bucket in atom.buckets.values() for key, value in bucket.items()
    )


def awaited(image: Image) -> set[tuple[int, Cause, bytes]]:
    """Everything in the image that must ring some day, without asking its alarms."""
    found = {(later.due, Cause.POSTPONED, id) for id, later in image.postponed.items()}
    found |= {(once.expires, Cause.SEEN, key.encode()) for key, once in image.seen.items()}
    found |= {(thing.expires, Cause.OBJECT, name.encode()) for name, thing in image.objects.items() if not thing.pins}
    for atom in image.atoms.values():
        found |= {(due, Cause.TIMER, token.to_bytes(8, "big")) for token, due in atom.timers.items()}
        found |= {(due, Cause.RETRY, id) for id, due in atom.mailbox.due.items()}
        found |= {(asked.deadline, Cause.ASKED, id) for id, asked in atom.asked.items()}
        call = atom.journal.awaited() if atom.journal is not None else None
        if call is not None:
            found.add((call.deadline, Cause.CALLED, call.request))
    return found


def rings(image: Image) -> set[tuple[int, Cause, bytes]]:
    """All that ring in the end."""
    found = set()
    while (alarm := image.alarms.pop(2**64 - 1)) is not None:
        found.add((alarm.due, alarm.cause, alarm.name))
    return found


class History(RuleBasedStateMachine):
    """Records as a domain emits them, applied one by one, and kept as a log."""

    def __init__(self) -> None:
        super().__init__()
        self.image = Image()
        self.log: list[Any] = []
        self.count = 0
        self.open: tuple[Atom, dict[tuple[str, bytes], bytes]] | None = None  # an atom in a turn, and its state before

    # ---- how a record gets in ----

    def emit(self, record: Any) -> None:
        self.image.apply(Atom("", ""), record)
        self.log.append(record)

    def about(self, atom: Atom, record: Any) -> None:
        self.image.apply(atom, record)
        self.log += [r.At(atom.kind, atom.key), record]

    def atom(self, data: st.DataObject) -> Atom:
        return self.image.atom(*data.draw(st.sampled_from(NAMES)))

    def id(self) -> bytes:
        self.count += 1
        return self.count.to_bytes(16, "big")

    def message(self, data: st.DataObject, form: Form = Form.MESSAGE) -> Delivery:
        sender = data.draw(st.sampled_from([NOWHERE, Address("account", "a", 1), Address("counter", "")]))
        return Delivery(self.id(), form, body=data.draw(values), sender=sender, pair=data.draw(st.sampled_from("ab")))

    def one_of(self, data: st.DataObject, things: Iterable[T]) -> T:
        return data.draw(st.sampled_from(list(things)))

    def some_atom(self, data: st.DataObject, has: Callable[[Atom], Any]) -> Atom | None:
        atoms = [atom for _, atom in sorted(self.image.atoms.items()) if has(atom)]
        return self.one_of(data, atoms) if atoms else None

    # ---- the domain itself ----

    @rule(number=numbers, time=dues)
    def step(self, number: int, time: int) -> None:
        self.emit(r.Step(number, time))

    @rule(digest=st.text("abc", max_size=3))
    def deployed(self, digest: str) -> None:
        self.emit(r.Deployed(digest))

    @rule(due=dues, data=st.data())
    def postponed(self, due: int, data: st.DataObject) -> None:
        self.emit(r.Postponed(due, Address("account", "a"), self.message(data)))

    @precondition(lambda self: self.image.postponed)
    @rule(data=st.data())
    def postponed_gone(self, data: st.DataObject) -> None:
        self.emit(r.PostponedGone(self.one_of(data, self.image.postponed)))

    @rule(expires=dues, pins=st.integers(0, 1), name=st.sampled_from("xyz"), body=values)
    def stored(self, expires: int, pins: int, name: str, body: bytes) -> None:
        self.emit(r.Stored(expires, pins, name, body))

    @precondition(lambda self: self.image.objects)
    @rule(expires=dues, pins=st.integers(0, 2), data=st.data())
    def pinned_or_collected(self, expires: int, pins: int, data: st.DataObject) -> None:
        name = self.one_of(data, self.image.objects)
        self.emit(r.Pinned(expires, pins, name) if pins < 2 else r.Collected(name))

    @rule(time=dues, data=st.data())
    def died(self, time: int, data: st.DataObject) -> None:
        self.emit(r.Died(time, "err", Address("account", "a", 3), self.message(data)))

    @precondition(lambda self: self.image.dead)
    @rule(data=st.data())
    def died_gone(self, data: st.DataObject) -> None:
        self.emit(r.DiedGone(self.one_of(data, self.image.dead)))

    @rule(expires=dues, key=st.sampled_from("kl"))
    def seen(self, expires: int, key: str) -> None:
        self.emit(r.Seen(expires, key))

    @precondition(lambda self: self.image.seen)
    @rule(code=numbers, body=values, gone=st.booleans(), data=st.data())
    def settled_or_forgotten(self, code: int, body: bytes, gone: bool, data: st.DataObject) -> None:
        key = self.one_of(data, self.image.seen)
        self.emit(r.SeenGone(key) if gone else r.Settled(code, key, (("n", b"v"),), body))

    # ---- one atom ----

    @rule(life=st.integers(1, 9), data=st.data())
    def born(self, life: int, data: st.DataObject) -> None:
        parent = self.one_of(data, [NOWHERE, Address("counter", "", 2)])
        self.about(self.atom(data), r.Born(life, parent))

    @rule(data=st.data())
    def ended(self, data: st.DataObject) -> None:
        atom = self.some_atom(data, lambda atom: self.open is None or atom is not self.open[0])
        if atom is not None:
            self.about(atom, r.Ended())

    @rule(bucket=st.sampled_from(BUCKETS), key=keys, value=st.none() | values, data=st.data())
    def wrote(self, bucket: str, key: bytes, value: bytes | None, data: st.DataObject) -> None:
        atom = self.atom(data)
        if self.open is None or atom is not self.open[0]:
            self.about(atom, r.Delete(bucket, key) if value is None else r.Put(bucket, key, value))

    @rule(data=st.data(), cast=st.booleans())
    def delivered(self, data: st.DataObject, cast: bool) -> None:
        atom, message = self.atom(data), self.message(data, data.draw(st.sampled_from(Form)))
        if cast:
            message.cast = True
            self.image.apply(atom, r.Delivered(message))
        else:
            self.about(atom, r.Delivered(message))

    @rule(data=st.data(), fails=st.booleans(), due=dues)
    def handled(self, data: st.DataObject, fails: bool, due: int) -> None:
        atom = self.some_atom(data, lambda atom: atom.mailbox.next() is not None and atom.journal is None)
        head = atom.mailbox.next() if atom is not None else None
        if atom is not None and head is not None:
            record = r.Attempted(head.id, head.attempt + 1, due) if fails else r.Consumed(head.id)
            if head.cast:
                self.image.apply(atom, record)
            else:
                self.about(atom, record)

    @rule(data=st.data())
    def retried(self, data: st.DataObject) -> None:
        atom = self.some_atom(data, lambda atom: atom.mailbox.due)
        if atom is not None:
            id = self.one_of(data, atom.mailbox.due)
            if atom.mailbox.find(id).cast:
                self.image.apply(atom, r.Retried(id))
            else:
                self.about(atom, r.Retried(id))

    @rule(data=st.data(), token=numbers, due=dues)
    def timer(self, data: st.DataObject, token: int, due: int) -> None:
        atom = self.atom(data)
        self.about(atom, r.TimerGone(token) if token in atom.timers and due % 2 else r.TimerSet(token, due))

    @rule(data=st.data(), token=numbers)
    def kept(self, data: st.DataObject, token: int) -> None:
        atom = self.atom(data)
        self.about(atom, r.KeptGone(token) if token in atom.kept else r.Kept(token, self.message(data)))

    @rule(data=st.data(), token=numbers, deadline=dues)
    def asked(self, data: st.DataObject, token: int, deadline: int) -> None:
        atom = self.atom(data)
        if atom.asked and token % 2:
            self.about(atom, r.AskedGone(self.one_of(data, atom.asked)))
        else:
            self.about(atom, r.Asked(self.id(), token, deadline, Address("counter", "")))

    @rule(data=st.data(), token=numbers)
    def watched(self, data: st.DataObject, token: int) -> None:
        atom = self.atom(data)
        watch = (token, bytes(16), Address("account", "b", 4))
        self.about(atom, r.WatchedGone(*watch) if watch in atom.watchers else r.Watched(*watch))

    @rule(data=st.data(), status=numbers)
    def child(self, data: st.DataObject, status: int) -> None:
        atom, child = self.atom(data), Address("account", str(status), 5)
        self.about(atom, r.ChildGone(child) if child in atom.children else r.ChildEnded(status, child))

    @rule(data=st.data(), subscriber=numbers)
    def subscribed(self, data: st.DataObject, subscriber: int) -> None:
        atom, address = self.atom(data), Address("account", str(subscriber), 6)
        self.about(atom, r.Unsubscribed(address) if address in atom.subscribers else r.Subscribed(address))

    @rule(data=st.data(), time=dues, deadline=dues)
    def suspended(self, data: st.DataObject, time: int, deadline: int) -> None:
        """A turn suspends, is answered, suspends again."""
        atom = self.some_atom(data, lambda atom: atom.mailbox.next() is not None)
        if atom is None:
            return
        head = atom.mailbox.find(atom.journal.id) if atom.journal is not None else atom.mailbox.next()
        assert head is not None
        call = atom.journal.awaited() if atom.journal is not None else None
        batch: list[Any] = []
        if call is not None:
            batch.append(r.Answered(call.request, time, 0, 7, (("n", b"v"),), b"answer"))
        else:
            if atom.journal is None:
                batch.append(r.Suspended(head.id, head.attempt, 8, time))
            batch.append(r.Called(self.id(), deadline, r.CALL, b"digest"))
        for record in batch:
            if head.cast:
                self.image.apply(atom, record)
            else:
                self.about(atom, record)

    # ---- a turn, which writes as it goes ----

    @precondition(lambda self: self.open is None)
    @rule(data=st.data())
    def turn_begins(self, data: st.DataObject) -> None:
        atom = self.atom(data)
        self.open = (atom, {(put.bucket, put.key): put.value for put in atom.entries()})

    @precondition(lambda self: self.open is not None)
    @rule(bucket=st.sampled_from(BUCKETS), key=keys, value=st.none() | values)
    def turn_writes(self, bucket: str, key: bytes, value: bytes | None) -> None:
        assert self.open is not None
        atom = self.open[0]
        atom.undo.setdefault((bucket, key), atom.write(bucket, key, value))

    @precondition(lambda self: self.open is not None)
    @rule(fails=st.booleans())
    def turn_ends(self, fails: bool) -> None:
        assert self.open is not None
        (atom, before), self.open = self.open, None
        if fails:
            atom.roll_back()
            assert {(put.bucket, put.key): put.value for put in atom.entries()} == before
        else:
            for bucket, key in atom.undo:
                value = atom.buckets.get(bucket, {}).get(key)
                record = r.Delete(bucket, key) if value is None else r.Put(bucket, key, value)
                self.log += [r.At(atom.kind, atom.key), record]
            atom.undo = {}
        assert not any(len(bucket) == 0 for bucket in atom.buckets.values())

    # ---- what always holds ----

    @invariant()
    def the_quota_is_the_sum_of_the_entries(self) -> None:
        for atom in self.image.atoms.values():
            assert atom.used == counted(atom)

    @invariant()
    def while_a_turn_is_open_the_committed_values_are_shown(self) -> None:
        if self.open is not None:
            atom, before = self.open
            shown = [((put.bucket, put.key), put.value) for put in atom.entries()]
            assert shown == sorted(before.items())

    @invariant()
    def the_snapshot_makes_an_equal_image(self) -> None:
        body = snapshot(self.image)
        again = restored(body)
        assert snapshot(again) == body
        for name, atom in again.atoms.items():
            assert atom.used == counted(atom)
            assert name in self.image.atoms

    def teardown(self) -> None:
        """The log, written and read, makes the same snapshot; both ring for everything that is awaited."""
        body = snapshot(self.image)
        replayed = restored(encode_all(self.log))
        assert snapshot(replayed) == body
        for image in (restored(body), replayed):
            expected = awaited(image)
            assert rings(image) == expected


TestHistory = History.TestCase
TestHistory.settings = settings(stateful_step_count=40)


# ---- one thing at a time ----


def made(*log: Any) -> Image:
    image = Image()
    image.load(log)
    return image


def test_equal_images_have_the_same_snapshot_however_they_came_about() -> None:
    writes = [r.Put("b", b"1", b"x"), r.Put("a", b"2", b"y"), r.Put("a", b"1", b"z")]
    one = made(r.At("k", "1"), *writes, r.At("k", "0"), r.TimerSet(2, 5), r.TimerSet(1, 6))
    other = made(r.At("k", "0"), r.TimerSet(1, 9), r.TimerSet(1, 6), r.TimerSet(2, 5), r.At("k", "1"), *writes[::-1])
    assert snapshot(one) == snapshot(other)


def test_volatile_atoms_are_in_no_snapshot() -> None:
    image = made(r.Step(1, 0), r.At("conn", "1"), r.Born(1, NOWHERE))
    image.atom("conn", "1").volatile = True
    assert snapshot(image) == snapshot(made(r.Step(1, 0)))


def test_an_atom_of_which_nothing_is_left_is_in_no_snapshot() -> None:
    image = made(r.At("k", "1"), r.TimerSet(1, 5), r.TimerGone(1))
    assert snapshot(image) == snapshot(Image())


def test_listeners_outside_are_in_no_snapshot() -> None:
    """They went with the process; the next one gives their numbers to others."""
    image = made(r.At("@topic", "news"), r.Subscribed(Address(LISTENER, "1")), r.Subscribed(Address("k", "a", 2)))
    again = restored(snapshot(image))
    assert list(again.atom("@topic", "news").subscribers) == [Address("k", "a", 2)]


def test_a_suspended_cast_is_in_no_snapshot() -> None:
    cast = Delivery(bytes(16), cast=True)
    image = made(r.At("k", "1"), r.Born(1, NOWHERE), r.Delivered(cast), r.Suspended(cast.id, 0, 5, 6),
                 r.Called(bytes(16), 9, r.CALL, b""))  # fmt: skip
    assert restored(snapshot(image)).atom("k", "1").journal is None


def test_a_life_uses_a_step_number_up() -> None:
    assert made(r.Step(5, 50), r.At("k", "1"), r.Born(7, NOWHERE)).step == 7


def test_the_step_and_the_time_never_go_back() -> None:
    image = made(r.Step(5, 50), r.Step(3, 70), r.Step(4, 60))
    assert (image.step, image.time) == (5, 70)


@given(st.lists(st.tuples(st.sampled_from(BUCKETS), keys, st.none() | values), max_size=20))
def test_undoing_a_turn_restores_state_and_quota_exactly(writes: Sequence[tuple[str, bytes, bytes | None]]) -> None:
    atom = Atom("k", "1")
    atom.write("one", b"a", b"first")
    atom.write("two", b"", b"")
    before, used = list(atom.entries()), atom.used
    for bucket, key, value in writes:
        atom.undo.setdefault((bucket, key), atom.write(bucket, key, value))
    assert list(atom.entries()) == before
    atom.roll_back()
    assert (list(atom.entries()), atom.used, atom.undo) == (before, used, {})
    assert set(atom.buckets) == {"one", "two"}
