"""Which deployment a verb is about: the directory that was named, or the only one there is. Sends it nothing."""

from __future__ import annotations

from pathlib import Path

from radon.cli.failures import Absent, Usage
from radon.gateways.control_socket import answers

HOME = Path(".radon")
"""Where deployments are that were given no directory, by application."""


def home_of(application: str) -> Path:
    return HOME / application


def holds_data(directory: Path) -> bool:
    return (directory / "data.mdb").is_file()


def find(data: Path | None) -> Path:
    """The directory of the deployment, running or not. Raises Absent if there is none, Usage if there are several."""
    if data is not None:
        if not data.is_dir():
            raise Absent(f"{data}: no deployment, because there is no such directory")
        return data
    found = [path for path in _folders() if holds_data(path) or answers(path)]
    if not found:
        raise Absent("no deployment under ./.radon; `radon deploy MANIFEST` starts one, --data DIR names one elsewhere")
    if len(found) > 1:
        listed = ", ".join(f"{path} ({'running' if answers(path) else 'stopped'})" for path in found)
        raise Usage(f"there are several deployments: {listed}; choose one with --data DIR")
    return found[0]


def find_running(data: Path | None) -> Path:
    """As `find`; raises Absent also where it does not run."""
    directory = find(data)
    if not answers(directory):
        start = f"`radon deploy MANIFEST --data {directory}` starts it"
        raise Absent(f"{directory}: the deployment is not running; {start}")
    return directory


def _folders() -> list[Path]:
    try:
        return sorted(path for path in HOME.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
