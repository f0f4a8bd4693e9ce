"""What the READMEs of the examples show is run."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.examples.conftest import Example
from tests.examples.programs import EXAMPLES


def test_the_python_program_in_the_readme_of_kv_prints_what_it_says(example: Example) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (EXAMPLES / "kv" / "README.md").read_text(), re.DOTALL)
    (printed,) = re.findall(r"# (\[.*\])", program)
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=example("kv").manifest.base, capture_output=True, text=True, check=False
    )
    assert (run.stdout.strip(), run.stderr) == (printed, "")
