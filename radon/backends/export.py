"""The durable image of a deployment as JSON lines: written, read back, and brought into a new data directory.

Owns the file, which docs/cli.md explains. Knows of a record only that `record_json.py` can spell it.

    {"radon": "state", "version": 2, "application": NAME}
    {"bundle": BASE64}                       the application, as it was deployed
    {"record": "put", "bucket": ..., ...}    a line for each record of each domain's snapshot, in its order
    {"end": N}                               after N records; without it the file is not whole
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from radon.abi.errors import Invalid, StoreError
from radon.abi.frames import FrameType, encode_all, seal
from radon.atoms.application import Application
from radon.atoms.workplace import IMPORT, workplace
from radon.backends.record_json import from_json, to_json
from radon.backends.stored import Stored, images_of
from radon.backends.stores.directory import make, sync
from radon.backends.stores.lmdb import LmdbStore
from radon.host.hash import domain_of
from radon.host.image import Image

VERSION = 2
"""Version 1, of before there were several domains, is read as well."""


def export(stored: Stored) -> Iterator[bytes]:
    """The lines of the file."""
    yield _line({"radon": "state", "version": VERSION, "application": stored.application.name})
    yield _line({"bundle": base64.b64encode(stored.application.bundle()).decode()})
    count = 0
    for image in stored.images:
        for record in image.records():
            yield _line(to_json(record))
            count += 1
    yield _line({"end": count})


def read_export(lines: Iterable[bytes]) -> Stored:
    """What was exported, checked. Raises Invalid naming the line, and StoreError for an application it cannot read."""
    records: list[Any] = []
    application = end = None
    number = 0
    for number, line in enumerate(lines, start=1):
        try:
            given = msgspec.json.decode(line)
            if end is not None:
                raise Invalid("it comes after the end")
            if number == 1:
                _check_head(given)
            elif number == 2:
                application = Application.unbundle(base64.b64decode(given["bundle"], validate=True))
            elif isinstance(given, dict) and "end" in given:
                end = given["end"]
            else:
                records.append(from_json(given if given.get("record") != "setup" else {"domains": 1, **given}))
        except (Invalid, msgspec.MsgspecError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise Invalid(f"line {number}: no part of an export of state: {error}") from None
    if application is None or end != len(records):
        raise Invalid(f"the export is not whole: it ends after line {number}")
    try:
        images = images_of(records)
    except (LookupError, AssertionError) as error:
        raise Invalid(f"its records contradict each other: {error!r}") from None
    _check_homes(images, application)
    return Stored(application, images)


def bring_in(stored: Stored, directory: Path) -> None:
    """Make `directory`, absent or empty, the data of a stopped deployment: all of it, or nothing. Raises StoreError."""
    directory = directory.absolute()
    try:
        if directory.exists() and any(directory.iterdir()):
            raise StoreError(f"{directory}: not empty; name a new directory")
        make(directory.parent)
        with workplace(directory.parent, IMPORT) as folder:
            draft = folder / "data"
            _fill(stored, draft)
            draft.replace(directory)  # an empty directory gives way
            sync(directory.parent)
    except OSError as error:
        raise StoreError(f"{directory}: cannot hold data: {error.strerror}") from error


def _fill(stored: Stored, directory: Path) -> None:
    store = LmdbStore(directory)
    try:
        for image in stored.images:
            epoch = store.open(image.domain).epoch
            # A domain whose log never had a frame is new, and would draw other seeds: so there is one, of nothing.
            store.commit(image.domain, epoch, [seal(FrameType.LOG, b"")])
            store.snapshot(image.domain, epoch, 1, seal(FrameType.SNAPSHOT, encode_all(image.records())))
        store.write("domains", b"%d" % len(stored.images))
        store.write("application", stored.application.bundle())
    finally:
        store.close()


def _check_head(given: Any) -> None:
    if not isinstance(given, dict) or given.get("radon") != "state":
        raise Invalid("its first line is another program's")
    if given.get("version") not in (1, VERSION):
        raise Invalid(f"it is of version {given.get('version')}, this Radon reads versions 1 and {VERSION}")


def _check_homes(images: Sequence[Image], application: Application) -> None:
    """An atom in a domain that it does not belong to would never be found, and another one take its name."""
    kinds = {"@topic", *application.manifest.kinds}
    for image in images:
        for kind, key in image.atoms:
            home = domain_of(kind, key, len(images))
            if kind in kinds and home != image.domain:
                raise Invalid(
                    f"{kind}/{key} belongs to domain {home} of {len(images)}, and is in domain {image.domain}"
                )


def _line(fields: dict[str, Any]) -> bytes:
    return msgspec.json.encode(fields) + b"\n"
