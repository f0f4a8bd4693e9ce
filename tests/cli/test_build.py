"""new, build and inspect: from nothing to a module, and what is said of modules that cannot be served."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
from wasmtime import wat2wasm

from radon.atoms.build import componentize
from tests.cli.conftest import Radon, keys_of
from tests.cli.fork_server import ForkServer

KEYS = keys_of("radon build, radon inspect")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> tuple[Path, list[dict[str, Any]]]:
    """A new application, and what the first build said."""
    radon = Radon(tmp_path_factory.mktemp("new"), fork_server)
    assert radon.ok("new", "shop").startswith("shop has a counter in C; ")
    return radon.folder / "shop", radon.json("build", "shop")


@pytest.fixture
def shop(radon: Radon, built: tuple[Path, list[dict[str, Any]]]) -> Radon:
    """The command in a built application."""
    shutil.copytree(built[0], radon.folder, dirs_exist_ok=True)
    return radon


def test_a_new_application_builds_runs_and_counts(shop: Radon) -> None:
    assert sorted(path.name for path in shop.folder.iterdir()) == [
        ".gitignore", "README.md", "build", "counter.c", "radon.toml",
    ]  # fmt: skip
    manifest = shop.folder / "radon.toml"
    manifest.write_text(manifest.read_text().replace("127.0.0.1:8080", "127.0.0.1:0"))
    serving = shop.start("run")
    assert serving.facts["application"] == "shop"
    assert [address["protocol"] for address in serving.facts["addresses"]] == ["http"]
    assert shop.ok("call", "counter/apples", "add 5") == "5"


@pytest.mark.parametrize("name", ["Shop", "a/b c", "-", "..", "x" * 64])
def test_a_name_that_no_application_can_have_is_refused(radon: Radon, name: str) -> None:
    assert "cannot name an application" in radon.fails(2, "new", "--", name)
    assert not any(radon.folder.iterdir())


def test_what_is_there_is_not_overwritten(radon: Radon) -> None:
    (radon.folder / "shop").mkdir()
    assert radon.fails(2, "new", "shop") == "shop exists already; choose another name"


def test_an_application_that_has_no_room_leaves_nothing_in_the_way(radon: Radon) -> None:
    """A limit on the size of files is met like a full disk."""

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    process = radon.begin("new", "shop", preexec_fn=no_room)
    said = process.communicate()[1].decode()
    assert (process.returncode, said) == (1, "exhausted: shop: File too large\n")
    assert not (radon.folder / "shop").exists()
    radon.ok("new", "shop")


def test_build_says_what_it_made_and_what_that_needs(built: tuple[Path, list[dict[str, Any]]]) -> None:
    (row,) = built[1]
    assert row.keys() == KEYS - {"form"}
    assert (row["kind"], row["how"], row["stateful"], row["suspends"]) == ("counter", "built", True, False)
    assert row["file"] == "shop/build/counter.wasm"
    assert "state.bucket.add" in row["imports"]
    assert row["handlers"] == ["receive"]


def test_only_what_changed_is_built_again(shop: Radon) -> None:
    def how(*options: str) -> str:
        return str(shop.json("build", *options)[0]["how"])

    module = shop.folder / "build" / "counter.wasm"
    before = module.stat().st_mtime_ns
    assert how() == "unchanged"
    assert module.stat().st_mtime_ns == before
    assert how("--force") == "built"

    source = shop.folder / "counter.c"
    (shop.folder / "words.h").write_text('#define HINT "say: add N, or: get"\n')
    source.write_text('#include "words.h"\n' + source.read_text().replace('"say: add N, or: get"', "HINT"))
    assert how() == "built"
    assert how() == "unchanged"
    (shop.folder / "words.h").write_text('#define HINT "what?"\n')
    assert how() == "built", "a header is part of it"
    module.write_bytes(b"")
    assert how() == "built", "and so is what was made"


def test_what_a_build_left_that_was_killed_is_removed(shop: Radon) -> None:
    for how, options in (("unchanged", []), ("built", ["--force"])):
        left = shop.folder / "build" / ".radon-build-left"
        left.mkdir()
        (left / "atom").write_bytes(b"half of one")
        assert shop.json("build", *options)[0]["how"] == how
        assert sorted(path.name for path in left.parent.iterdir()) == ["counter.wasm", "counter.wasm.stamp"]


def test_all_that_does_not_compile_is_told_with_the_compilers_words(shop: Radon) -> None:
    (shop.folder / "bad.c").write_text("int x = ;\n")
    (shop.folder / "worse.c").write_text("}\n")
    manifest = shop.folder / "radon.toml"
    manifest.write_text(
        manifest.read_text() + '\n[kinds.bad]\nsource = "bad.c"\n[kinds.worse]\nsource = "worse.c"\n'
        '[kinds.absent]\nsource = "absent.c"\n'
    )
    done = shop("build")
    said = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert said[0] == "bad.c did not compile"
    assert any("bad.c:1:9: error: expected expression" in line for line in said)
    assert "worse.c did not compile" in said
    assert "there is no absent.c" in said


def test_a_single_source_is_built_beside_itself(shop: Radon) -> None:
    shown = shop.ok("build", "counter.c")
    assert shown.splitlines()[1].split()[:3] == ["counter", "counter.wasm", "built"]
    assert (shop.folder / "counter.wasm").is_file()


def test_inspect_shows_modules_components_and_text_alike(shop: Radon) -> None:
    componentize(shop.folder / "build" / "counter.wasm", shop.folder / "component.wasm")
    (shop.folder / "plain.wat").write_text(plain())
    files = ("build/counter.wasm", "component.wasm", "plain.wat")
    module, component, text = (shop.json("inspect", name) for name in files)
    assert module.keys() == KEYS - {"kind", "how", "granted"}
    assert [facts["form"] for facts in (module, component, text)] == ["core module", "component", "text"]
    assert module["imports"] == component["imports"]
    assert text["imports"] == []
    shown = shop.ok("inspect", "build/counter.wasm").splitlines()
    assert shown[0] == "build/counter.wasm"
    assert any(line.split() == ["suspends", "no"] for line in shown)


def test_inspect_names_the_grants_that_a_module_needs(radon: Radon) -> None:
    imports = """
      (import "radon:atom/lifecycle@0.1.0" "spawn" (func (param i32 i32 i32 i32 i32)))
      (import "radon:atom/topics@0.1.0" "publish" (func (param i32 i32 i32 i32 i32)))"""
    (radon.folder / "plain.wat").write_text(plain(imports))
    assert radon.json("inspect", "plain.wat")["grants"] == ["publish:GLOB", "spawn:KIND"]


def test_a_module_that_was_linked_as_a_command_is_told_wherever_it_is_loaded(radon: Radon, application: Path) -> None:
    module = bytes(wat2wasm(plain('(func (export "_start"))')))
    (radon.folder / "script.wasm").write_bytes(module)
    said = (
        "warning: script.wasm was linked as a command: nobody calls its _start, so that its constructors never run; "
        "link it as a reactor, with -mexec-model=reactor\n"
    )
    words = (["inspect", "script.wasm"], ["build"], ["deploy", "--detach"], ["deploy"])
    done = [radon(*verb, "--json") for verb in words]
    radon.ok("stop")
    for each in done:
        assert (each.returncode, each.stderr.decode()) == (0, said)
        assert json.loads(each.stdout)
    serving = radon.start("run")
    assert serving.error_line() == said.rstrip()


def plain(imports: str = "", receive: str = "radon:atom/handler@0.1.0#receive") -> str:
    return f"""(module {imports}
      (memory (export "memory") 1)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
      (func (export "{receive}") (param i32 i32 i32) (result i32) i32.const 0))"""
