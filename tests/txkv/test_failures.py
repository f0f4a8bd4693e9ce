"""What goes wrong under way: losses after every turn, shards that fail or fall silent, time and room that run out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from radon.abi.delivery import Address
from radon.abi.errors import Closed, TooLarge
from radon.abi.exchange import Revive
from radon.atoms.build import build_c
from radon.host.domain import Settings
from radon.host.kind import Kind
from radon.host.limits import Limits
from radon.host.placement import place
from radon.kv.messages import PARTS_MAX, Op, Status, parse
from radon.testing.harness import kind
from tests.kv.stores import kv_kind
from tests.txkv.stores import World, message, put, seen, tx_kind

MOODY = 12  # shards: some are near any coordinator, some are not


@pytest.fixture(scope="module")
def moody(tmp_path_factory: pytest.TempPathFactory) -> Kind:
    out = tmp_path_factory.mktemp("moody") / "moody.wasm"
    result = build_c([Path(__file__).with_name("moody.c")], out)
    assert result.warnings == ""
    return kind("moody", out, spread="sharded", shards=MOODY)


@pytest.fixture(params=[1, 3], ids=["one domain", "three domains"])
def ill(request: pytest.FixtureRequest, moody: Kind) -> Iterator[World]:
    with World(domains=request.param, moody=moody, tx=tx_kind(("kv/*", "moody/*"))) as world:
        yield world


def near(world: World, is_near: bool) -> str:
    """A moody shard in the domain of tx/#0, or in another one."""
    places = [place(Address.parse(at), world.harness.domain.resolve, len(world.harness.domains)) for at in MOODIES]
    home = place(Address("tx", "#0"), world.harness.domain.resolve, len(world.harness.domains))
    found = next((at for at, where in zip(MOODIES, places, strict=True) if (where == home) is is_near), None)
    return found or pytest.skip("all are near")


MOODIES = [f"moody/#{number}" for number in range(MOODY)]
OTHERS = (("kv/#0", (put(b"a", b"1"),)), ("kv/#1", (put(b"b", b"1"),)))


def told(world: World, at: str) -> dict[str, dict[bytes, bytes]]:
    return {name: bucket for name, bucket in world.harness.state(at).items() if name != "moods"}


def nothing_happened(world: World) -> None:
    assert [world.value(b"a"), world.value(b"b", "kv/#1")] == [None, None]
    for at in ("kv/#0", "kv/#1"):
        assert "prepared" not in world.harness.state(at)


@pytest.mark.parametrize("is_near", [True, False], ids=["near", "far"])
def test_a_shard_that_fails_undoes_the_others_and_has_to_confirm_that_it_heard(ill: World, is_near: bool) -> None:
    """A message that fails is tried three times, and then its asker hears that it is closed."""
    at = near(ill, is_near)
    for mood in (b"prepare ill", b"end ill"):
        ill.harness.call(at, mood)
    token = ill.harness.post("tx/#0", message(OTHERS[0], (at, (put(b"c", b"1"),)), OTHERS[1]))
    ill.harness.advance("1s")
    refused = parse(ill.harness.answer(token) or b"")
    assert (refused.status, refused.expiry) == (Status.UNANSWERED, 1)
    nothing_happened(ill)
    ill.harness.advance("30s")
    assert told(ill, at) == {}
    ill.harness.call(at, b"end well")
    ill.harness.advance("12s")
    if told(ill, at) or not is_near:  # else it was the last, and nothing was prepared there
        assert list(told(ill, at)["ended"].values()) == [bytes([Op.ABORT])]
    ill.at_rest()


def test_a_shard_is_not_asked_again_what_it_was_asked_already(ill: World) -> None:
    at = near(ill, False)
    for mood in (b"prepare ill", b"end silent"):
        ill.harness.call(at, mood)
    for _ in range(3):
        token = ill.harness.post("tx/#0", message((at, (put(b"c", b"1"),)), *OTHERS))
        ill.harness.advance("1m")
        assert parse(ill.harness.answer(token) or b"").status is Status.UNANSWERED
    state = ill.harness.state("tx/#0")
    assert (len(state["told"]), len(state["asked"])) == (3, 1)
    nothing_happened(ill)


@pytest.mark.parametrize("is_near", [True, False], ids=["near", "far"])
@pytest.mark.parametrize("deadline", ["1s", None])
def test_a_shard_that_says_nothing_in_time_undoes_the_others(ill: World, is_near: bool, deadline: str | None) -> None:
    at = near(ill, is_near)
    if deadline is None and is_near:
        pytest.skip("what is in the same domain answers, sooner or later")
    ill.harness.call(at, b"prepare silent")
    until = ill.harness.now + 10**9 if deadline else 0
    token = ill.harness.post("tx/#0", message(*OTHERS, (at, (put(b"c", b"1"),))), deadline=until)
    ill.harness.advance("900ms" if deadline else "9s")
    assert ill.harness.answer(token) is None
    locked = [ill.ask(Op.GET, key, at=f"kv/#{shard}").status for shard, key in enumerate((b"a", b"b"))]
    assert Status.LOCKED in locked
    ill.harness.advance("2s")
    assert parse(ill.harness.answer(token) or b"").status is Status.UNANSWERED
    nothing_happened(ill)
    assert "prepared" not in told(ill, at)
    ill.at_rest()


def test_a_shard_that_refuses_last_undoes_the_others(ill: World) -> None:
    at = near(ill, True)
    ill.harness.call(at, b"prepare refuse")
    refused = ill.run(*OTHERS, (at, (put(b"c", b"1"),)))
    assert (refused.status, refused.expiry) == (Status.CONFLICT, 2)
    nothing_happened(ill)
    ill.at_rest()


def test_a_shard_that_fails_to_commit_does_so_when_it_is_well_again(ill: World) -> None:
    """By its dead letter, which is not lost."""
    at = near(ill, False)
    ill.harness.call(at, b"end ill")
    assert ill.run((at, (put(b"c", b"1"),)), *OTHERS).status is Status.OK
    ill.harness.advance("1m")
    assert [ill.value(b"a"), ill.value(b"b", "kv/#1")] == [b"1", b"1"]
    (letter,) = ill.harness.dead()
    ill.harness.call(at, b"end well")
    ill.harness.submit(Revive(letter.delivery.id, 1))
    ill.harness.run()
    assert list(told(ill, at)["ended"].values()) == [bytes([Op.COMMIT])]


def test_of_one_part_that_is_not_answered_in_time_nobody_says_what_became_of_it(ill: World) -> None:
    ill.harness.call("moody/#0", b"prepare silent")
    body = message(("moody/#0", (put(b"c", b"1"),)))
    token = ill.harness.post("tx/#0", body, deadline=ill.harness.now + 10**9)
    ill.harness.advance("2s")
    with pytest.raises(Closed):
        ill.harness.answer(token)


# ---- losses ----

LOSSES = ("instance", "process", "snapshot")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("refused", [False, True], ids=["all well", "a conflict"])
def test_a_loss_after_any_turn_changes_nothing(world: World, loss: str, refused: bool) -> None:
    last = seen(b"c", 7 if refused else 0)
    parts = (*OTHERS, ("kv/#2", (last, put(b"c", b"1"))), ("other/#0", (put(b"d", b"1"),)))
    for turns in count():
        for at, key in (("kv/#0", b"a"), ("kv/#1", b"b"), ("kv/#2", b"c"), ("other/#0", b"d")):
            world.ask(Op.DELETE, key, at=at)
        token = world.harness.post("tx/#1", message(*parts), run=False)
        for _ in range(turns):
            world.harness.step()
        early = world.harness.reply(token) is not None
        if loss == "instance":
            world.harness.forget()
        else:
            world.harness.restart(snapshot=loss == "snapshot")
        world.harness.run()
        if turns:  # what nobody has begun to handle is not in the log, and outside nobody asks again here
            values = [world.value(b"a"), world.value(b"b", "kv/#1"), world.value(b"c", "kv/#2")]
            assert values == [None if refused else b"1"] * 3, turns
        world.at_rest()
        if early:
            return


def test_all_instances_may_be_dropped_after_every_turn() -> None:
    with World(settings=Settings(forgetful=True)) as world:
        for _ in range(5):
            assert world.run(*OTHERS, ("other/#1", (put(b"c", b"1"),))).status is Status.OK
        world.at_rest()


# ---- limits ----


def test_what_is_too_much_for_a_shard_or_the_coordinator_is_refused() -> None:
    with World(tx=tx_kind(limits=Limits(handles=140, message=1000))) as world:
        with pytest.raises(TooLarge):
            world.run(OTHERS[1], ("kv/#0", (put(b"a", bytes(1000)),)))
        tokens = [
            world.harness.post("tx/#0", message(("kv/#0", (put(b"%d" % n, b""),)), OTHERS[1]), run=False)
            for n in range(200)
        ]
        world.harness.run()
        found = {parse(world.harness.answer(token) or b"").status for token in tokens}
        assert found <= {Status.OK, Status.LOCKED, Status.EXHAUSTED}
        assert Status.EXHAUSTED in found
        world.at_rest()
    with World(tx=tx_kind(limits=Limits(state=200))) as world:
        refused = world.run(*((f"kv/#{n}", (put(bytes(1000), b""),)) for n in (2, 3)), *OTHERS)
        assert (refused.status, refused.expiry) == (Status.EXHAUSTED, 0)
        nothing_happened(world)
        world.at_rest()


def test_as_many_parts_as_there_may_be() -> None:
    with World(kv=kv_kind(1100)) as world:
        parts = [(f"kv/#{number}", (put(b"k", b"1"),)) for number in range(PARTS_MAX)]
        assert world.run(*parts).status is Status.OK
        assert [world.value(b"k", f"kv/#{number}") for number in (0, 500, PARTS_MAX - 1, PARTS_MAX)] == [
            *[b"1"] * 3,
            None,
        ]
        refused = world.run(*parts[:-1], ("kv/#1050", (put(b"k", b"2"),)), ("other/#0", (put(b"k", b"2"),)))
        assert refused.status is Status.INVALID
        world.ask(Op.PUT, b"k", b"3", at="kv/#700")
        refused = world.run(*[(at, (seen(b"k", 1), put(b"k", b"4"))) for at, _ in parts])
        assert (refused.status, refused.expiry) == (Status.CONFLICT, 700)
        assert world.value(b"k", "kv/#699") == b"1"
        world.at_rest()
