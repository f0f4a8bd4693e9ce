"""What a guest may ask for: scripts of puppets, at random.

Most steps make sense, so that there is something to go wrong behind them; some have one argument that may be anything.
"""

from __future__ import annotations

import hashlib

from hypothesis import strategies as st

from radon.abi.syscalls import SYSCALLS
from radon.host.canonical import parse
from tests.hostile.puppet import AREAS, DATA, Act, Script
from tests.hostile.wat import WASI2

NAMES = [b"witness/w", b"puppet/b", b"direct", b"puppet", b"witness", b"data", b"topic", b"link", b"http:api", b"no/x"]
NAMES.append(hashlib.sha256(NAMES[0].ljust(20, b"\0")).hexdigest().encode())
"""Something for every string: names of atoms, kinds, buckets and topics, and of the object that each script puts."""

PLACES = [DATA + 64 * number for number in range(len(NAMES))]

LISTS = DATA + 64 * len(NAMES)
"""Where a table of pointers begins: of keys, or of pairs of metadata."""

HELD = {
    "message": [1], "address": [2, 3, 4], "bucket": [5], "object": [6],
    "output-stream": [7, 8], "input-stream": [9], "pollable": [10, 11],  # with WASI
}  # fmt: skip
"""The handles that a script begins with, on a fresh instance."""

Steps = list[tuple[str | Act, list[int]]]

edges = st.sampled_from([0, 1, 2, 7, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1])
anything = st.one_of(st.integers(0, 2**64 - 1), edges, st.integers(0, 300), st.sampled_from(PLACES))
numbers = st.one_of(st.integers(0, 5), st.sampled_from([10**6, 10**9, 2**32 - 1, 2**64 - 1]))


@st.composite
def calls(draw: st.DrawFn, wasi2: bool = False) -> tuple[str | Act, list[int]]:
    """One step: as a rule one that makes sense, else with one argument that may be anything."""
    row = draw(st.sampled_from([*SYSCALLS, *(WASI2 if wasi2 else ()), None]))
    if row is None:
        return draw(st.sampled_from(Act)), draw(st.lists(numbers, min_size=3, max_size=3))
    values: list[int] = []
    for text in row.takes:
        head = parse(text).head
        if head in ("borrow", "own"):
            values.append(draw(st.sampled_from(HELD[parse(text).args[0].head])))
        elif head == "string" or text == "list<u8>":
            at = draw(st.integers(0, len(NAMES) - 1))
            values += [PLACES[at], len(NAMES[at])]
        elif head == "list":
            values += [LISTS, draw(st.integers(0, 3))]
        elif head == "option":
            values += [draw(st.integers(0, 1)), draw(st.sampled_from(PLACES)), draw(st.integers(0, 10))]
        else:
            few = head in ("u32", "level", "bool", "result", "u8", "ip-address-family")
            values.append(draw(st.integers(0, 3)) if few else draw(numbers))
    values += [draw(st.sampled_from(HELD["pollable"])) for _ in row.params[len(values) :] if not row.takes]
    if row.gives and not row.results:
        values.append(draw(st.integers(0, 20).map(lambda n: AREAS + 8 * n)))
    if values and draw(st.integers(0, 15)) == 0:
        values[draw(st.integers(0, len(values) - 1))] = draw(anything)
    return row.name, values


def scripts(*, wasi2: bool = False) -> st.SearchStrategy[Steps]:
    """What is asked for by one message; of WASI 0.2 too, if the puppet is in a component."""
    return st.lists(calls(wasi2), min_size=4, max_size=14)


def body(steps: Steps, answers: bool, wasi2: bool = False, shared: bool = False) -> bytes:
    """A handle of each type to begin with, then the steps. `shared`: of WASI's handles the atom's own are no part."""
    script = Script()
    script.data(b"".join(name.ljust(64, b"\0") for name in NAMES))
    script.data(b"".join(word.to_bytes(4, "little") for at in PLACES for word in (at, 3)))
    script.call("messaging.self")
    for name in (0, 1):
        script.call("messaging.open", PLACES[name], len(NAMES[name]), script.area())
    script.call("state.open", PLACES[5], 4, script.area())
    script.call("objects.put", PLACES[0], 20, script.area())
    if wasi2:
        for begin in (*["stdin.get-stdin"] * (6 * shared), "stdout.get-stdout", "stderr.get-stderr", "stdin.get-stdin"):
            script.call(begin)
        for due in (0, 2**63):
            script.call("monotonic-clock.subscribe-instant", due)
    for what, values in steps:
        script.call(what, *values)
    if answers:
        script.call("messaging.message.reply", 1, 0, 512, script.area())
    return script.body()
