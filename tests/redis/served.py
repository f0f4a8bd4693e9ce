"""The example server, run as a user would run it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "redis" / "radon.toml"


@contextmanager
def served(folder: Path, shards: int = 4, extra: str = "") -> Iterator[int]:
    """The port that it listens on. `extra` is more of the manifest."""
    manifest = folder / "radon.toml"
    text = re.sub(r"shards = \d+", f"shards = {shards}", EXAMPLE.read_text())
    manifest.write_text(text + extra)
    command = [Path(sys.executable).parent / "radon", "run", manifest, "--bind", "127.0.0.1:0=resp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            said = ""
            while not (found := re.search(r"tcp 127\.0\.0\.1:(\d+) for resp", said)):
                line = process.stdout.readline()
                assert line, f"it did not come up:\n{said}"
                said += line
            yield int(found[1])
        finally:
            process.terminate()
            process.communicate(timeout=30)
