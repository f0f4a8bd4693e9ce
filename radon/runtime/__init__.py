"""The embedding API: run an application inside another Python program.

    async with radon.Runtime("radon.toml", store="memory") as app:
        answer = await app.call("counter/a", b"add 5")

    with radon.BlockingRuntime("radon.toml") as app:
        answer = app.call("counter/a", b"add 5")

Any number of runtimes may live in one process and one event loop; none blocks the loop, and none keeps anything
outside itself. docs/embedding.md explains it.
"""

from radon.runtime.blocking import BlockingRuntime
from radon.runtime.dead_letters import DeadLetter
from radon.runtime.event_loop import Runtime
from radon.runtime.running import load_application

__all__ = ["BlockingRuntime", "DeadLetter", "Runtime", "load_application"]
