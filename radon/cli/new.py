"""`radon new`: a small application to begin with: a counter in C that works, and a page that says how to go on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from radon.cli.failures import Usage
from radon.cli.printing import naming, print_lines

EXAMPLE = "radon new shop"

MANIFEST = """\
[application]
name = "{name}"

# One atom for each key: "counter/apples", "counter/pears". Each has its own state.
[kinds.counter]
source = "counter.c"

[ingress.http]
listen = "127.0.0.1:8080"

[ingress.http.routes]
"POST /counters/{{key}}" = "counter/{{key}}"
"""

README = """\
# {name}

Counters that outlive every crash. `counter.c` is the atom, `radon.toml` says what it may do and who reaches it.

    radon build                             # counter.c -> build/counter.wasm
    radon deploy --detach                   # state in .radon/{name}
    radon call counter/apples "add 5"       # 5
    curl -d "add 2" 127.0.0.1:8080/counters/apples
    radon ps
    radon stop                              # deploy again: the counters go on

While you work on it, `radon dev` builds and swaps the code whenever you save, and keeps the counters.
"""

IGNORED = """\
# made by `radon build`
/build/

# made by `radon deploy`: the state
/.radon/
"""


def verb(name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, and that of the new folder.")]) -> None:
    """Start an application: a manifest, a counter in C, a README."""
    from radon.abi.errors import ManifestError
    from radon.atoms.build import sdk_directory
    from radon.atoms.manifest import Manifest

    folder = Path(name)
    text = MANIFEST.format(name=folder.name)
    try:
        Manifest.parse(text, base=folder)
    except ManifestError:
        raise Usage(f"{folder.name!r} cannot name an application: use a-z, 0-9 and -, at most 63 of them") from None
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise Usage(f"{folder} exists already; choose another name") from None
    try:
        with naming(folder):
            (folder / "radon.toml").write_text(text, encoding="utf-8")
            (folder / "README.md").write_text(README.format(name=folder.name), encoding="utf-8")
            (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
            shutil.copyfile(sdk_directory() / "counter.c", folder / "counter.c")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # half an application is of no use, and in the way of the next one
        raise
    print_lines([f"{folder} has a counter in C; `cd {folder}`, then `radon build` and `radon run`"])
