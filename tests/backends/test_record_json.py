"""Records as JSON: whatever a commit can hold comes back as it was, and nothing else is taken for a record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radon.abi.errors import Invalid
from radon.abi.frames import encode
from radon.abi.records import LAYOUTS, Put, TimerSet
from radon.backends.record_json import RECORDS, bytes_from_json, bytes_to_json, from_json, to_json
from tests.arbitrary import records_of

commits = st.sampled_from(sorted(RECORDS)).flatmap(lambda name: records_of(RECORDS[name]))


@given(commits)
def test_a_record_comes_back_from_its_json(record: Any) -> None:
    """Compared as bytes, because deliveries are not compared by what is in them."""
    text = json.dumps(to_json(record))
    assert encode(from_json(json.loads(text))) == encode(record)


@given(st.binary())
def test_bytes_come_back_from_their_json(data: bytes) -> None:
    assert bytes_from_json(json.loads(json.dumps(bytes_to_json(data)))) == data


def test_text_is_readable_and_other_bytes_are_base64() -> None:
    assert to_json(Put("b", "schön\n".encode(), b"\0")) == {
        "record": "put", "bucket": "b", "key": "schön\n", "value": {"base64": "AA=="},
    }  # fmt: skip


def test_every_record_of_a_commit_has_a_name_and_no_input_or_output_has() -> None:
    assert len(RECORDS) == sum(1 for layout in LAYOUTS.values() if layout.tag < 64)
    assert RECORDS["timer-set"] is TimerSet


@pytest.mark.parametrize(
    "given",
    [
        5,
        {},
        {"record": "logged"},
        {"record": "timer-set", "token": 1},
        {"record": "timer-set", "token": 1, "due": 2, "more": 3},
        {"record": "timer-set", "token": "1", "due": 2},
        {"record": "timer-set", "token": -1, "due": 2},
        {"record": "consumed", "id": "00"},
        {"record": "consumed", "id": "zz"},
        {"record": "put", "bucket": 1, "key": "", "value": ""},
        {"record": "put", "bucket": "", "key": {"base64": "!"}, "value": ""},
        {"record": "put", "bucket": "", "key": {}, "value": ""},
        {"record": "child-gone", "child": {"kind": "a"}},
        {"record": "delivered", "delivery": {"id": "00" * 16, "form": "letter"}},
        {"record": "delivered", "delivery": {"id": "00" * 16, "form": "message", "size": 1}},
        {"record": "settled", "code": 0, "key": "", "metadata": [["only"]], "body": ""},
    ],
    ids=repr,
)
def test_what_spells_no_record_is_invalid(given: object) -> None:
    with pytest.raises(Invalid):
        from_json(given)
