"""What hatchling runs when it builds a wheel, an editable one too: the native twin of the domain is compiled first.

Where that fails the wheel is a pure one, and the Python twin works in the native one's place: a machine without a
compiler can install Radon. How the module is made is told by radon/host/native/build.py.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "radon/host/native"


def program(root: str) -> ModuleType:
    """build.py, loaded by its path: a build environment cannot import radon, which needs all its dependencies."""
    spec = importlib.util.spec_from_file_location("radon_native_build", Path(root, FOLDER, "build.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the module into the wheel and name its platform, or put in why there is none."""
        build = program(self.root)
        try:
            build.build()
        except (build.Unbuildable, build.Broken) as error:
            build_data["artifacts"].append(f"/{FOLDER}/{build.REASON}")
            self.app.display_warning(
                f"Radon is installed without its native domain, and uses the Python one, which is slower and does the "
                f"same: {build.summary(error)}"
            )
            return
        build_data["artifacts"].append(f"/{FOLDER}/{build.FILE}")
        build_data["pure_python"] = False
        if build.STABLE:
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"cp311-abi3-{platform}"
        else:
            build_data["infer_tag"] = True
