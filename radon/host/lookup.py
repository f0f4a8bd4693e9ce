"""What people and programs look up in a domain: which atom a name means, what an atom holds, what the kinds use.

Pure: of a live domain between two turns, or of an image that nobody runs. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from operator import add

from radon.abi.delivery import Address
from radon.abi.errors import NotFound, TooLarge
from radon.abi.frames import FrameError, FrameType, decode_all, unseal
from radon.abi.records import Put
from radon.host.domain import KindUsage, Usage
from radon.host.hash import replica_of
from radon.host.image import Image
from radon.host.kind import Kind
from radon.host.limits import KEY_BYTES

HERE = "@here"
"""The key that means the near representative of an `every-host` kind."""


def resolve(address: Address, kinds: Mapping[str, Kind], endpoints: Collection[str], host: str) -> Address:
    """See `Domain.resolve`. `endpoints` as addresses name them: "http:NAME"."""
    kind = kinds.get(address.kind)
    if kind is None:
        if address.kind in endpoints and not address.key:
            return address
        known = ", ".join(sorted({*kinds, *endpoints}))
        raise NotFound(f"no kind '{address.kind}'; this application has: {known}")
    if len(address.key.encode()) > KEY_BYTES:
        raise TooLarge(f"a key of more than {KEY_BYTES} bytes")
    if kind.spread == "sharded":
        return address._replace(key=replica_of(address.key, kind.shards, kind.replicas))
    if kind.spread == "every-host":
        if address.key not in (HERE, host):
            raise NotFound(f"no host '{address.key}' for '{kind.name}'; the near one is '{kind.name}/{HERE}'")
        return address._replace(key=host)
    return address


def restored(snapshot: bytes | None, tail: Iterable[bytes] = ()) -> Image:
    """The image that a snapshot and the log frames behind it make. As long as the state is. Raises FrameError."""
    image = Image()
    load(image, snapshot, tail)
    return image


def load(image: Image, snapshot: bytes | None, tail: Iterable[bytes]) -> None:
    """Make the image, which is empty, what a snapshot and the log frames behind it say. Raises FrameError."""
    try:
        if snapshot is not None:
            image.load(decode_all(unseal(FrameType.SNAPSHOT, snapshot)))
        for frame in tail:
            image.load(decode_all(unseal(FrameType.LOG, frame)))
    except (LookupError, AssertionError) as error:
        raise FrameError(f"its records contradict each other: {error!r}") from error


def usage(image: Image, kinds: Iterable[str], turns: Mapping[str, int], failed: Mapping[str, int]) -> Usage:
    """See `Domain.usage`. `kinds`: those that are deployed; `turns` and `failed`: how many, by kind."""
    rows = {name: [0] * 5 for name in kinds}
    for atom in image.atoms.values():
        mail = len(atom.mailbox)
        holding = bool(atom.used or atom.timers or atom.kept or mail)
        more = (1, holding, mail, atom.journal is not None, atom.used)
        rows[atom.kind] = list(map(add, rows.get(atom.kind, [0] * 5), more))
    done = {name: (turns.get(name, 0), failed.get(name, 0)) for name in rows}
    used = {name: KindUsage._make((*row, *done[name])) for name, row in rows.items()}
    return Usage(used, len(image.dead), image.mail_bytes, image.dead_bytes, image.object_bytes)


def entries(image: Image, address: Address, bucket: str | None = None, key: bytes | None = None) -> list[Put]:
    """See `Domain.entries`."""
    atom = image.find(address.kind, address.key)
    return select(None if atom is None or not atom.life else atom.entries(), address, bucket, key)


def select(puts: Iterable[Put] | None, address: Address, bucket: str | None, key: bytes | None) -> list[Put]:
    """Those that were asked for of all that the atom holds; None: it does not live. Raises NotFound."""
    if puts is None:
        raise NotFound(f"there is no atom {address.text}: it was never sent anything, or it has ended")
    found = [put for put in puts if bucket in (None, put.bucket) and key in (None, put.key)]
    if not found and bucket is not None:
        raise NotFound(f"{address.text} has {'no such key' if key is not None else 'nothing'} in bucket {bucket!r}")
    return found
