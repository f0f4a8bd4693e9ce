"""docs/gateways.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from radon.abi.errors import ErrorCode
from radon.abi.exchange import CHUNK
from radon.gateways.http_events import BEHIND, BEHIND_BYTES, KEEP_ALIVE
from radon.gateways.http_messages import METADATA_BYTES, STATUS, error_of
from radon.gateways.metrics import Metrics
from radon.gateways.tcp import UNREAD
from tests.gateways.running import load, running

PAGE = (Path(__file__).parents[2] / "docs" / "gateways.md").read_text()


def section(title: str) -> str:
    return re.split(r"^##+ ", PAGE.split(f" {title}\n", 1)[1], flags=re.MULTILINE)[0]


def test_every_error_code_is_there_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", section("HTTP in"), flags=re.MULTILINE)
    told = {code: int(status) for status, code in reversed(rows)}  # the first row of a code is the usual one
    assert told == {code.label: status for code, status in STATUS.items()}


def test_statuses_from_outside_are_the_errors_that_are_told() -> None:
    rows = re.findall(r"^\| ([^|]+) \| `([a-z-]+)` \|", section("HTTP out"), flags=re.MULTILINE)
    told = {int(status): label for statuses, label in rows for status in re.findall(r"\b\d{3}\b", statuses)}
    assert len(told) == 10
    for status, label in told.items():
        assert error_of(status) is ErrorCode[label.upper().replace("-", "_")]


async def test_every_metric_is_there_and_no_other(guests: Path) -> None:
    async with running(load(guests, kinds={"desk": {"module": "desk.wasm"}})) as app:
        page = Metrics().render(app.deployment, "")[0].decode()
    rows = [row.split("|")[1] for row in section("Metrics").splitlines() if row.startswith("| `")]
    told = {name.removesuffix("_total") for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == {name.removesuffix("_total") for name in re.findall(r"^# TYPE (\w+)", page, flags=re.MULTILINE)}


def test_the_numbers_are_the_codes() -> None:
    assert (BEHIND, BEHIND_BYTES, KEEP_ALIVE) == (1000, 4 << 20, 15.0)
    assert (CHUNK, UNREAD, METADATA_BYTES) == (64 << 10, 16 << 20, 64 << 10)
    for number in (
        "1,000 messages or 4 MiB",
        "15 seconds",
        "at most 64 KiB",
        "more than 16 MiB",
        "More than 64 KiB of",
    ):
        assert number in re.sub(r"\s+", " ", PAGE)


def test_the_python_on_the_page_runs(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, "docs/gateways.md", "exec"), names)
    assert "app" in names
