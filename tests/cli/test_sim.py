"""`radon sim`, on a counter that keeps its total in the wrong place: found, made small, buried, replayed, mended."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from radon.atoms.build import build_c, sdk_directory
from radon.testing.simulation.campaign import DIFFERS
from tests.cli.conftest import COMMAND, Radon, complaint, keys_of

TALLY = Path(__file__).parents[1] / "simulation" / "tally.c"

MANIFEST = """\
[application]
name = "tally"

[kinds.tally]
module = "tally.wasm"
"""

WORKLOAD = """\
from radon.testing.simulation import Client, Workload


class Counting(Workload):
    clients = 3
    last = 0

    async def client(self, client: Client) -> None:
        while True:
            await client.sleep(0.5)
            before = self.last
            found = int(await client.call("tally/a", b"add 1", timeout=60.0))
            self.last = max(self.last, found)
            assert found > before, f"{found} comes after {before}"
"""

SMALL = ("--seconds", "5", "--operations", "20")


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The counter that forgets, and the one of the SDK, which does not."""
    folder = tmp_path_factory.mktemp("tally")
    build_c([TALLY], folder / "forgets.wasm")
    build_c([sdk_directory() / "counter.c"], folder / "keeps.wasm")
    return folder


@pytest.fixture
def tally(radon: Radon, modules: Path) -> Radon:
    """The command in the folder of the counter that forgets, with its workload."""
    shutil.copyfile(modules / "forgets.wasm", radon.folder / "tally.wasm")
    (radon.folder / "radon.toml").write_text(MANIFEST)
    (radon.folder / "workload.py").write_text(WORKLOAD)
    return radon


def test_a_bug_is_found_made_small_buried_and_replayed_until_it_is_mended(tally: Radon, modules: Path) -> None:
    graveyard = tally.folder / "workload.graveyard.toml"
    found = tally("sim", "--seeds", "20", *SMALL)
    assert found.returncode == 1
    (line,) = found.stderr.decode().splitlines()
    assert line.startswith("invalid: seed ")
    assert "comes after" in line
    assert "(workload.py:14)" in line
    shown = found.stdout.decode()
    assert "fault = [\n" in shown
    assert "radon sim radon.toml --grave 1 --trace\n" in shown
    (buried,) = [line for line in graveyard.read_text().splitlines() if line.startswith("violation = ")]
    assert json.loads(buried.partition(" = ")[2]) in line

    again = tally("sim", "--seeds", "20", *SMALL)
    assert again.returncode == 1
    assert again.stderr.decode() == line.replace("seed", "grave 1, seed") + "\n"
    assert again.stdout.decode() == "grave 1, " + again.stdout.decode().partition(", ")[2]
    assert again.stdout.decode().count("\n") == 1, "no seed is run when a grave fails"

    shutil.copyfile(modules / "keeps.wasm", tally.folder / "tally.wasm")
    kept = graveyard.read_bytes()
    mended = tally.ok("sim", "--seeds", "2", *SMALL)
    assert mended.startswith("grave 1, seed ")
    assert "fails no more; it was: " in mended
    assert graveyard.read_bytes() == kept


def test_as_many_processes_as_there_may_be_find_the_same(tally: Radon) -> None:
    reports = []
    for jobs in ("1", "2"):
        (tally.folder / "workload.graveyard.toml").unlink(missing_ok=True)
        done = tally("sim", "--seeds", "20", *SMALL, "--jobs", jobs, "--json")
        assert done.returncode == 1
        reports.append(json.loads(done.stdout))
    one, two = reports
    assert one == two
    assert one.keys() == keys_of("radon sim")


def test_of_all_faults_one_is_left_that_is_enough(tally: Radon) -> None:
    found = json.loads(tally("sim", "--faults", "drop=0.2", "--json").stdout)["failure"]
    assert found["faults"] > 1
    (fault,) = found["plan"]
    assert fault.keys() == {"at", "drop", "for", "strength"}
    assert fault["at"].endswith("s")
    assert not fault["at"].endswith("ms")


def test_a_failure_that_cannot_be_kept_is_told_all_the_same(tally: Radon) -> None:
    done = tally("sim", "--faults", "drop=0.2", "--graveyard", "nowhere/graveyard.toml")
    assert done.returncode == 1
    assert done.stdout.decode().endswith("it cannot be kept in nowhere/graveyard.toml: No such file or directory\n")
    assert done.stderr.startswith(b"invalid: seed ")


def test_a_workload_that_does_not_do_the_same_again_is_told_so_and_nothing_is_kept(tally: Radon) -> None:
    workload = WORKLOAD.replace("sleep(0.5)", "sleep(0.5 + time.time_ns() % 997 / 1e4)")
    (tally.folder / "workload.py").write_text("import time\n" + workload)
    done = tally("sim", "--seeds", "20", *SMALL)
    assert done.stdout.decode().splitlines()[-1].partition(": ")[::2] == (
        f"seed {seed_in(done.stderr)} is not kept in workload.graveyard.toml", DIFFERS,
    )  # fmt: skip
    assert not (tally.folder / "workload.graveyard.toml").exists()


def seed_in(line: bytes) -> str:
    """ "3" of "invalid: seed 3: ..."."""
    return line.decode().removeprefix("invalid: seed ").partition(":")[0]


def test_a_workload_of_another_file_is_derived_from(tally: Radon) -> None:
    (tally.folder / "workload.py").rename(tally.folder / "counting.py")
    tally.environment["PYTHONPATH"] = str(tally.folder)
    (tally.folder / "workload.py").write_text("from counting import Counting\n")
    said = complaint(tally.anew("sim"), 2)
    assert said.endswith("and has 0; one that is imported is derived from: class ItsCounting(Counting)")
    (tally.folder / "workload.py").write_text("import counting\n\nclass Its(counting.Counting):\n    pass\n")
    assert b"(counting.py:14)" in tally.anew("sim", "--seeds", "20", *SMALL).stderr


def test_what_has_no_room_is_named(tally: Radon) -> None:
    assert (
        tally.fails(1, "sim", "--seed", "0", *SMALL, "--html", "/dev/full")
        == "exhausted: /dev/full: No space left on device"
    )
    with open("/dev/full", "wb") as full:
        command = [*COMMAND, "sim", "--seed", "0", *SMALL, "--trace"]
        done = subprocess.run(command, cwd=tally.folder, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"exhausted: standard output: No space left on device\n")


def test_nobody_has_to_listen(tally: Radon, modules: Path) -> None:
    shutil.copyfile(modules / "keeps.wasm", tally.folder / "tally.wasm")
    shell = ["sh", "-c", 'exec "$@" >&- <&-', "sh", *COMMAND, "sim", "--seeds", "1", *SMALL]
    done = subprocess.run(shell, cwd=tally.folder, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_least_plan_can_be_played_as_a_script_and_told(tally: Radon) -> None:
    document = json.loads(tally("sim", "--seeds", "20", *SMALL, "--json").stdout)
    failure = document["failure"]
    text = (tally.folder / "workload.graveyard.toml").read_text()
    plan = tally.folder / "plan.toml"
    plan.write_text(text[text.index("fault = [") :])
    scripted = tally("sim", "--seed", str(failure["seed"]), *SMALL, "--plan", plan, "--trace")
    assert scripted.returncode == 1
    assert scripted.stderr.decode() == f"invalid: seed {failure['seed']}: {failure['violation']}\n"
    assert "asks tally/a add 1" in scripted.stdout.decode()
    told = tally("sim", "--grave", "1", "--trace")
    assert told.returncode == 1
    wide = tally.folder / "wide.toml"
    wide.write_text(text.replace("hosts = 3", "hosts = 300"))
    assert "hosts = 300: is out of bounds" in tally.fails(2, "sim", "--grave", "1", "--graveyard", wide)
    assert told.stdout == scripted.stdout
    about = tally("sim", "--grave", "1", "--trace", "--atom", "tally/a", "--html", "story.html").stdout
    assert 0 < len(about) < len(told.stdout)
    assert "tally, seed " in (tally.folder / "story.html").read_text()
    assert tally.fails(2, "sim", "--grave", "1", "--trace", "--atom", "tally/b").startswith(
        "--atom tally/b: the story has "
    )


def test_without_faults_there_is_nothing_to_find(tally: Radon) -> None:
    document = tally.json("sim", "--seeds", "3-4", *SMALL, "--faults", "none")
    assert (document["seeds"], document["failure"], document["silent"]) == (2, None, [])
    assert set(document["fired"].values()) == {0}
    assert not (tally.folder / "workload.graveyard.toml").exists()


def test_ways_in_that_are_not_simulated_are_named(tally: Radon) -> None:
    ingress = '[ingress.tcp]\n"127.0.0.1:7001" = "tally"\n[ingress.http]\nlisten = "127.0.0.1:7002"\n'
    (tally.folder / "radon.toml").write_text(MANIFEST + ingress)
    shown = tally.ok("sim", "--seed", "0", *SMALL, "--faults", "none")
    assert shown.startswith("tally: 1 seed, ")
    assert shown.endswith("\nits [ingress.http] is not simulated: clients call atoms, and connect to them by TCP\n")


def test_a_kind_of_fault_that_never_fires_fails_the_run(tally: Radon) -> None:
    """A single host has nobody to hand over to."""
    done = tally("sim", "--hosts", "1", "--faults", "leave=0.5", "--seeds", "5", *SMALL)
    assert done.returncode == 1
    assert done.stderr.startswith(b"invalid: never fired: leave, ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--faults", "crash=0.1,crush=1"], "--faults: unknown fault 'crush'; known: crash, pause, "),
        (["--faults", "crash=1.5"], "--faults: crash=1.5: a rate is between 0 and 1"),
        (["--faults", "crash=nan"], "--faults: crash=nan: a rate is between 0 and 1"),
        (["--faults", "crash=often"], "--faults: crash=often: a rate is a number from 0 to 1"),
        (["--faults", "crash"], "--faults: 'crash' is no rate; write KIND=RATE"),
        (["--seeds", "many"], "--seeds many: must be how many"),
        (["--seeds", "9-3"], "--seeds 9-3: are none"),
        (["--seeds", f"{2**53 + 1}"], f"--seeds {2**53 + 1}: the last that there is is {2**53 - 1}"),
        (["--seeds", "3", "--seed", "1"], "--seed and --seeds exclude each other"),
        (["--trace"], "--trace tells of one run: say which with --seed or --grave"),
        (["--html", "a.html"], "--html tells of one run: say which with --seed or --grave"),
        (["--seed", "1", "--atom", "tally/a"], "--atom says what --trace is to tell of"),
        (["--seed", "1", "--trace", "--json"], "--trace and --json exclude each other"),
        (["--grave", "1", "--faults", "none"], "--grave and --faults exclude each other"),
        (["--grave", "2"], "--grave 2: workload.graveyard.toml has 0"),
        (["--workload", "other.py"], "there is no other.py: a workload says what clients do"),
        (["--hosts", "0"], "radon sim: invalid value for '--hosts'"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(tally: Radon, arguments: list[str], said: str) -> None:
    assert tally.fails(2, "sim", *arguments).startswith(said)


TWO = f"{WORKLOAD}\n\nclass Other(Workload):\n    pass\n"
WITH = WORKLOAD.replace("{", "{{").replace("}", "}}") + "\n    {}\n"
RAISES = WORKLOAD.replace("found > before", "1 / 0")


@pytest.mark.parametrize(
    ("workload", "said"),
    [
        ("import nothing_of_that_name\n", "cannot be loaded: ModuleNotFoundError: No module named "),
        ("def f(:\n", "workload.py:1: invalid syntax"),
        ("raise SystemExit\n", "cannot be loaded: SystemExit (workload.py:1)"),
        ("", "must define one class that derives from Workload, and has 0"),
        (TWO, "must define one class that derives from Workload, and has 2: Counting, Other"),
        (WORKLOAD.replace("async def", "def").replace("await ", ""), "Counting.client must be an async def"),
        (WORKLOAD.replace("clients = 3", "clients = 0"), "Counting.clients = 0: must be an integer of at least 1"),
        (RAISES, "ZeroDivisionError: division by zero (workload.py:14)"),
        (WITH.format("def invariant(self, state): state.a"), "object has no attribute 'a' (workload.py:16)"),
        (WITH.format("async def setup(self, client): raise KeyError(3)"), "KeyError: 3 (workload.py:16)"),
        (WITH.format("def check(self, history, state): 1 / 0"), "ZeroDivisionError: division by zero (workload.py:16)"),
        (WITH.format("def __init__(self, random): 1 / 0"), "ZeroDivisionError: division by zero (workload.py:16)"),
    ],
)  # fmt: skip
def test_a_workload_with_a_mistake_is_named_with_its_line(tally: Radon, workload: str, said: str) -> None:
    (tally.folder / "workload.py").write_text(workload)
    assert said in tally.fails(2, "sim", "--seeds", "2", "--faults", "none", *SMALL)
    assert not (tally.folder / "workload.graveyard.toml").exists()


def test_what_a_workload_prints_is_not_the_answer(tally: Radon) -> None:
    (tally.folder / "workload.py").write_text(f"print('loaded')\n{WORKLOAD}")
    done = tally("sim", "--seeds", "1", "--faults", "none", *SMALL, "--json")
    assert json.loads(done.stdout)["seeds"] == 1
    assert done.stderr == b"loaded\nloaded\n"


def test_a_process_that_dies_with_its_seed_is_told(tally: Radon) -> None:
    workload = WORKLOAD.replace("await client.sleep(0.5)", "import os; os._exit(9)")
    (tally.folder / "workload.py").write_text(workload)
    said = tally.fails(1, "sim", "--seeds", "2", "--jobs", "1", *SMALL)
    assert said == "unavailable: seed 0: the process that ran it has ended, killed or by its own doing"


@pytest.mark.parametrize(
    ("graveyard", "said"),
    [
        ("version = 2\n", "is of version 2, this Radon reads version 1; move it away, or use the Radon that wrote it"),
        ("version = 1\n[[grave]]\nseed = \n", "is no graveyard, or damaged: "),
        ("version = 1\n[[grave]]\nseed = 1\n", "[grave.1] needs the key 'violation'"),
        ("", "is of version None, this Radon reads version 1"),
    ],
)
def test_a_graveyard_that_cannot_be_read_is_refused(tally: Radon, graveyard: str, said: str) -> None:
    (tally.folder / "workload.graveyard.toml").write_text(graveyard)
    assert said in tally.fails(2, "sim", "--seeds", "1", *SMALL)


def test_an_application_that_needs_what_a_simulated_cluster_has_not_is_refused(tally: Radon) -> None:
    (tally.folder / "radon.toml").write_text(
        f'{MANIFEST}links = {{web = "http:web"}}\n[egress.http.web]\nurl = "https://a.b/"\n'
    )
    assert "[egress.http] web: a simulated cluster has no endpoints yet" in tally.fails(2, "sim")


def test_nothing_is_deployed_to_a_simulation(tally: Radon) -> None:
    said = tally.fails(2, "deploy", "--on", "simulation")
    assert said == "a simulated cluster lives for one run, and nothing is deployed to it: `radon sim radon.toml`"
