"""What gateways bring in is recorded as all else, and replayed without sockets and services."""

from __future__ import annotations

from pathlib import Path

from radon.backends.replaying import Recording, replay, served
from radon.host.domains import available
from radon.host.domains import load as load_domain
from tests.gateways import connections, test_egress
from tests.gateways.running import answering, connected, running, service


def turns_again(directory: Path) -> int:
    """How many there were; they are the same on each domain."""
    recording = Recording(directory)
    (segment,) = recording.segments()
    for name in available():
        found = replay(segment.path, load_domain(name), lambda digest: served(recording.load(digest)))
        assert (found.difference, found.cut) == (None, None)
    return found.turns


async def test_the_life_of_a_connection_is_the_same_again(guests: Path, tmp_path: Path) -> None:
    async with running(connections.application(guests), record=tmp_path) as app:
        async with connected(*app.tcp) as (reader, writer):
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
        await connections.gone(app)
    assert turns_again(tmp_path) == 3  # start, receive, down


async def test_a_request_and_its_answer_are_the_same_again_without_the_service(guests: Path, tmp_path: Path) -> None:
    async with (
        service(answering((201, {}, b"made"), (500, {}, b""), (200, {}, b"again"))) as api,
        running(test_egress.application(guests, api.url), record=tmp_path) as app,
    ):
        assert await test_egress.asked(app, b"ask 5000 hello") == "201 made"
        assert await test_egress.asked(app, b"ask 5000 hello") == "200 again"
    assert turns_again(tmp_path)
