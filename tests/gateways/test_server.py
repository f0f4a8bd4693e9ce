"""Serving: addresses that can and cannot be listened on, TLS, beginning and ending."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from radon.abi.delivery import Address
from radon.abi.errors import ManifestError, RadonError
from radon.atoms.application import Application
from radon.backends import Options, deploy
from radon.backends.deployment import Deployment
from radon.gateways.listening import bind, text_of
from radon.gateways.server import serve
from radon.host.lookup import restored
from tests.gateways.running import PATIENCE, client, connected, load, running

ROUTES = {"POST /desks/{key}": "desk/{key}"}


def application(folder: Path, *, tcp: dict[str, str] | None = None, **http: Any) -> Application:
    return load(
        folder,
        kinds={"desk": {"module": "desk.wasm"}, "line": {"module": "line.wasm", "grants": ["publish:lives"]}},
        ingress={"http": {"listen": "127.0.0.1:0", "routes": ROUTES} | http, "tcp": tcp or {}},
    )


@pytest.fixture
def deployment(guests: Path) -> Iterator[Deployment]:
    it = deploy("monolith", application(guests), Options(store="memory"))
    yield it
    it.stop()


@pytest.fixture
def taken() -> Iterator[str]:
    """An address where somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield text_of(other.getsockname())


# ---- addresses ----


async def test_a_port_in_use_is_one_clear_line_and_leaves_nothing_behind(guests: Path, taken: str) -> None:
    for it, place in (
        (application(guests, listen=taken), r"change \[ingress.http\] listen"),
        (application(guests, tcp={"127.0.0.1:0": "line", taken: "line"}), r"change \[ingress.tcp\] or --bind"),
    ):
        before = len(asyncio.all_tasks())
        with pytest.raises(RadonError, match=f"^cannot listen on {taken}: another program listens there; {place}$"):
            async with running(it):
                pass
        assert len(asyncio.all_tasks()) == before


@pytest.mark.parametrize("address", ["no.such.host.invalid:80", "192.0.2.1:80", "[2001:db8::1]:80"])
async def test_an_address_that_is_not_ours_is_named(guests: Path, address: str) -> None:
    with pytest.raises(RadonError, match="cannot listen on ") as caught:
        async with running(application(guests, listen=address)):
            pass
    assert address in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_all_addresses_of_a_name_have_one_port() -> None:
    sockets = await bind("localhost:0", "a test")
    try:
        assert len({listener.getsockname()[1] for listener in sockets}) == 1
        assert {listener.getsockname()[0] for listener in sockets} <= {"127.0.0.1", "::1"}
    finally:
        for listener in sockets:
            listener.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
async def test_an_ipv6_address_is_served(guests: Path) -> None:
    try:
        sockets = await bind("[::1]:0", "a test")
    except RadonError:
        pytest.skip("this machine has no address ::1")
    for listener in sockets:
        listener.close()
    async with running(application(guests, listen="[::1]:0")) as app, client(app.url) as web:
        assert app.url.startswith("http://[::1]:")
        assert (await web.post("/desks/a", content=b"say six")).text == "six"


async def test_small_packets_are_sent_at_once(guests: Path) -> None:
    """An answer is written in two pieces; with Nagle's algorithm the second one would wait for 40 ms."""
    async with running(application(guests)) as app, connected(*app.address) as (reader, writer):
        loop = asyncio.get_running_loop()
        request = b"POST /desks/a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsay hi"
        times = []
        for _ in range(20):
            begin = loop.time()
            writer.write(request)
            await reader.readuntil(b"\r\n\r\nhi")
            times.append(loop.time() - begin)
        assert min(times) < 0.03


async def test_gateways_say_where_they_listen(guests: Path) -> None:
    async with running(application(guests, tcp={"127.0.0.1:0": "line"})) as app:
        assert list(app.gateways.tcp) == ["127.0.0.1:0"]
        assert app.tcp[1] not in (0, app.address[1])


async def test_tcp_addresses_can_be_given_instead(deployment: Deployment) -> None:
    secrets = deployment.application.read_secrets({})
    gateways = await serve(deployment, secrets, tcp={"127.0.0.1:0": "line"})
    host, _, port = gateways.tcp["127.0.0.1:0"].rpartition(":")
    async with connected(host, int(port)) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
    await gateways.stop()


async def test_an_application_without_ingress_serves_nothing(guests: Path) -> None:
    async with running(load(guests, kinds={"desk": {"module": "desk.wasm"}})) as app:
        assert app.gateways.http is None
        assert app.gateways.tcp == {}


# ---- beginning and ending ----


async def test_a_request_that_runs_is_answered_before_the_server_stops(guests: Path) -> None:
    async with running(application(guests)) as app, client(app.url) as web, client(app.url) as other:
        answer = asyncio.create_task(web.post("/desks/a", content=b"keep"))
        while (await other.post("/desks/b", content=b"self")).status_code != 200 or not await kept(app.deployment):
            pass
        stopping = asyncio.create_task(app.gateways.stop())
        while not await refused(app.address):
            pass
        app.deployment.post(Address("desk", "a"), b"release in time", lambda answer: None)
        assert (await answer).text == "in time"
        await stopping


async def kept(deployment: Deployment) -> bool:
    image = restored(await asyncio.wrap_future(deployment.perform(lambda domain: domain.snapshot())))
    return any(atom.kept for atom in image.atoms.values())


async def refused(address: tuple[str, int]) -> bool:
    try:
        _, writer = await asyncio.open_connection(*address)
    except OSError:
        return True
    writer.close()
    return False


async def test_an_answer_that_does_not_come_holds_the_end_up_for_so_long_and_no_longer(
    guests: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(application(guests)) as app, client(app.url) as web:
        answer = asyncio.create_task(web.post("/desks/a", content=b"keep"))
        while not await kept(app.deployment):
            pass
        async with asyncio.timeout(PATIENCE):
            await app.gateways.stop(grace=1)
        with pytest.raises(httpx.HTTPError):
            (await answer).raise_for_status()
    caplog.clear()


async def test_stopping_twice_is_stopping_once(guests: Path) -> None:
    async with running(application(guests, tcp={"127.0.0.1:0": "line"})) as app:
        await app.gateways.stop()
        await app.gateways.stop()


async def test_signals_stay_the_business_of_the_process(guests: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with running(application(guests)):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_another_token_is_followed(guests: Path) -> None:
    it = application(guests, token={"env": "DESK_TOKEN"})
    async with running(it, environ={"DESK_TOKEN": "old"}) as app, client(app.url) as web:

        async def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return (await web.post("/desks/a", content=b"self", headers=headers)).status_code

        assert [await status("old"), await status("new")] == [200, 401]
        await app.gateways.follow(it.read_secrets({"DESK_TOKEN": "new"}))
        assert [await status("old"), await status("new")] == [401, 200]


# ---- TLS ----


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cert.pem and key.pem for localhost, and other.key, which fits nothing."""
    folder = tmp_path_factory.mktemp("tls")
    request = "openssl req -x509 -newkey rsa:2048 -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    for name, more in (("", ["-nodes"]), ("other-", ["-nodes"]), ("locked-", ["-passout", "pass:secret"])):
        files = ["-keyout", folder / f"{name}key.pem", "-out", folder / f"{name}cert.pem"]
        subprocess.run([*request.split(), *more, *files], check=True, capture_output=True)
    (folder / "garbage.pem").write_text("no certificate\n")
    return folder


@pytest.mark.debian("openssl")
async def test_https_is_served(guests: Path, certificates: Path) -> None:
    tls = {"certificate": str(certificates / "cert.pem"), "key": str(certificates / "key.pem")}
    async with running(application(guests, listen="localhost:0", tls=tls)) as app:
        assert app.url.startswith("https://")
        port = app.address[1]
        trusted = ssl.create_default_context(cafile=certificates / "cert.pem")
        async with client(f"https://localhost:{port}", verify=trusted) as web:
            assert (await web.post("/desks/a", content=b"say safely")).text == "safely"
        async with client(f"http://localhost:{port}") as web:
            with pytest.raises(httpx.HTTPError):
                await web.get("/healthz")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        async with client(f"https://localhost:{port}", verify=old) as web:
            assert (await web.get("/healthz")).status_code == 200


@pytest.mark.debian("openssl")
@pytest.mark.parametrize(
    ("certificate", "key", "message"),
    [
        ("none.pem", "key.pem", "none.pem cannot be read"),
        ("cert.pem", "none.pem", "none.pem cannot be read"),
        ("cert.pem", "other-key.pem", "are not a certificate and its unencrypted key"),
        ("garbage.pem", "key.pem", "are not a certificate and its unencrypted key"),
        ("locked-cert.pem", "locked-key.pem", "are not a certificate and its unencrypted key"),
    ],
)
async def test_a_certificate_that_cannot_be_used_is_named(
    guests: Path, certificates: Path, certificate: str, key: str, message: str
) -> None:
    tls = {"certificate": str(certificates / certificate), "key": str(certificates / key)}
    with pytest.raises(ManifestError, match=message) as caught:
        async with running(application(guests, tls=tls)):
            pass
    assert "\n" not in str(caught.value)
