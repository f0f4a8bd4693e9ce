"""A checker that finds nothing proves nothing: coordinators and shards with one mistake each, and all are found."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest

from radon.atoms.std import STANDARDS
from radon.backends.program import Program
from radon.host.domain import Settings
from radon.host.domains import chosen
from radon.testing.simulation import Options, Simulation
from tests.kv.stores import kv_kind
from tests.planting import Mistake, planted
from tests.txkv.stores import tx_kind
from tests.txkv.workload import Transactions

SEEDS = 100

MISTAKES = {
    "it does not lock": (
        "txkv/txkv.c",
        "kv_request(KV_PREPARE, (kv_options){0}, part, it->name)",
        "kv_request(KV_BATCH, (kv_options){0}, part, KV_NOTHING)",
    ),
    "it decides by the first answer": (
        "txkv/txkv.c",
        "uint32_t left = radon_load_u32(it.stored.data + AWAITED) - (part != it.last);",
        "uint32_t left = 0;",
    ),
    "the last does not decide": (
        "txkv/txkv.c",
        "if (part == it.last || (left == 0 && it.last == NONE))",
        "if (left == 0)",
    ),
    "it commits whatever it hears": ("txkv/txkv.c", "if (status != KV_OK) {", "if (false) {"),
    "it forgets to abort": ("txkv/txkv.c", "decide(&it, KV_ABORT, ALL, but,", "decide(&it, KV_ABORT, 0, but,"),
    "it counts answers in memory": (
        "txkv/txkv.c",
        "return radon_bucket_put(open, number_key(number), it.stored)",
        "return RADON_OK",
    ),
    "a key that comes and goes was not there": (
        "kv/requests.c",
        "    return answer(KV_ABSENT, entry_stamp(given->key, it), KV_NOTHING);",
        "    return plain(KV_ABSENT);",
    ),
    "a shard does not lock what is read": (
        "kv/locks.c",
        "next.op == KV_GET ? READ : WRITTEN",
        "next.op == KV_GET ? FREE : WRITTEN",
    ),
    "locks are lost with the instance": ("kv/entries.c", "    TRY(find_locks());\n", ""),
}


@pytest.fixture(scope="module", autouse=True)
def each_domain() -> str:
    """One: the mistakes are the guests', and all domains run them alike."""
    return chosen()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(mistake: Mistake, tmp_path: Path) -> None:
    name, module = planted(mistake, tmp_path)
    modules = {each: STANDARDS[each].path for each in ("kv", "txkv")} | {name: module}
    kinds = {"kv": kv_kind(module=modules["kv"]), "tx": tx_kind(("kv/*",), module=modules["txkv"])}
    program = Program("shop", MappingProxyType(kinds), (), Settings())
    seeds = (Simulation(seed, program, Transactions, Options()).run() for seed in range(SEEDS))
    found = next((result.violation for result in seeds if result.violation), "")
    assert found != ""
