"""What `pip install radon-runtime` brings beside the Python modules."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from radon.atoms.std import STANDARDS

ROOT = Path(__file__).parents[2]


def test_the_wheel_carries_the_standard_and_all_that_c_guests_are_built_against(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    run = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    sdk = {f"radon/_sdk/c/{path.name}" for path in (ROOT / "guest-sdk" / "c").iterdir() if path.is_file()}
    assert sdk
    page = {f"radon/testing/simulation/page.{kind}" for kind in ("html", "css", "js")}
    standard = {path.relative_to(ROOT).as_posix() for each in STANDARDS.values() for path in each.folder.iterdir()}
    assert "radon/atoms/std/kv/kv.wasm" in standard
    assert {"radon/py.typed", "radon/abi/radon.wit", *sdk, *page, *standard} <= carried
    assert {name.split("/")[0] for name in carried} == {"radon", wheel.name.rsplit("-", 3)[0] + ".dist-info"}
