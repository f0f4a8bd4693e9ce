"""`radon call`: one message to an atom, and its answer as it came."""

from __future__ import annotations

from typing import Annotated

import typer

from radon.abi.errors import ManifestError
from radon.cli.deployments import find_running
from radon.cli.failures import as_usage
from radon.cli.options import Address, Body, Data, Once, read_body
from radon.cli.printing import print_bytes

EXAMPLE = 'radon call counter/a "add 5"'


def verb(
    address: Address,
    body: Body,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help='How long to wait, as in "500ms".')] = "5s",
    once: Once = "",
    data: Data = None,
) -> None:
    """Send a message to an atom and print its raw answer."""
    from radon.atoms.units import parse_duration
    from radon.cli.client import Client

    with as_usage(ManifestError, f"--timeout {timeout!r}: "):
        deadline = parse_duration(timeout)
    content = read_body(body)
    with Client(find_running(data)) as client:
        answer = client.call(address, content, deadline, once)
    print_bytes(answer)
