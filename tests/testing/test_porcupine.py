"""The histories that Porcupine publishes (github.com/anishathalye/porcupine, `test_data`) and its verdicts on them.

They are Jepsen's logs of etcd, collected by A. Horn and D. Kroening, and logs of a key-value store. None of them is
kept here: RADON_PORCUPINE=FOLDER, a checkout of that repository, has them tested.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radon.testing import Operation, Outcome, check_linearizable
from radon.testing.models import KeyValue, Register

FOLDER = Path(os.environ.get("RADON_PORCUPINE", "none")) / "test_data"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="RADON_PORCUPINE names no checkout of porcupine")

# etcd_095 is empty. These are linearizable, all others are not.
ETCD = set(range(103)) - {95}
ETCD_OK = {2, 5, 7, 18, 25, 31, 38, 45, 48, 49, 51, 53, 56, 67, 75, 76, 80, 87, 92, 98, 100, 101, 102}

ETCD_LINE = re.compile(r"INFO\s+jepsen\.util\s+-\s+(\d+)\s+:(invoke|ok|fail|info)\s+:(read|write|cas)\s+(.+)")
KV_LINE = re.compile(r'\{:process (\d+), :type :(invoke|ok), :f :(get|put|append), :key "(.*)", :value (nil|".*")\}')


def etcd_history(text: str) -> list[Operation]:
    """A timed out read tells nothing; a timed out write or cas is unknown. A cas fails only where the value differs."""
    history: list[Operation] = []
    under_way: dict[str, int] = {}
    for time, (client, what, name, rest) in enumerate(match.groups() for match in ETCD_LINE.finditer(text)):
        values = [None if word == "nil" else int(word) for word in re.findall(r"nil|\d+", rest)]
        if what == "invoke":
            under_way[client] = len(history)
            input = (name,) if name == "read" else (name, *values)
            history.append(Operation(client, input, None, time, None, Outcome.UNKNOWN))
        elif ":timed-out" not in rest:
            output: Any = {"read": values[0], "write": None, "cas": what == "ok"}[name]
            _answer(history, under_way.pop(client), output, time)
    return history


def kv_history(text: str) -> list[Operation]:
    history: list[Operation] = []
    under_way: dict[str, int] = {}
    for time, (client, what, name, key, quoted) in enumerate(match.groups() for match in KV_LINE.finditer(text)):
        value = quoted.strip('"')
        if what == "invoke":
            under_way[client] = len(history)
            input = (name, key) if name == "get" else (name, key, value)
            history.append(Operation(client, input, None, time, None, Outcome.UNKNOWN))
        else:
            _answer(history, under_way.pop(client), value if name == "get" else None, time)
    return history


def _answer(history: list[Operation], number: int, output: Any, time: int) -> None:
    history[number] = history[number]._replace(output=output, returned=time, outcome=Outcome.OK)


def etcd_logs() -> Iterator[tuple[int, list[Operation]]]:
    for number in sorted(ETCD):
        yield number, etcd_history((FOLDER / "jepsen" / f"etcd_{number:03}.log").read_text())


def test_the_verdicts_on_etcd_are_the_published_ones() -> None:
    verdicts = {number: check_linearizable(history, Register()).verdict for number, history in etcd_logs()}
    assert verdicts == {number: "ok" if number in ETCD_OK else "violation" for number in ETCD}


@pytest.mark.parametrize("clients", ["c01", "c10", "c50"])
@pytest.mark.parametrize("verdict", ["ok", "bad"])
def test_the_verdicts_on_the_key_value_stores_are_the_published_ones(clients: str, verdict: str) -> None:
    history = kv_history((FOLDER / "kv" / f"{clients}-{verdict}.txt").read_text())
    report = check_linearizable(history, KeyValue(missing=""))
    assert report.verdict == {"ok": "ok", "bad": "violation"}[verdict], report.text
