"""Places on earth: whatever is sought around wherever, it is found as Redis finds it, in the same order."""

from __future__ import annotations

from random import Random

import pytest

from tests.redis.comparing import compare
from tests.redis.keyspaces import Client, Word
from tests.redis.server import Server


def somewhere(random: Random, *, near: bool) -> list[Word]:
    west, east, south, north = (10, 12, 50, 52) if near else (-180, 180, -85, 85)
    return [f"{random.uniform(west, east):.6f}", f"{random.uniform(south, north):.6f}"]


def metres(random: Random, most: float) -> str:
    return f"{10 ** random.uniform(-1, most):.3f}"


@pytest.mark.debian("redis-server")
@pytest.mark.parametrize("seed", range(2))
def test_searches(both: tuple[Client, Server], seed: int) -> None:
    random = Random(seed)
    script: list[list[Word]] = [["DEL", "w"]]
    for number in range(300):
        script.append(["GEOADD", "w", *somewhere(random, near=number % 3 == 0), f"m{number}"])
    for _ in range(150):
        a, b = (f"m{random.randrange(300)}" for _ in range(2))
        near = somewhere(random, near=True)
        script += [
            ["GEODIST", "w", a, b, random.choice(["m", "km", "mi", "ft"])],
            ["GEOSEARCH", "w", "FROMMEMBER", a, "BYRADIUS", metres(random, 7.3), "m"],
            ["GEOSEARCH", "w", "FROMLONLAT", *somewhere(random, near=False), "BYBOX", *box(random), "m"],
            ["GEOSEARCH", "w", "FROMLONLAT", *near, "BYRADIUS", metres(random, 5), "m", "WITHDIST", "ASC", "COUNT", 9],
            ["GEOPOS", "w", a, b],
            ["GEOHASH", "w", a, b],
        ]
    compare(script, *both)


def box(random: Random) -> list[Word]:
    return [metres(random, 7.3), metres(random, 7)]
