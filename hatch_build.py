"""What hatchling runs when it builds a wheel, an editable one too: the modules in C are compiled first.

Where that fails the wheel is a pure one: the Python twin works in the native one's place, `radon bench` has no client
over TCP, and a machine without a compiler can install Radon. How a module is made tells radon/host/native/build.py.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = {
    "radon/host/native": "without its native domain, and uses the Python one, which is slower and does the same",
    "radon/bench/native": "without the client over TCP of `radon bench`",
}
"""With a build.py in each, and what Radon is without the module."""


def program(root: str, folder: str) -> ModuleType:
    """build.py, loaded by its path: a build environment cannot import radon, which needs all its dependencies."""
    spec = importlib.util.spec_from_file_location("radon_native_build", Path(root, folder, "build.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the modules into the wheel and name its platform, or put in why there is none."""
        built = [folder for folder, lack in FOLDERS.items() if self._builds(folder, lack, build_data)]
        if not built:
            return
        build_data["pure_python"] = False
        if program(self.root, next(iter(FOLDERS))).STABLE:
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"cp311-abi3-{platform}"
        else:
            build_data["infer_tag"] = True

    def _builds(self, folder: str, lack: str, build_data: dict[str, Any]) -> bool:
        here = program(self.root, folder)
        recipe = getattr(here, "recipe", here)
        try:
            here.build()
        except (recipe.Unbuildable, recipe.Broken) as error:
            build_data["artifacts"].append(f"/{folder}/{recipe.REASON}")
            self.app.display_warning(f"Radon is installed {lack}: {recipe.summary(error)}")
            return False
        build_data["artifacts"].append(f"/{folder}/{here.FILE}")
        return True
