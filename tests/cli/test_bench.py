"""`radon bench kv` as a user has it: what it prints, how it ends, and what it refuses."""

from __future__ import annotations

import json
import re
import signal
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from radon.bench.workloads import WORKLOADS
from tests.bench.servers import serving
from tests.cli.conftest import Radon

PAGE = (Path(__file__).parents[2] / "docs" / "bench.md").read_text()

SHORT = ("--records", "500", "--operations", "300", "--warmup", "0", "--repeat", "2", "--clients", "3")


def keys_of(heading: str) -> set[str]:
    """The keys that the page explains under a heading."""
    text = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z0-9_]+)`", text, re.MULTILINE))


def test_a_json_line_of_each_store_and_workload_has_the_keys_of_the_page(radon: Radon) -> None:
    with serving() as ((host, port), _):
        stores = ["--redis", f"{host}:{port}", "--in-process"]
        lines = radon.ok("bench", "kv", *stores, *SHORT, "--workload", "a,f", "--value-size", "8,100", "--json")
    results = [json.loads(line) for line in lines.splitlines()]
    assert [(result["value_size"], result["workload"], result["target"]) for result in results] == [
        (size, workload, target)
        for size in (8, 100)
        for workload in ("load", "a", "f")
        for target in ("in process", f"{host}:{port}")
    ]
    for result in results:
        assert set(result) == keys_of("JSON")
        assert (result["errors"], result["wrong"], result["unfinished"], result["why"]) == (0, 0, 0, "")
    over_tcp = results[-1]
    assert (over_tcp["operations"], over_tcp["repeats"], over_tcp["records"]) == (600, 2, 500)
    assert set(over_tcp["latency"]) == {"all", "read", "modify"}
    assert set(over_tcp["latency"]["all"]) == keys_of("Latencies")


def test_for_people_there_is_a_table(radon: Radon) -> None:
    printed = radon.ok("bench", "kv", "--in-process", *SHORT)
    head, load, a = printed.splitlines()
    assert head.split()[:4] == ["WORKLOAD", "BYTES", "STORE", "OPS/S"]
    assert load.split()[:4] == ["load", "256", "in", "process"]
    assert a.split()[0] == "a"


def test_the_results_are_drawn(radon: Radon) -> None:
    radon.ok("bench", "kv", "--in-process", *SHORT, "--plot", "out.svg")
    root = ET.parse(radon.folder / "out.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_an_open_loop(radon: Radon) -> None:
    lines = radon.ok("bench", "kv", "--in-process", *SHORT, "--rate", "3000", "--arrivals", "fixed", "--json")
    result = json.loads(lines.splitlines()[-1])
    assert (result["loop"], result["rate"], result["arrivals"], result["operations"]) == ("open", 3000, "fixed", 600)
    assert result["latency"]["all"]["count"] == 600


@pytest.mark.debian("redis-server")
def test_a_redis_is_started_and_ended(radon: Radon) -> None:
    lines = radon.ok("bench", "kv", "--with-redis", *SHORT, "--durability", "both", "--workload", "e", "--json")
    results = [json.loads(line) for line in lines.splitlines()]
    assert [(result["target"], result["durable"]) for result in results[-2:]] == [
        ("redis", False), ("redis, durable", True),
    ]  # fmt: skip
    assert all(result["server_cpu"]["median"] > 0 for result in results[-2:])


REDIS = Path(__file__).parents[2] / "examples" / "redis"


@pytest.mark.parametrize("durability", ["volatile", "durable"])
def test_radon_over_tcp_is_started_and_ended(radon: Radon, durability: str) -> None:
    lines = radon.ok("bench", "kv", "--radon", REDIS, *SHORT, "--durability", durability, "--workload", "f", "--json")
    result = json.loads(lines.splitlines()[-1])
    assert (result["target"].split(",")[0], result["operations"], result["wrong"]) == ("radon", 600, 0)
    assert result["server_cpu"]["median"] > 0


def test_load_is_put_on_a_deployment_that_runs(radon: Radon) -> None:
    serving = radon.start("run", REDIS, "--data", "data", "--bind", "127.0.0.1:0=resp")
    result = json.loads(radon.ok("bench", "kv", "--deployment", "data", *SHORT, "--json").splitlines()[-1])
    assert (result["target"], result["operations"], result["durable"]) == ("data", 600, None)
    assert result["server_cpu"]["median"] > 0
    assert serving.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_tells_what_was_measured_so_far_and_leaves_nothing(radon: Radon, number: signal.Signals) -> None:
    """The one in process comes first. It is interrupted once the server is asked, whose runs never end."""
    folder = radon.folder / "temporary"
    folder.mkdir()
    radon.environment["TMPDIR"] = str(folder)
    with serving() as ((host, port), store):
        stores = ["--in-process", "--redis", f"{host}:{port}"]
        process = radon.begin(
            "bench", "kv", *stores, *SHORT[:2], "--seconds", "1000", "--warmup", "0", "--workload", "a"
        )
        store.wait(500)  # it has been loaded, as the one before has
        process.send_signal(number)
        out, err = process.communicate(timeout=50)
    assert process.returncode == 130
    assert err == b""
    stores_told = [line.split()[:3] for line in out.decode().splitlines()[1:]]
    assert stores_told[0] == ["load", "256", "in"]
    assert not list(folder.iterdir())


def test_wrong_answers_end_with_an_error_behind_the_results(radon: Radon) -> None:
    with serving(lambda store, words: b"+OK\r\n") as ((host, port), _):
        done = radon("bench", "kv", "--redis", f"{host}:{port}", *SHORT, "--workload", "get", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["wrong"] == 600
    assert re.fullmatch(
        rf"invalid: {host}:{port}, workload get: 0 errors and 600 wrong answers: a wrong value of user[0-9a-f]+\n",
        done.stderr.decode(),
    )


def test_a_server_that_refuses_commands_is_quoted(radon: Radon) -> None:
    with serving(lambda store, words: b"-NOAUTH Authentication required.\r\n") as ((host, port), _):
        done = radon("bench", "kv", "--redis", f"{host}:{port}", *SHORT)
    assert done.returncode == 1
    assert done.stderr.decode().endswith("errors and 0 wrong answers: NOAUTH Authentication required.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say which stores: --in-process, --radon MANIFEST, --deployment DIR, --with-redis, --redis HOST:PORT"),
        (["--workload", "a,z"], f"unknown workload 'z'; known: {', '.join(WORKLOADS)}"),
        (["--distribution", "pareto"], "no distribution 'pareto'; it is uniform, zipf:EXPONENT or latest:EXPONENT, "),
        (["--value-size", "8,x"], "--value-size 8,x: must be bytes, up to 8388608, as in 8,256,4096"),
        (["--value-size", "8388609"], "--value-size 8388609: must be bytes"),
        (["--value-size", "-1"], "--value-size -1: must be bytes"),
        (["--redis", "here"], "no address 'here'; it is HOST:PORT, as in 127.0.0.1:6379"),
        (["--clients", "1000", "--pipeline", "1000"], "--clients 1000 times --pipeline 1000: must be below 65536"),
        (["--pin", "1"], "--pin 1: must be SERVER:CLIENT, processors of each, as in 0:1 or 0-1,3:2"),
        (["--pin", "0:4000"], "--pin 0:4000: there is no processor 4000; there are 0"),
        (["--plot", "out.png"], "--plot out.png: must end with .svg, which browsers show and print"),
        (["--plot", "no/out.svg"], "--plot no/out.svg: there is no folder no"),
        (["--records", "0"], "radon bench kv: invalid value for '--records': 0 is not in the range"),
        (["--arrivals", "never"], "radon bench kv: invalid value for '--arrivals': 'never' is not one of"),
        (["--rate", "inf"], "radon bench kv: invalid value for '--rate'"),
        (["--rate", "2e9"], "radon bench kv: invalid value for '--rate'"),
        (["--seconds", "nan"], "--seconds nan: must be a number"),
        (["--warmup", "nan"], "--warmup nan: must be a number"),
        (["--seconds", "inf"], "radon bench kv: invalid value for '--seconds'"),
    ],
)
def test_what_makes_no_sense_is_answered_with_one_line(radon: Radon, arguments: list[str], said: str) -> None:
    some = ["--in-process"] if arguments else []
    assert radon.fails(2, "bench", "kv", *some, *arguments).lower().startswith(said.lower())


def test_stores_that_cannot_be_had_are_named(radon: Radon) -> None:
    assert re.match(r"unavailable: 127\.0\.0\.1:1: Connection refused", radon.fails(1, "bench", "kv", "--redis", ":1"))
    assert radon.fails(3, "bench", "kv", "--deployment", "none").startswith("none: no deployment")
    assert "nothing.toml" in radon.fails(2, "bench", "kv", "--radon", "nothing.toml=resp")


def test_without_its_module_the_client_says_so(radon: Radon, tmp_path: Path) -> None:
    radon.environment["RADON_NATIVE_BUILD"] = str(tmp_path)
    said = radon.fails(1, "bench", "kv", "--redis", ":1")
    assert (
        said == "unavailable: no client over TCP: it was not built; reinstall radon-runtime where there is a C compiler"
    )


def test_a_manifest_without_tcp_is_refused(radon: Radon, application: Path) -> None:
    said = radon.fails(2, "bench", "kv", "--radon", str(application))
    assert "no kind listens for TCP; say which speaks the Redis protocol" in said
    said = radon.fails(2, "bench", "kv", "--radon", f"{application}=resp")
    assert said.endswith("radon.toml: there is no kind 'resp'; there are script, other")
