"""`radon state get|export|import`: what a deployment holds, running or stopped."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radon.cli.commands import Command, need_a_word
from radon.cli.deployments import find, find_running, holds_data, home_of
from radon.cli.failures import Usage
from radon.cli.options import Address, Data, Json, NewData
from radon.cli.printing import (
    OUTPUT,
    naming,
    parse_bytes,
    print_bytes,
    print_json,
    print_lines,
    print_table,
    shown_bytes,
)
from radon.gateways.control_socket import answers

if TYPE_CHECKING:
    from radon.backends.stored import Stored

app = typer.Typer(help="Look into, export and import the durable state of a deployment.")
app.callback(invoke_without_command=True)(need_a_word)

STANDARD = "-"


@app.command(cls=Command, epilog="Example: radon state get counter/a counts total")
def get(
    address: Address,
    bucket: Annotated[str | None, typer.Argument(metavar="BUCKET", help="One bucket of it.")] = None,
    key: Annotated[str | None, typer.Argument(metavar="KEY", help="One entry: prints its raw value.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the state of an atom. A key that is not text is written 0x and hexadecimal."""
    try:
        wanted = None if key is None else parse_bytes(key)
    except ValueError:
        raise Usage(f"{key!r} is no key: behind 0x stand pairs of hexadecimal digits") from None
    puts = _entries(find(data), address, bucket, wanted)
    if as_json:
        from radon.backends.record_json import bytes_to_json

        print_json([
            {"bucket": put.bucket, "key": bytes_to_json(put.key), "value": bytes_to_json(put.value)} for put in puts
        ])  # fmt: skip
    elif wanted is not None:
        print_bytes(puts[0].value)
    else:
        print_table(("bucket", "key", "value"), ((p.bucket, shown_bytes(p.key), shown_bytes(p.value)) for p in puts))


@app.command("export", cls=Command, epilog="Example: radon state export shop.jsonl")
def export_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A new file; - is standard output.")] = STANDARD,
    data: Data = None,
) -> None:
    """Write everything that a deployment holds as JSON lines. The file holds its secret seed: keep it private."""
    from radon.backends.export import export

    lines = export(_stored(find(data)))
    if file == STANDARD:
        with naming(OUTPUT):
            sys.stdout.buffer.writelines(lines)
            sys.stdout.flush()
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with naming(file), open(descriptor, "wb") as out:
            out.writelines(lines)
            out.flush()
            os.fsync(descriptor)
    except BaseException:
        os.unlink(file)  # half an export is of no use
        raise


@app.command("import", cls=Command, epilog="Example: radon state import shop.jsonl --data /var/lib/shop")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `radon state export` wrote; - is standard input.")],
    data: NewData = None,
) -> None:
    """Make a new data directory from an export. `radon deploy` then goes on with it."""
    from radon.abi.errors import Invalid, StoreError
    from radon.backends.export import bring_in, read_export

    try:
        with nullcontext(sys.stdin.buffer) if file == STANDARD else open(file, "rb") as lines:
            stored = read_export(lines)
    except (Invalid, StoreError) as error:
        raise type(error)(f"{'standard input' if file == STANDARD else file}: {error}") from None
    directory = data or home_of(stored.application.name)
    bring_in(stored, directory)
    print_lines([f"{stored.application.name} is in {directory}; `radon deploy MANIFEST --data {directory}` goes on"])


def _entries(directory: Path, address: str, bucket: str | None, key: bytes | None) -> list[Any]:
    if answers(directory):
        from radon.cli.client import Client

        with Client(directory) as client:
            return client.atom(address, bucket, key)
    from radon.abi.delivery import Address

    return _stored(directory).entries(Address.parse(address), bucket, key)


def _stored(directory: Path) -> Stored:
    """What is there, from the process that has it or from the disk."""
    from radon.backends.stored import Stored, images_of, read_stored

    if not answers(directory) and holds_data(directory):
        return read_stored(directory)
    from radon.atoms.application import Application
    from radon.cli.client import Client

    with Client(find_running(directory)) as client:
        application, records = Application.unbundle(client.bundle()), client.image()
    return Stored(application, images_of(records))
