"""`radon stop`: end a deployment, and wait until it has ended."""

from __future__ import annotations

import os
import select
from contextlib import suppress

from radon.cli.deployments import find_running
from radon.cli.options import Data

EXAMPLE = "radon stop --data /var/lib/shop"


def verb(data: Data = None) -> None:
    """Stop a deployment. What has begun ends first; what it holds stays."""
    from radon.cli.client import Client

    with Client(find_running(data)) as client:
        number = client.facts()["pid"]
        with suppress(ProcessLookupError):  # it has ended meanwhile
            process = os.pidfd_open(number)
            try:
                client.stop()
                ended = select.poll()
                ended.register(process, select.POLLIN)
                ended.poll()
            finally:
                os.close(process)
