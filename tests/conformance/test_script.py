"""The guest that the conformance tests are written in: it reaches every syscall, and says truly what came of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.signature import Syscall
from radon.abi.syscalls import SYSCALLS
from radon.testing.harness import Harness
from tests.scripts import ScriptModule, bits, events, run, script, script_kind, word


@pytest.mark.parametrize("row", SYSCALLS, ids=lambda row: row.name)
def test_every_syscall_has_a_verb(row: Syscall, hf: Harness) -> None:
    assert run(hf, "script/a", ".".join(row.name.split(".")[-2:])) != ["unknown"]


@given(st.binary())
def test_a_value_comes_back_as_the_word_that_it_was_written_as(script_module: ScriptModule, value: bytes) -> None:
    with Harness({"script": script_kind(script_module("direct"))}) as h:
        assert run(h, "script/a", f"say {word(value)}") == [f"ok {word(value)}"]


@given(st.text(alphabet='$_= -"\\0x1as\n', max_size=60) | st.text())
def test_whatever_is_written_has_an_outcome(script_module: ScriptModule, text: str) -> None:
    """It may be a word that traps, and then is tried again."""
    with Harness({"script": script_kind(script_module("direct"))}) as h:
        token = h.post("script/a", text.encode(errors="replace"))
        h.advance("1h")
        assert h.reply(token) is not None


def test_a_line_that_cannot_be_carried_out_says_why(h: Harness) -> None:
    assert run(h, "script/a", "nonsense", "say", "say -", "say 0x1", 'say "open', "clock.set-timer soon 1") == [
        "unknown", "malformed", "malformed", "malformed", "malformed", "malformed",
    ]  # fmt: skip
    assert run(h, "script/a", "address.text $a", "$a = say x", "object.name $a", "$a say x") == [
        "unset", "ok x", "unset", "malformed",
    ]  # fmt: skip


def test_registers_hold_values_and_handles(h: Harness) -> None:
    lines = ["$a = messaging.open other/b", "$s = address.seal $a", "$b = messaging.unseal $s", "$t = address.text $b"]
    assert run(h, "script/a", *lines, "say $t")[-1] == "ok other/b"
    assert run(h, "script/a", "$n = bucket.add data n 5", "if $n 5 say five", "if $n 6 say six") == [
        "ok 5", "ok five", "skipped",
    ]  # fmt: skip


def test_handles_are_dropped_at_the_end_of_the_line_or_of_the_turn_and_those_in_the_nameless_register_never(
    h: Harness,
) -> None:
    for _ in range(2):
        assert run(h, "script/a", "repeat 2000 messaging.open other/b", "$a = repeat 2000 messaging.self") == ["ok"] * 2
    assert run(h, "script/a", "$_ = repeat 2000 messaging.open other/b") == ["exhausted"]


def test_scripts_run_in_scripts(h: Harness) -> None:
    assert run(h, "script/a", f"run {word(script('say one', 'bucket.put data k v'))}") == ["ok one", "ok", "ok"]
    assert run(h, "script/a", "$s = say 'run", "run $s")[-1] == "ok"


def test_the_other_handlers_note_what_came_and_run_their_script(h: Harness) -> None:
    stored = word(script("say $token", "bucket.add data fired 1"))
    run(h, "script/a", f"bucket.put scripts fired {stored}", "clock.set-timer 1s 7")
    h.advance("1s")
    assert events(h, "script/a") == ['start ""', "fired 7", "ok 7\nok 1"]


def test_the_quotient_of_two_floats_is_shown_in_bits(h: Harness) -> None:
    assert run(h, "script/a", f"float.divide {bits(3.0)} {bits(2.0)}") == [f"ok {bits(1.5)}"]
