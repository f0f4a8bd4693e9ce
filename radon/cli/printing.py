"""What verbs print: tables and numbers for people, one JSON document for programs. Knows what none of it means.

Plain where nobody looks at a terminal: no line that was cut to a width. What guests, modules and files have written
into names and texts is escaped: one line stays one line, and a terminal obeys none of it. JSON is as JSON is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from typing import Any

WIDEST = 1000
"""Characters of a line that goes to a file or a pipe."""


OUTPUT = "standard output"


@contextmanager
def naming(file: object) -> Iterator[None]:
    """An error of the system in writing there names it, as one in opening does."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(file)
        raise


def print_json(value: Any) -> None:
    """One document on one line. What standard output has no bytes for is escaped, as JSON does."""
    text = json.dumps(value, ensure_ascii=sys.stdout.encoding.lower() != "utf-8")
    _write(f"{text.encode(errors='backslashreplace').decode()}\n")  # half a surrogate is escaped as in JSON, \udc80


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned; integers and floats to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [tuple(row) for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for at, column in enumerate(columns):
        numbers = bool(rows) and all(isinstance(row[at], int | float) for row in rows)
        table.add_column(Text(column.upper()), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    on_terminal = sys.stdout.isatty()
    page = StringIO()
    width = None if on_terminal else WIDEST
    Console(file=page, highlight=False, markup=False, emoji=False, width=width).print(table)
    print_lines(line.rstrip() for line in page.getvalue().splitlines())


def print_lines(lines: Iterable[str]) -> None:
    """Each as one line, whatever is in it."""
    _write("".join(f"{shown(line)}\n" for line in lines))


def print_bytes(data: bytes) -> None:
    """As they are to a file or a pipe; as lines to a terminal."""
    if sys.stdout.isatty():
        print_lines(shown_lines(data.decode(errors="backslashreplace")).split("\n") if data else ())
    else:
        with naming(OUTPUT):
            sys.stdout.buffer.write(data)
            sys.stdout.flush()


def _write(text: str) -> None:
    with naming(OUTPUT):
        sys.stdout.write(text)
        sys.stdout.flush()


def say(text: str) -> None:
    """On standard error; its line breaks stay."""
    sys.stderr.write(f"{shown_lines(text)}\n")
    sys.stderr.flush()


def shown(value: object) -> str:
    """Safe on a terminal, and on one line, whatever a guest wrote into it."""
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    """A byte that is no UTF-8, which Python has as half a surrogate, is shown as that byte."""
    byte = ord(character) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else character.encode("unicode_escape").decode()


def shown_lines(text: str) -> str:
    """Safe on a terminal, in as many lines as it has."""
    return "\n".join(shown(line.expandtabs()) for line in text.removesuffix("\n").split("\n"))


def shown_bytes(data: bytes) -> str:
    """Text as it is, else 0x and hexadecimal; `parse_bytes` reads it back."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    return text if text.isprintable() and text and not text.startswith("0x") else f"0x{data.hex()}"


def parse_bytes(text: str) -> bytes:
    """Raises ValueError for a 0x without hexadecimal behind it."""
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode(errors="surrogateescape")


def address_text(address: Mapping[str, str]) -> str:
    """Where a deployment listens: "http://127.0.0.1:8080", "tcp 127.0.0.1:7001 for resp"."""
    if address["protocol"] == "http":
        return address["address"]
    return f"{address['protocol']} {address['address']} for {address['kind']}"


def size_text(size: int) -> str:
    """ "512 B", "1.5 KiB"."""
    if size < 1024:
        return f"{size} B"
    number = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        number /= 1024
        if number < 1024:
            return f"{number:.1f} {unit}"
    return f"{number / 1024:.1f} TiB"


def duration_text(seconds: float) -> str:
    """ "42 s", "3 h 5 m"."""
    left = int(seconds)
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def time_text(nanoseconds: int) -> str:
    """ "2026-01-31T12:00:00.123Z"."""
    moment = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 10**6 % 1000:03d}Z"
