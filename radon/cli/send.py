"""`radon send`: one message to an atom, without an answer."""

from __future__ import annotations

from radon.cli.deployments import find_running
from radon.cli.options import Address, Body, Data, Once, read_body

EXAMPLE = "radon send printer @report.txt"


def verb(address: Address, body: Body, once: Once = "", data: Data = None) -> None:
    """Send a message to an atom, and wait for no answer. Returns when it is in the mailbox, durably."""
    from radon.cli.client import Client

    content = read_body(body)
    with Client(find_running(data)) as client:
        client.send(address, content, once)
