"""What do 4 KiB cost that cross the border of a component? One domain, no store.

The component imports WASI, so that it is run as the several core modules that it is made of. The floor is the same
guest as one core module.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from _measure import choose_domain, compare, guest, inputs, report, timed

from radon.abi import wit
from radon.abi.delivery import NOWHERE, Address
from radon.abi.exchange import Post
from radon.host.domain import Settings
from radon.host.limits import Limits
from radon.testing.harness import Harness, kind

EACH = 200  # of a turn's values
TURNS = 20  # of a commit
MOST = 30e-6

WORLD = """
package radon:guest;
package wasi:clocks@0.2.0 { interface monotonic-clock { now: func() -> u64; } }
world guest {
  import radon:atom/messaging@0.1.0;
  import radon:atom/state@0.1.0;
  import wasi:clocks/monotonic-clock@0.2.0;
  export radon:atom/handler@0.1.0;
}
"""


def component(core: bytes) -> bytes:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "deps" / "radon-atom").mkdir(parents=True)
        (place / "deps" / "radon-atom" / "atom.wit").write_bytes(wit.WIT.read_bytes())
        (place / "world.wit").write_text(WORLD)
        (place / "core.wasm").write_bytes(core)
        embed = ["embed", folder, "--world", "guest", place / "core.wasm", "-o", place / "embedded.wasm"]
        for arguments in (embed, ["new", place / "embedded.wasm", "-o", place / "whole.wasm"]):
            subprocess.run([wit.wasm_tools(), "component", *arguments], check=True)
        return (place / "whole.wasm").read_bytes()


def main() -> None:
    choose_domain()
    limits = Limits(turn=3600 * 10**9)
    kinds = {
        "component": kind("component", component(guest("lists_wasi")), limits=limits),
        "core": kind("core", guest("lists"), limits=limits),
    }
    with Harness(kinds, settings=Settings(run=10**15)) as h:
        tokens = itertools.count(1)

        def posted(name: str, body: bytes, *, wants: bool = False) -> float:
            """Seconds of one of the turns that so many of these begin."""
            to = Address(name, "a")
            posts = [Post(next(tokens), 0, int(wants), to, NOWHERE, "", "", (), body) for _ in range(TURNS)]
            return carried_out(name, posts)

        def carried_out(name: str, posts: list[Post]) -> float:
            h.domain.submit(inputs(h.now, *posts))
            seconds = timed(lambda: h.domain.run(len(posts)))
            h.domain.take_commit()
            assert not h.domain.usage().kinds[name].failed
            return seconds / len(posts)

        def moved(name: str, what: str) -> float:
            return posted(name, f"{what} {EACH}".encode()) / EACH

        def activated(name: str) -> float:
            places = [Address(name, str(next(tokens))) for _ in range(TURNS)]
            return carried_out(name, [Post(0, 0, 0, to, NOWHERE, "", "", (), b"x") for to in places])

        def compared(question: str, measure: Callable[..., float], *what: object, target: float | None) -> None:
            ours, floor = compare(lambda: measure("component", *what), lambda: measure("core", *what))
            report(question, ours, floor, native=target, python=target)

        for name in kinds:
            posted(name, b"put 1")
        compared("in: bucket.get of 4 KiB", moved, "get", target=MOST)
        compared("out: bucket.put of 4 KiB", moved, "put", target=MOST)
        compared("in: a turn with a message of 4 KiB", posted, bytes(4096), target=None)
        compared("activation of a component of three core instances", activated, target=None)


if __name__ == "__main__":
    main()
