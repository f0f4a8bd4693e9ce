"""Standard atoms with one mistake each: a checker that finds nothing proves nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from radon.atoms.build import build_c
from radon.atoms.std import FOLDER, STANDARDS

Mistake = tuple[str, str, str]
"""A file of the atom that its folder is named after, as "kv/kv.c"; a text that is there once; what takes its place."""


def planted(mistake: Mistake, folder: Path) -> tuple[str, Path]:
    """The name of the standard atom, and its module with this mistake, which is built in the folder."""
    path, right, wrong = mistake
    name = path.partition("/")[0]
    for each in FOLDER.iterdir():
        if each.is_dir():
            shutil.copytree(each, folder / each.name)
    text = (folder / path).read_text()
    assert text.count(right) == 1
    (folder / path).write_text(text.replace(right, wrong))
    build_c([folder / source.relative_to(FOLDER) for source in STANDARDS[name].sources], out := folder / f"{name}.wasm")
    return name, out
