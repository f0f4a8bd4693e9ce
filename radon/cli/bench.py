"""`radon bench kv`: load on key-value stores, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from radon.cli.commands import Command, need_a_word
from radon.cli.failures import Usage, as_usage
from radon.cli.options import Domains

EXAMPLE = "radon bench kv --in-process --with-redis --workload a,b,c --clients 50 --pipeline 16 --pin 0:1"

FASTEST = 1e9
"""Arrivals a second: one each nanosecond, in which their times are counted."""

app = typer.Typer(help="Put load on stores and measure them.")
app.callback(invoke_without_command=True)(need_a_word)


@app.command(cls=Command, epilog=f"Example: {EXAMPLE}")
def kv(
    in_process: Annotated[bool, typer.Option("--in-process", help="Radon: atoms that ask std:kv in a domain.")] = False,
    radon: Annotated[
        list[str] | None,
        typer.Option(metavar="MANIFEST[=KIND]", help="Radon over TCP, started: KIND speaks the Redis protocol."),
    ] = None,
    deployment: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Radon over TCP: a deployment that runs.")
    ] = None,
    with_redis: Annotated[bool, typer.Option("--with-redis", help="A redis-server, started.")] = False,
    redis: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="A server that runs; its keys user* are overwritten.")
    ] = None,
    durability: Annotated[
        Literal["volatile", "durable", "both"],
        typer.Option(help="Of what is started. durable: an answer outlives a power cut (Redis: appendfsync always)."),
    ] = "volatile",
    workload: Annotated[
        str, typer.Option(metavar="LIST", help="a-f of YCSB, get, put, uniform, zipf-0.5, zipf-0.99, zipf-4.")
    ] = "a",
    distribution: Annotated[
        str, typer.Option(metavar="D", help="Instead of theirs: uniform, zipf:EXPONENT, latest:EXPONENT.")
    ] = "",
    value_size: Annotated[str, typer.Option(metavar="LIST", help="Bytes of a value, as in 8,256,4096.")] = "256",
    records: Annotated[int, typer.Option(metavar="N", min=1, max=2**31 - 1, help="That are loaded first.")] = 100_000,
    clients: Annotated[int, typer.Option(metavar="N", min=1, max=60_000, help="Connections, or atoms.")] = 50,
    pipeline: Annotated[int, typer.Option(metavar="N", min=1, max=60_000, help="Operations under way of each.")] = 1,
    rate: Annotated[
        float,
        typer.Option(
            metavar="N", min=0, max=FASTEST, help="Open loop: so many arrivals a second, whatever is answered."
        ),
    ] = 0,
    arrivals: Annotated[Literal["poisson", "fixed"], typer.Option(help="How they are spread.")] = "poisson",
    seconds: Annotated[
        float | None,
        typer.Option(metavar="S", min=0.001, max=86400, help="Of a run.  [default: 2]", show_default=False),
    ] = None,
    operations: Annotated[
        int, typer.Option(metavar="N", min=0, help="Of a run; with --seconds whichever ends first.", show_default=False)
    ] = 0,
    warmup: Annotated[float, typer.Option(metavar="S", min=0, max=3600, help="Before each run, not counted.")] = 0.5,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Runs of each workload.")] = 5,
    pin: Annotated[str, typer.Option(metavar="SERVER:CLIENT", help="Processors, as in 0:1 or 0-1:2.")] = "",
    shards: Annotated[int, typer.Option(metavar="N", min=1, max=4096, help="With --in-process.")] = 16,
    domains: Domains = None,
    scan_length: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="Records of a scan, at most.")] = 100,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**53 - 1, help="Of all that is drawn.")] = 0,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the results.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON line of each; docs/bench.md has the keys.")
    ] = False,
) -> None:
    """Put load on key-value stores in turn, check their answers, compare."""
    from dataclasses import replace
    from math import isnan

    from radon.abi.errors import Invalid
    from radon.bench.campaign import Plan
    from radon.bench.load import WINDOW
    from radon.bench.processes import Pins, parse_pins
    from radon.bench.workloads import parse_distribution, workload_of
    from radon.cli.benching import Stores, measure

    if clients * pipeline >= WINDOW:
        raise Usage(f"--clients {clients} times --pipeline {pipeline}: must be below {WINDOW} operations under way")
    if plot is not None and plot.suffix != ".svg":
        raise Usage(f"--plot {plot}: must end with .svg, which browsers show and print")
    if plot is not None and not plot.absolute().parent.is_dir():
        raise Usage(f"--plot {plot}: there is no folder {plot.parent}")
    for name, number in (("--rate", rate), ("--seconds", seconds), ("--warmup", warmup)):
        if number is not None and isnan(number):
            raise Usage(f"{name} {number}: must be a number")
    with as_usage(Invalid):
        chosen = [workload_of(name.strip()) for name in workload.split(",")]
        if distribution:
            drawn = parse_distribution(distribution)
            chosen = [replace(each, distribution=drawn) for each in chosen]
        pins = parse_pins(pin) if pin else Pins()
        stores = Stores(
            in_process, radon or [], deployment or [], with_redis, redis or [], durability, shards, domains, pins
        )
        stores.check()
    if seconds is None:
        seconds = 0 if operations else 2
    plan = Plan(
        workloads=chosen, sizes=_sizes(value_size), records=records, operations=operations, seconds=seconds,
        warmup=warmup, repeats=repeat, clients=clients, window=pipeline, rate=rate, arrivals=arrivals,
        longest_scan=scan_length, seed=seed,
    )  # fmt: skip
    measure(plan, stores, plot, as_json=as_json)


def _sizes(text: str) -> list[int]:
    parts = text.split(",")
    sizes = [int(part) for part in parts if part.strip().isdecimal()]
    if len(sizes) != len(parts) or max(sizes) > 8 << 20:
        raise Usage(f"--value-size {text}: must be bytes, up to 8388608, as in 8,256,4096")
    return sizes
