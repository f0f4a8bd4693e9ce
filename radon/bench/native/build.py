"""Makes the client of `radon bench` over TCP: `_client`, from the C files beside this one and the machine's C compiler.

A program of its own, which imports nothing of Radon. How is told by radon/host/native/build.py, which makes the native
twin and is loaded by its path.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def _loaded() -> ModuleType:
    path = HERE.parents[1] / "host" / "native" / "build.py"
    spec = importlib.util.spec_from_file_location("radon_native_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recipe = _loaded()
CLIENT = recipe.Extension((HERE,), "radon.bench.native._client")
FILE = CLIENT.file


def build(folder: Path = HERE) -> bool:
    """As the recipe's."""
    made: bool = recipe.build(folder, CLIENT)
    return made


def main() -> int:
    """`build.py`: build. `build.py lint`: look for warnings. Without a compiler there is no client, and no error."""
    try:
        if sys.argv[1:] == ["lint"]:
            recipe.lint(CLIENT)
        elif build(Path(os.environ.get("RADON_NATIVE_BUILD") or HERE)):
            print("built the client of radon bench", file=sys.stderr)
    except recipe.Unbuildable as error:
        print(f"radon bench will have no client over TCP: {error}", file=sys.stderr)
    except recipe.Broken as error:
        print(f"{error}\nthe client of radon bench could not be built", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
