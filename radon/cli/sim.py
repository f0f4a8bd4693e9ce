"""`radon sim`: an application in a simulated cluster, seed by seed, until a seed fails."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from radon.atoms.bounds import LONGEST, MOST_DOMAINS, MOST_HOSTS
from radon.cli.failures import Usage, as_usage
from radon.cli.options import MANIFEST, Json, ManifestPath

EXAMPLE = "radon sim examples/bank --seeds 1000"

WORKLOAD = "workload.py"
"""Beside the manifest, unless --workload names another."""

DEFAULT = "100"
"""Seeds."""

LAST = 2**53 - 1
"""The largest seed: JSON and TOML have no larger integers that everybody reads alike."""


def verb(
    manifest: ManifestPath = MANIFEST,
    workload: Annotated[
        Path | None,
        typer.Option(metavar="FILE.py", help="What clients do, and what must hold.  [default: workload.py beside it]"),
    ] = None,
    seeds: Annotated[
        str, typer.Option(metavar="N|A-B", help="So many, from 0; or those from A to B.  [default: 100]")
    ] = "",
    seed: Annotated[
        int | None, typer.Option(metavar="S", min=0, max=LAST, help="This one alone.", show_default=False)
    ] = None,
    grave: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="This one of the graveyard alone.", show_default=False)
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="With --seed or --grave: tell what happens.")] = False,
    atom: Annotated[str, typer.Option(metavar="ADDRESS", help="With --trace: tell of this atom only.")] = "",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --seed or --grave: what happens, as a page.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=256, show_default=False, help="Processes.  [default: the processors]"),
    ] = None,
    hosts: Annotated[int, typer.Option(metavar="N", min=1, max=MOST_HOSTS, help="Of the cluster.")] = 3,
    domains: Annotated[
        int, typer.Option(metavar="N", min=1, max=MOST_DOMAINS, help="Over which atoms are spread.")
    ] = 6,
    seconds: Annotated[int, typer.Option(metavar="N", min=1, max=LONGEST, help="At least, simulated, of a seed.")] = 20,
    operations: Annotated[int, typer.Option(metavar="N", min=0, help="At least, of clients, in a seed.")] = 500,
    faults: Annotated[
        str, typer.Option(metavar="KIND=RATE,...", help="These only; none; default and changes to it.")
    ] = "",
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="The faults of all seeds, instead of random ones.")
    ] = None,
    graveyard: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Seeds that failed.  [default: beside the workload]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run an application in a simulated cluster, with all faults."""
    from radon.abi.errors import Invalid
    from radon.atoms.application import Application
    from radon.backends.simulation.world import SECOND
    from radon.cli.launching import load_manifest
    from radon.cli.simulating import Case, Telling
    from radon.testing.simulation.plans import parse_rates, read_plan
    from radon.testing.simulation.seeds import Subject, check_application, processors
    from radon.testing.simulation.simulate import LONGER, Options
    from radon.testing.simulation.workload import WorkloadError, load_workload

    _check_together({"--seed": seed, "--seeds": seeds or None, "--grave": grave})
    _check_together({"--grave": grave, "--plan": plan, "--faults": faults or None})
    telling = Telling(trace, atom, html)
    if telling and seed is None and grave is None:
        raise Usage(f"{'--trace' if trace else '--html'} tells of one run: say which with --seed or --grave")
    if atom and not trace:
        raise Usage("--atom says what --trace is to tell of")
    _check_together({"--trace": trace or None, "--json": as_json or None})
    chosen = load_manifest(manifest, None)
    application = Application.load(chosen)
    check_application(application)
    file = _workload(chosen.base, workload)
    with as_usage(Invalid, "--faults: "):
        rates = parse_rates(faults) if faults else None
    with as_usage(WorkloadError), redirect_stdout(sys.stderr):  # what a workload prints is no answer of the verb
        load_workload(file)
    options = Options(hosts=hosts, domains=domains, span=seconds * SECOND, operations=operations, rates=rates)
    case = Case(
        subject=Subject(application.bundle(), file), application=application, options=options,
        plan=read_plan(plan, options.names, LONGER * options.span) if plan is not None else None,
        graveyard=graveyard or file.with_suffix(".graveyard.toml"),
        command=_command(manifest, workload, graveyard), as_json=as_json,
    )  # fmt: skip
    with as_usage(WorkloadError):
        if telling or grave is not None:
            case.look(seed, grave, telling)
        else:
            case.search(_seeds(seeds, seed), jobs or processors(), replay=seed is None)


def _check_together(options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise Usage(f"{given[0]} and {given[1]} exclude each other")


def _workload(folder: Path, workload: Path | None) -> Path:
    file = workload if workload is not None else folder / WORKLOAD
    if not file.is_file():
        raise Usage(
            f"there is no {file}: a workload says what clients do, and what must hold; write one (docs/simulation.md, "
            "examples/bank/workload.py), or name it with --workload FILE.py"
        )
    return file


def _seeds(text: str, seed: int | None) -> range:
    if seed is not None:
        return range(seed, seed + 1)
    first, dash, last = (text or DEFAULT).partition("-")
    try:
        chosen = range(int(first), int(last) + 1) if dash else range(int(first))
    except ValueError:
        raise Usage(f"--seeds {text}: must be how many, as in 1000, or the first and the last, as in 500-999") from None
    if not chosen or chosen.stop > LAST + 1:
        raise Usage(f"--seeds {text}: {'are none' if not chosen else f'the last that there is is {LAST}'}")
    return chosen


def _command(manifest: Path, workload: Path | None, graveyard: Path | None) -> str:
    """What to say again to have the same application, workload and graveyard."""
    words = ["radon", "sim", str(manifest)]
    words += ["--workload", str(workload)] if workload is not None else []
    words += ["--graveyard", str(graveyard)] if graveyard is not None else []
    return shlex.join(words)
