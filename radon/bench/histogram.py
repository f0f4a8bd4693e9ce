"""Latencies, counted in the buckets of native/histogram.h, and the form in which other tools read them.

The buckets are those of an HdrHistogram from 1 ns to an hour with three digits, and `encode` writes its compressed form
V2, so that any of its libraries can merge and plot what was measured.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping

from radon.abi.errors import Invalid

BUCKETS = 33_792
LONGEST = 3_600_000_000_000
DIGITS = 3

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}

_COOKIE, _COMPRESSED = 0x1C849313, 0x1C849314
_HEAD = struct.Struct(">iiiiqqd")


def lowest_of(bucket: int) -> int:
    """The smallest value that a bucket counts."""
    coarse = max(bucket // 1024 - 1, 0)
    return (bucket - 1024 * coarse) << coarse


def highest_of(bucket: int) -> int:
    return lowest_of(bucket + 1) - 1


class Histogram:
    """`counts`: of each bucket that has any."""

    def __init__(self, counts: Mapping[int, int] | Iterable[tuple[int, int]] = ()) -> None:
        self.counts = Counter(dict(counts))

    @property
    def total(self) -> int:
        return self.counts.total()

    def add(self, other: Histogram) -> None:
        self.counts.update(other.counts)

    def percentile(self, percent: float) -> int:
        """So many percent of the values are at most this, in ns; 0 where there are none."""
        wanted, seen = max(percent / 100 * self.total, 1), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted - 1e-9:
                return highest_of(bucket)
        return 0

    @property
    def highest(self) -> int:
        return highest_of(max(self.counts)) if self.counts else 0

    @property
    def mean(self) -> float:
        middles = (count * (lowest_of(bucket) + highest_of(bucket)) / 2 for bucket, count in self.counts.items())
        return sum(middles) / self.total if self.counts else 0.0

    def encode(self) -> str:
        """Base64 of HdrHistogram's compressed form V2."""
        payload, bucket = bytearray(), 0
        for used in sorted(self.counts):
            if used > bucket:
                payload += _packed(bucket - used)  # below 0: so many empty ones
            payload += _packed(self.counts[used])
            bucket = used + 1
        plain = _HEAD.pack(_COOKIE, len(payload), 0, DIGITS, 1, LONGEST, 1.0) + payload
        packed = zlib.compress(plain)
        return b64encode(struct.pack(">ii", _COMPRESSED, len(packed)) + packed).decode()

    @classmethod
    def decode(cls, text: str) -> Histogram:
        """What `encode` gave. Raises Invalid."""
        try:
            plain = zlib.decompress(b64decode(text, validate=True)[8:])
            cookie, length, _, digits, lowest, highest, _ = _HEAD.unpack_from(plain)
        except (ValueError, zlib.error, struct.error):
            raise Invalid("no histogram in HdrHistogram's compressed form V2") from None
        if (cookie, digits, lowest, highest) != (_COOKIE, DIGITS, 1, LONGEST):
            raise Invalid("a histogram with other buckets than 1 ns to an hour with three digits")
        counts, bucket = {}, 0
        for number in _unpacked(plain[_HEAD.size : _HEAD.size + length]):
            if number > 0:
                counts[bucket] = number
            bucket += 1 if number >= 0 else -number
        return cls(counts)


def _packed(number: int) -> bytes:
    """ZigZag LEB128, whose ninth byte has 8 bits."""
    left, out = (number << 1 ^ number >> 63) & (1 << 64) - 1, bytearray()
    while left >= 0x80 and len(out) < 8:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


def _unpacked(data: bytes) -> Iterable[int]:
    number = shift = 0
    for byte in data:
        last = shift == 56 or byte < 0x80
        number |= (byte if shift == 56 else byte & 0x7F) << shift
        shift += 7
        if last:
            yield number >> 1 ^ -(number & 1)
            number = shift = 0
