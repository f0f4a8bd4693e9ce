"""The domains of one process: inputs to the one that they are for, crossings from one to another, and all at once.

Owns a runner for each. What crosses may be refused while its domain is opened again, and is asked for anew when that
takes inputs: the sender has it in its outbox (rule 12.4). With one domain all of this is a detour of one call.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from radon.abi.delivery import Address
from radon.abi.errors import RadonError
from radon.abi.exchange import Acknowledged, Crossed, Crossing, Heard, Resend
from radon.backends.driver import Store
from radon.backends.lending import Lending
from radon.backends.program import Program
from radon.backends.runner import Runner
from radon.backends.switchboard import Switchboard
from radon.host.domain import Domain, Make
from radon.host.lookup import resolve
from radon.host.placement import place, spread

T = TypeVar("T")


class Runners:
    """`count` of them, with a store and what is outside in common. `secret` is the application's, 32 bytes.

    `lost` and `died` are called as a runner calls them, by each of the domains that it happens to. `make(number)` says
    how a domain is made, where it is not as usual.
    """

    def __init__(
        self, count: int, store: Store, secret: bytes, outside: Switchboard, *,
        lost: Callable[[RadonError], None], died: Callable[[RadonError], None],
        make: Callable[[int], Make | None] = lambda number: None,
    ) -> None:  # fmt: skip
        self._outside = outside
        self._lending: Lending | None = None
        self._entering = threading.Lock()  # what all do together stands in the same order in all of their inboxes
        self._all = [
            Runner(
                number, store, lost=lost,
                release=outside.release_encoded if count == 1 else partial(self._release, number),
                standing=partial(self._standing, number), died=died, back=partial(self._call_again, number),
                setup=partial(_begin, number, count, secret), make=make(number),
            )
            for number in range(count)
        ]  # fmt: skip

    @property
    def commits(self) -> int:
        return sum(runner.meter.commits for runner in self._all)

    @property
    def log_bytes(self) -> int:
        return sum(runner.log_bytes for runner in self._all)

    # ---- one of them, or each ----

    def submit(self, *inputs: Any) -> None:
        """See `Runner.submit`; inputs of one domain stay in order."""
        if len(self._all) == 1:
            return self._all[0].submit(*inputs)
        for runner, own in zip(self._all, self._spread(inputs), strict=True):
            if own:
                runner.submit(*own)

    def submit_encoded(self, records: bytes, domain: int, *, at_once: bool) -> None:
        """See `Runner.submit_encoded`, of the domain with this number, and `Lending.at_once`."""
        submit = partial(self._all[domain].submit_encoded, records)
        if at_once and self._lending is not None:
            self._lending.at_once(submit)
        else:
            submit()

    def perform(self, function: Callable[[Domain], T], at: Address) -> Future[T]:
        """See `Runner.perform`: with the domain of the atom that `at` names."""
        return self._all[place(at, self._resolve, len(self._all))].perform(function)

    def perform_all(self, function: Callable[[Domain], T], *, at_once: bool = False) -> Future[list[T]]:
        """With every domain, in its thread; what came of it in the order of their numbers. See `Deployment`."""
        if not at_once or len(self._all) == 1:
            return _gathered([runner.perform(function) for runner in self._all])
        stopped = threading.Barrier(len(self._all))

        def stopping(domain: Domain) -> T:
            stopped.wait()
            result = function(domain)
            stopped.wait()
            return result

        with self._entering:
            looks = [runner.perform(stopping) for runner in self._all]
        for look in looks:
            look.add_done_callback(lambda look: stopped.abort() if look.exception() is not None else None)
        return _gathered(looks)

    def lend(self) -> None:
        """To the running event loop; several domains are to run at once, and keep their threads."""
        if len(self._all) == 1:
            self._lending = Lending(self._all[0])
            self._all[0].lend(self._lending.borrow)

    # ---- all, or none ----

    def start(self, program: Program, accept: Callable[[Domain], None], keep: Callable[[], None]) -> None:
        """See `Runner.start`. All accept, and all are ready, before `keep` is called once."""
        self._know(program)
        everyone = _Everyone(len(self._all), accept, keep)
        with ThreadPoolExecutor(len(self._all)) as pool:
            started = [pool.submit(everyone.starts, runner, program) for runner in self._all]
        failed = [error for future in started if (error := future.exception()) is not None]
        if failed:
            self.stop(grace=0.0)
            raise _reason(failed)

    def deploy(self, program: Program, accept: Callable[[Domain], None], keep: Callable[[], None]) -> None:
        """See `Runner.deploy`; likewise. Blocks."""
        everyone = _Everyone(len(self._all), accept, keep)
        with self._entering:
            changed = [runner.deploy(program, everyone.accept, everyone.keep) for runner in self._all]
        for future in changed:
            future.add_done_callback(everyone.look)
        failed = [error for future in changed if (error := future.exception()) is not None]
        if failed:
            raise _reason(failed)
        self._know(program)

    def snapshot(self) -> None:
        """See `Runner.snapshot`."""
        for runner in self._all:
            runner.snapshot()

    def stop(self, **grace: float) -> None:
        """See `Runner.stop`. What one says to another that has stopped goes on at the next start."""
        with ThreadPoolExecutor(len(self._all)) as pool:
            for stopped in [pool.submit(runner.stop, **grace) for runner in self._all]:
                stopped.result()

    # ---- between them ----

    def _know(self, program: Program) -> None:
        """What names mean from now on."""
        endpoints = frozenset(f"http:{name}" for name in program.endpoints)
        self._resolve = partial(resolve, kinds=program.kinds, endpoints=endpoints, host=program.settings.host)

    def _spread(self, inputs: Iterable[Any]) -> list[list[Any]]:
        return spread(inputs, self._resolve, len(self._all))

    def _release(self, number: int, records: bytes) -> None:
        outside = []
        for output in self._outside.sift(records):
            if type(output) is Crossing:
                self._carry(output.domain, Crossed(number, output.first, output.crossings))
            elif type(output) is Heard:
                self._carry(output.domain, Acknowledged(number, output.number))
            else:
                outside.append(output)
        self._outside.release(outside)

    def _carry(self, number: int, record: Any) -> None:
        with suppress(RadonError):  # it is being opened again, and `_call_again` comes when it is; or it has stopped
            self._all[number].submit(record)

    def _call_again(self, number: int) -> None:
        """What a domain has not acknowledged leaves the others again: it was lost with what that had not stored."""
        for other, runner in enumerate(self._all):
            if other != number:
                with suppress(RadonError):
                    runner.submit(Resend(number))

    def _standing(self, number: int) -> list[Any]:
        return self._spread(self._outside.listening())[number]


def _begin(number: int, count: int, secret: bytes, domain: Domain) -> None:
    domain.setup(number, secrets.token_bytes(32), secret, count)


class _Everyone:
    """Several threads of which each takes these steps, or none does."""

    def __init__(self, count: int, accept: Callable[[Domain], None], keep: Callable[[], None]) -> None:
        self._accept = accept
        self._accepted = threading.Barrier(count)
        self._kept = threading.Barrier(count, action=keep)

    def starts(self, runner: Runner, program: Program) -> None:
        try:
            runner.start(program, self.accept, self.keep)
        except BaseException:
            self._give_up()
            raise

    def accept(self, domain: Domain) -> None:
        self._accept(domain)
        self._accepted.wait()

    def keep(self) -> None:
        self._kept.wait()

    def look(self, future: Future[Any]) -> None:
        """At one of them that has ended."""
        if future.exception() is not None:
            self._give_up()

    def _give_up(self) -> None:
        self._accepted.abort()
        self._kept.abort()


def _reason(failed: list[BaseException]) -> BaseException:
    """Why not all did: that others gave up is not why."""
    return next((error for error in failed if not isinstance(error, threading.BrokenBarrierError)), failed[0])


def _gathered(futures: list[Future[T]]) -> Future[list[T]]:
    """All their results, or the first failure."""
    gathered: Future[list[T]] = Future()
    left = len(futures)
    lock = threading.Lock()

    def one_more(_: Future[T]) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = not left
        if last and gathered.set_running_or_notify_cancel():
            failed = [error for future in futures if (error := future.exception()) is not None]
            if failed:
                gathered.set_exception(failed[0])
            else:
                gathered.set_result([future.result() for future in futures])

    for future in futures:
        future.add_done_callback(one_more)
    return gathered
