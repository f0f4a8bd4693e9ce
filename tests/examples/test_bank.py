"""The bank, atom by atom: what it answers, and where the money is after every single turn, whatever goes wrong."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from radon.abi import exchange as x
from radon.abi.delivery import Form
from radon.atoms.application import Application
from radon.testing.harness import Harness
from tests.examples.conftest import Example

MOST = 2**53 - 1
NAMES = ("alice", "bob", "carol")

BROKEN = b"""(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "radon:atom/handler@0.1.0#receive") (param i32 i32 i32) (result i32) unreachable))"""


class Bank:
    """Orders in, status and body out; and the money as the domain has it, read without the bank's help."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.harness = Harness(application.kinds())

    def order(self, to: str, order: Any = None) -> tuple[int, Any]:
        return self.answer(self.post(to, order))

    def post(self, to: str, order: Any = None, *, run: bool = True) -> int:
        body = b"" if order is None else json.dumps(order).encode()
        return self.harness.post(to, body, run=run)

    def answer(self, token: int) -> tuple[int, Any]:
        reply = self.harness.reply(token)
        assert reply is not None, "no answer yet"
        assert reply.code == 0, reply
        metadata = dict(reply.metadata)
        assert metadata["content-type"] == b"application/json"
        return int(metadata["http.status"]), json.loads(reply.body)

    def transfer(self, source: str, target: str, cents: int) -> tuple[int, Any]:
        return self.order("teller", {"from": source, "to": target, "cents": cents})

    def book(self, name: str) -> dict[str, int]:
        """All zero where there is no such account."""
        fields = ("balance", "pending", "sent", "received", "numbers")
        if not self.harness.lives(f"account/{name}"):
            return dict.fromkeys(fields, 0)
        state = self.harness.state(f"account/{name}").get("account", {b"book": bytes(40)})
        return dict(zip(fields, struct.unpack("<4qQ", state[b"book"]), strict=True))

    def balances(self) -> list[int]:
        return [self.book(name)["balance"] for name in NAMES]

    def on_the_way(self) -> int:
        """The cents in messages that no account has handled yet."""
        bodies = (
            delivery.body.split()
            for atom in self.harness.image().atoms.values()
            for delivery in atom.mailbox
            if atom.kind == "account" and delivery.form is Form.MESSAGE
        )
        return sum(int(words[2]) for words in bodies if words and words[0] in (b"credit", b"refused"))


@pytest.fixture
def bank(example: Example) -> Iterator[Bank]:
    bank = Bank(example("bank"))
    with bank.harness:
        yield bank


@pytest.fixture
def rich(bank: Bank) -> Bank:
    """Alice has 500 cents and Bob has 1."""
    assert bank.order("account/alice", {"deposit": 500})[0] == 200
    assert bank.order("account/bob", {"deposit": 1})[0] == 200
    return bank


def test_a_deposit_opens_an_account(bank: Bank) -> None:
    opened = {"account": "alice", "balance": 500, "pending": 0, "sent": 0, "received": 0}
    assert bank.order("account/alice", {"deposit": 500}) == (200, opened)
    assert bank.order("account/alice") == (200, opened)


def test_a_withdrawal_takes_what_there_is_and_no_more(rich: Bank) -> None:
    assert rich.order("account/alice", {"withdraw": 200})[1]["balance"] == 300
    assert rich.order("account/alice", {"withdraw": 301}) == (409, {"error": "insufficient funds"})
    assert rich.order("account/alice", {"withdraw": 300})[1]["balance"] == 0
    assert rich.order("account/alice")[0] == 200, "an empty account is an account"


def test_what_is_no_account_is_answered_404_and_leaves_nothing_behind(bank: Bank) -> None:
    orders: list[Any] = [None, {"withdraw": 1}, {"from": "zoe", "to": "zoe", "cents": 1}, []]
    for order in orders:
        assert bank.order("account/zoe", order)[0] == 404
        assert not bank.harness.lives("account/zoe")


def test_a_transfer_moves_money_and_is_answered_when_it_has_arrived(rich: Bank) -> None:
    done = {"from": "alice", "to": "bob", "cents": 120, "balance": 380}
    assert rich.transfer("alice", "bob", 120) == (200, done)
    assert rich.order("account/alice")[1] == {
        "account": "alice", "balance": 380, "pending": 0, "sent": 120, "received": 0,
    }  # fmt: skip
    assert rich.order("account/bob")[1] == {"account": "bob", "balance": 121, "pending": 0, "sent": 0, "received": 120}


def test_a_transfer_to_oneself_changes_no_balance(rich: Bank) -> None:
    assert rich.transfer("alice", "alice", 500)[0] == 200
    assert rich.balances() == [500, 1, 0]


def test_a_transfer_without_funds_is_answered_409_and_sends_nothing(rich: Bank) -> None:
    assert rich.transfer("alice", "bob", 501) == (409, {"error": "insufficient funds"})
    assert rich.book("alice") == {"balance": 500, "pending": 0, "sent": 0, "received": 0, "numbers": 0}


def test_money_that_the_other_account_refuses_comes_back(rich: Bank) -> None:
    assert rich.transfer("alice", "zoe", 120) == (404, {"error": "the account in `to` does not exist"})
    assert not rich.harness.lives("account/zoe")
    assert rich.order("account/carol", {"deposit": MOST})[0] == 200
    status, body = rich.transfer("alice", "carol", 120)
    assert (status, body["error"]) == (409, "the balance of the account in `to` would be too large")
    assert rich.balances() == [500, 1, MOST]
    assert rich.book("alice") | {"numbers": 0} == {
        "balance": 500, "pending": 0, "sent": 0, "received": 0, "numbers": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "order",
    [
        [], {}, "deposit", 5, {"deposit": 0}, {"deposit": -5}, {"deposit": 1.5}, {"deposit": "5"}, {"withdraw": None},
        {"deposit": MOST + 1}, {"cents": 5}, {"from": "alice", "cents": 5}, {"from": "alice", "to": 7, "cents": 5},
        {"from": "alice", "to": "", "cents": 5}, {"from": "alice", "to": "x" * 2000, "cents": 5},
        {"from": "bob", "to": "alice", "cents": 1}, {"from": "alice", "to": "bob", "cents": 0},
    ],
)  # fmt: skip
def test_an_order_that_makes_no_sense_is_answered_400_and_changes_nothing(rich: Bank, order: Any) -> None:
    status, body = rich.order("account/alice", order)
    assert status == 400
    assert body["error"]
    assert rich.balances() == [500, 1, 0]


@pytest.mark.parametrize("order", [[], {}, {"from": ""}, {"from": 7}, {"from": "x" * 2000}])
def test_the_teller_answers_400_to_what_names_no_account(rich: Bank, order: Any) -> None:
    assert rich.order("teller", order)[0] == 400


@pytest.mark.parametrize("forged", [b"credit 1 100", b"refused 1 100 409 mine", b"credited 1 100", b"\xff"])
def test_nobody_outside_can_speak_as_an_account(rich: Bank, forged: bytes) -> None:
    reply = rich.harness.reply(rich.harness.post("account/alice", forged))
    assert reply is not None
    assert dict(reply.metadata)["http.status"] == b"400"
    assert rich.balances() == [500, 1, 0]


def test_a_client_that_waits_for_no_answer_is_served_as_well(rich: Bank) -> None:
    rich.harness.send("teller", b'{"from": "alice", "to": "bob", "cents": 120}')
    rich.harness.send("teller", b'{"from": "alice", "to": "bob", "cents": 12000}')
    assert rich.balances() == [380, 121, 0]
    assert not rich.harness.dead()


def test_more_pending_transfers_than_an_account_can_keep_are_answered_429(rich: Bank) -> None:
    assert rich.order("account/alice", {"deposit": 9500})[0] == 200
    order = {"from": "alice", "to": "bob", "cents": 2}
    tokens = [rich.post("account/alice", order, run=False) for _ in range(1200)]
    rich.harness.run()
    assert Counter(rich.answer(token)[0] for token in tokens) == {200: 1024, 429: 176}
    assert rich.balances() == [10_000 - 2048, 1 + 2048, 0]
    assert rich.order("account/alice", order)[0] == 200, "there is room again"


# ---- when things go wrong ----


@pytest.mark.parametrize("snapshot", [False, True])
@pytest.mark.parametrize("steps", range(6))
def test_a_transfer_survives_the_loss_of_the_process_after_any_turn(rich: Bank, steps: int, snapshot: bool) -> None:
    token = rich.post("teller", {"from": "alice", "to": "bob", "cents": 120}, run=False)
    for _ in range(1 + steps):
        rich.harness.step()
        assert sum(rich.balances()) + rich.on_the_way() == 501
    rich.harness.restart(snapshot=snapshot)
    assert rich.answer(token)[0] == 200
    assert rich.balances() == [380, 121, 0]


def test_money_for_an_account_that_fails_stays_pending_and_arrives_once_it_works(rich: Bank) -> None:
    token = rich.post("teller", {"from": "alice", "to": "bob", "cents": 120}, run=False)
    while not rich.on_the_way():
        rich.harness.step()
    working = rich.application.kinds()
    rich.harness.deploy(working | {"account": BROKEN})
    rich.harness.run()
    rich.harness.advance("1m")
    (letter,) = rich.harness.dead()
    assert letter.to.text == "account/bob"
    assert letter.delivery.body == b"credit 1 120"

    rich.harness.deploy(working)
    assert rich.balances() == [380, 1, 0]
    assert rich.order("account/alice")[1]["pending"] == 120
    rich.harness.submit(x.Revive(letter.delivery.id, 1))
    rich.harness.run()
    assert rich.answer(token)[0] == 200
    assert rich.balances() == [380, 121, 0]
    assert rich.order("account/alice")[1]["pending"] == 0


def test_a_client_that_gave_up_changes_nothing_about_the_money(rich: Bank) -> None:
    harness = rich.harness
    body = b'{"from": "alice", "to": "bob", "cents": 120}'
    harness.post("account/alice", body, run=False, deadline=harness.now + 10**9)
    harness.step()
    assert rich.on_the_way() == 120
    harness.now += 3600 * 10**9  # in the mailbox all that time: the machine was off, say
    harness.restart()
    assert rich.balances() == [380, 121, 0]
    assert rich.book("alice")["pending"] == 0


# ---- whatever is ordered, in whatever order it happens ----

CENTS = st.integers(1, 300) | st.sampled_from([MOST, MOST - 1])


class AnyDay(RuleBasedStateMachine):
    """Orders arrive while others are half done, instances and the process are lost; every turn is looked at."""

    application: Application

    def __init__(self) -> None:
        super().__init__()
        self.bank = Bank(self.application)
        self.paid_in: dict[int, int] = {}  # token -> cents, negative for withdrawals
        self.tokens: list[int] = []

    @rule(name=st.sampled_from(NAMES), cents=CENTS)
    def deposit(self, name: str, cents: int) -> None:
        self.paid_in[self.send(f"account/{name}", {"deposit": cents})] = cents

    @rule(name=st.sampled_from(NAMES), cents=CENTS)
    def withdraw(self, name: str, cents: int) -> None:
        self.paid_in[self.send(f"account/{name}", {"withdraw": cents})] = -cents

    @rule(giver=st.sampled_from(NAMES), taker=st.sampled_from([*NAMES, "nobody"]), cents=CENTS)
    def transfer(self, giver: str, taker: str, cents: int) -> None:
        self.send("teller", {"from": giver, "to": taker, "cents": cents})

    @rule(turns=st.integers(1, 4))
    def work(self, turns: int) -> None:
        for _ in range(turns):
            self.bank.harness.step()
            self.no_cent_is_lost_or_doubled()

    @rule(snapshot=st.booleans())
    def lose_the_process(self, snapshot: bool) -> None:
        self.bank.harness.restart(snapshot=snapshot)

    @rule()
    def lose_the_instances(self) -> None:
        self.bank.harness.forget()

    def send(self, to: str, order: Any) -> int:
        token = self.bank.post(to, order, run=False)
        self.tokens.append(token)
        self.bank.harness.step()  # which takes it in; a restart keeps it from here on
        return token

    @invariant()
    def no_cent_is_lost_or_doubled(self) -> None:
        bank = self.bank
        answers = {reply.token: dict(reply.metadata) for reply in self.replies()}
        accepted = [
            cents for token, cents in self.paid_in.items() if answers.get(token, {}).get("http.status") == b"200"
        ]
        books = [bank.book(name) for name in NAMES]
        assert sum(book["balance"] for book in books) + bank.on_the_way() == sum(accepted)
        assert sum(book["sent"] - book["received"] for book in books) == bank.on_the_way()
        assert sum(book["pending"] for book in books) >= bank.on_the_way()
        assert all(value >= 0 for book in books for value in book.values())

    def replies(self) -> list[x.Reply]:
        return [output for output in self.bank.harness.outputs if isinstance(output, x.Reply)]

    def teardown(self) -> None:
        with self.bank.harness:
            self.bank.harness.run()
            self.no_cent_is_lost_or_doubled()
            assert self.bank.on_the_way() == 0
            assert [self.bank.book(name)["pending"] for name in NAMES] == [0, 0, 0]
            assert Counter(reply.token for reply in self.replies()) == Counter(self.tokens)
            assert not self.bank.harness.dead()


def test_the_money_is_all_there_after_every_turn_of_any_day(example: Example) -> None:
    machine = type("AnyDay", (AnyDay,), {"application": example("bank")})
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
