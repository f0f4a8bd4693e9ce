"""The outgoing endpoints of a deployment that is embedded: in a thread and an event loop of their own.

For programs that have no event loop, and for those whose loop may be busy with other things than Radon.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread

from radon.atoms.application import Secrets
from radon.backends.deployment import Deployment
from radon.gateways.egress import Egress


class EgressThread:
    """Runs from here until `stop`. Raises Invalid if another gateway serves these endpoints."""

    def __init__(self, deployment: Deployment, secrets: Secrets) -> None:
        self._started: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event
        self._thread = Thread(
            target=asyncio.run, args=(self._live(deployment, secrets),), name="radon-egress", daemon=True
        )
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Give up what is on its way; the next start sends it again. Blocks. Idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    async def _live(self, deployment: Deployment, secrets: Secrets) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        try:
            egress = await Egress.start(deployment, secrets)
        except BaseException as error:
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        await self._ended.wait()
        await egress.stop()
