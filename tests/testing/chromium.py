"""Headless Chromium, as Debian has it: what a page becomes, what a script finds there, and what its console says."""

from __future__ import annotations

import json
import os
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

PROBE = """<script>
{
  const found = (() => { %s })();
  const shown = document.createElement("pre");
  shown.id = "found-by-the-probe";
  shown.textContent = JSON.stringify(found === undefined ? null : found);
  document.body.append(shown);
}
</script>
"""


class Visit(NamedTuple):
    found: Any  # what the probe returned
    console: list[str]  # what the page and the probe wrote there, errors included


def visit(text: str, folder: Path, probe: str = "", fragment: str = "") -> Visit:
    """Open a page and run `probe`, the body of a JavaScript function, in it once it has loaded."""
    page = folder / "visited.html"
    page.write_text(text.replace("</body>", PROBE % probe + "</body>"), encoding="utf-8")
    command = [
        "chromium", "--headless", "--disable-gpu", "--no-first-run", "--window-size=1400,900",
        f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--dump-dom",
        *(["--no-sandbox"] if os.geteuid() == 0 else []), f"{page.as_uri()}#{fragment}",
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    found = re.search(r'<pre id="found-by-the-probe">(.*?)</pre>', run.stdout, re.DOTALL)
    console = re.findall(r"CONSOLE\S*\] (.*)", run.stderr)
    assert found, f"the probe did not end: {console}"
    return Visit(json.loads(unescape(found[1])), console)
