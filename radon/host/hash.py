"""The one hash that places atoms: FNV-1a of 64 bits with MurmurHash3's finaliser. Documented, and never to change.

Rule 13: which shard or domain an atom belongs to is decided once and forever by this function. FNV-1a after Fowler,
Noll and Vo (http://www.isthe.com/chongo/tech/comp/fnv/); the finaliser `fmix64` after Austin Appleby's MurmurHash3,
because FNV alone spreads short keys badly over small moduli.
"""

from __future__ import annotations

_MASK = 2**64 - 1


def stable_hash(data: bytes) -> int:
    """64 bits from any bytes."""
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & _MASK
    h = ((h ^ (h >> 33)) * 0xFF51AFD7ED558CCD) & _MASK
    h = ((h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53) & _MASK
    return h ^ (h >> 33)


def domain_of(kind: str, key: str, domains: int) -> int:
    """The domain of an atom (rule 13); that of a replica, "#17+2", lies so many behind that of "#17".

    The topic "NAME@KIND/KEY" is where that atom is.
    """
    if kind == "@topic" and "/" in (beside := key.rpartition("@")[2] if "@" in key else ""):
        kind, _, key = beside.partition("/")
    away = 0
    if key[:1] == "#" and key[-2:-1] == "+" and "0" <= key[-1] <= "9":
        key, away = key[:-2], int(key[-1])
    return (stable_hash(f"{kind}/{key}".encode()) % domains + away) % domains


def shard_of(key: str, shards: int) -> int:
    """The shard of a key; "#17" names shard 17 itself (rule 17)."""
    if key.startswith("#") and key[1:].isascii() and key[1:].isdigit() and int(key[1:]) < shards:
        return int(key[1:])
    return stable_hash(key.encode()) % shards


def replica_of(key: str, shards: int, replicas: int) -> str:
    """The key of the atom that a key of a sharded kind means: its shard, or the replica that "#17+2" names itself."""
    shard, plus, replica = key.rpartition("+")
    if plus and replica in "0123456789"[1:replicas] and (own := f"#{shard_of(shard, shards)}") == shard:
        return f"{own}+{replica}"
    return f"#{shard_of(key, shards)}"
