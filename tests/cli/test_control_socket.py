"""Where the control socket is: one process at a time, its owner alone, whatever was left, however long the path."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from errno import ENOSPC
from pathlib import Path
from unittest.mock import Mock

import pytest

from radon.abi.errors import Unavailable
from radon.gateways.control_socket import PID, SOCKET, Claim, answers, socket_path
from tests.cli.conftest import Radon


def test_a_claim_has_a_socket_for_its_owner_alone_and_takes_it_away(tmp_path: Path) -> None:
    with Claim(tmp_path) as claim, claim.listen():
        assert stat.S_IMODE((tmp_path / SOCKET).stat().st_mode) == 0o600
        assert (tmp_path / PID).read_text() == f"{os.getpid()}\n"
        assert answers(tmp_path)
        claim.release()
        assert not any(tmp_path.iterdir())
    assert not answers(tmp_path)


def test_a_second_claim_is_refused_with_the_process_that_has_it(tmp_path: Path) -> None:
    with Claim(tmp_path), pytest.raises(Unavailable, match=f"in use by process {os.getpid()}; stop it"):
        Claim(tmp_path)
    with Claim(tmp_path):
        pass


def test_what_a_killed_process_left_means_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from radon.gateways.control_socket import Claim\n"
        "listener = Claim(Path(sys.argv[1])).listen()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [SOCKET, PID]
    assert not answers(tmp_path)
    with Claim(tmp_path) as claim, claim.listen():
        assert answers(tmp_path)


def test_a_claim_that_has_no_room_names_its_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", Mock(side_effect=OSError(ENOSPC, os.strerror(ENOSPC))))
        with pytest.raises(OSError, match="No space left on device") as raised:
            Claim(tmp_path)
    assert raised.value.filename == str(tmp_path / PID)
    assert not any(tmp_path.iterdir())


def test_a_socket_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / SOCKET).mkdir()
    with Claim(tmp_path) as claim, pytest.raises(OSError, match="Is a directory") as raised:
        claim.listen()
    assert raised.value.filename == str(tmp_path / SOCKET)


def test_a_claim_whose_file_was_removed_under_it_is_taken_anew(tmp_path: Path) -> None:
    """Between another process opening the file and locking it, its last owner may have removed it."""
    first = Claim(tmp_path)
    (tmp_path / PID).unlink()
    with Claim(tmp_path):
        assert (tmp_path / PID).exists()
    first.release()


def test_a_path_may_be_longer_than_an_address(tmp_path: Path) -> None:
    folder = Path(tmp_path, *["a-folder-with-a-long-name"] * 20)
    folder.mkdir(parents=True)
    with (
        Claim(folder) as claim, claim.listen() as listener,
        socket_path(folder) as path, socket.socket(socket.AF_UNIX) as client,
    ):  # fmt: skip
        client.connect(path)
        listener.accept()[0].close()
    with pytest.raises(FileNotFoundError), socket_path(tmp_path / "nowhere"):
        pass
    assert not answers(tmp_path / "nowhere")


def test_somebody_else_is_sent_away_even_where_modes_would_let_them_in(radon: Radon, application: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        radon.detach("--data", data)
        Path(folder).chmod(0o755)
        data.chmod(0o755)
        (data / SOCKET).chmod(0o666)
        code = (
            "import os, socket, sys\n"
            "if len(sys.argv) == 3: os.setuid(int(sys.argv[2]))\n"
            "client = socket.socket(socket.AF_UNIX)\n"
            "client.connect(sys.argv[1])\n"
            "try:\n"
            "    client.sendall(b'GET / HTTP/1.1\\r\\nHost: radon\\r\\nConnection: close\\r\\n\\r\\n')\n"
            "    print(len(client.recv(1)))\n"
            "except (BrokenPipeError, ConnectionResetError):\n"
            "    print(0)\n"
        )
        for user, received in ((), "1"), (("65534",), "0"):
            run = [sys.executable, "-c", code, str(data / SOCKET), *user]
            assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == f"{received}\n"
        radon.ok("stop", "--data", data)
