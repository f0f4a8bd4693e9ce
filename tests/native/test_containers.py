"""The containers of the native domain, each checked by a C program against a naive model, under sanitizers.

A program that finds something wrong says where on stderr and fails; so do AddressSanitizer and UBSan.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from radon.host.hash import domain_of, stable_hash

HERE = Path(__file__).parent
NATIVE = HERE.parent.parent / "radon" / "host" / "native"
FLAGS = "-std=c11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Wall -Wextra -Wconversion -Werror"

Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Compiles a test program with modules of radon/host/native, runs it, and answers what it printed."""
    folder = tmp_path_factory.mktemp("programs")

    def run(name: str, *modules: str, args: tuple[str, ...] = (), stdin: str = "", flags: str = "") -> str:
        program = folder / f"{name}{flags}"
        if not program.exists():
            sources = [HERE / f"{name}.c", *(NATIVE / f"{module}.c" for module in modules)]
            subprocess.run(["gcc", *FLAGS.split(), *flags.split(), f"-I{NATIVE}", *sources, "-o", program], check=True)
        done = subprocess.run([program, *args], input=stdin, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("seed", ["1", "2"])
def test_strings_buffers_and_hashes_are_what_the_header_says(run: Run, seed: str) -> None:
    run("bytes", "bytes", args=(seed,))


def test_hashes_for_tables_differ_in_each_process(run: Run) -> None:
    assert run("bytes", "bytes") != run("bytes", "bytes")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_table_agrees_with_an_array(run: Run, seed: str) -> None:
    run("table", "table", "bytes", args=(seed,))


@pytest.mark.parametrize(("seed", "fanout"), [("1", 8), ("2", 8), ("3", 64)])
def test_the_map_agrees_with_a_sorted_array(run: Run, seed: str, fanout: int) -> None:
    run("state", "bytes", args=(seed,), flags=f"-DFANOUT={fanout}")


def test_a_flooded_mailbox_is_as_fast_as_a_small_one(run: Run) -> None:
    run("mailbox", "mailbox", "delivery", "table", "bytes")


def test_sha256_and_hmac_agree_with_hashlib(run: Run) -> None:
    source = random.Random(1)
    sizes = [*range(260), 1000, 4095, 4096, 4097, 1_000_003]
    cases = [(source.randbytes(source.choice((0, 1, 32, 63, 64, 65, 200))), source.randbytes(size)) for size in sizes]
    lines = [f"{key.hex() or '-'} {data.hex() or '-'}\n" for key, data in cases]
    expected = [f"{hashlib.sha256(data).hexdigest()} {hmac.digest(key, data, 'sha256').hex()}" for key, data in cases]
    assert run("sha256", stdin="".join(lines)).splitlines() == expected


def test_the_stable_hash_is_that_of_the_readable_twin(run: Run) -> None:
    def domain(key: bytes) -> int:
        shard, away = (key[:-2], int(key[-1:])) if key in replicas else (key, 0)
        return (stable_hash(b"kind/" + shard) + away) % 3

    def topic(name: bytes) -> int:
        return domain_of("@topic", name.decode(), 3) if name in topics else stable_hash(b"@topic/" + name) % 3

    topics = [b"news@kind/#17", b"a@b@kind/#17+2", b"@kind/", b"news@/", b"news@kind", b"@", b"kind/@", b"", b"/"]
    source = random.Random(1)
    replicas = [b"#17+2", b"#0+1", b"#+9"]
    cases = [source.randbytes(size).replace(b"@", b"") for size in (*range(70), 2000)]
    cases += [*replicas, b"#17+", b"#", b"+1", b"17+2", *topics]
    printed = run("hash", "hash", stdin="".join(f"{data.hex()}\n" for data in cases))
    expected = [f"{stable_hash(data)} {domain(data)} {topic(data)}" for data in cases]
    assert printed.splitlines() == expected
