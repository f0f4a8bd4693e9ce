"""Arbitrary records, deliveries and addresses, derived from their layouts: whatever the codec can carry.

Knows nothing of what records mean; the tests of one subject narrow these down.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from radon.abi.delivery import NOWHERE, Address, Delivery, Form
from radon.abi.records import LAYOUTS

_FIXED = {"B": st.integers(0, 2**8 - 1), "I": st.integers(0, 2**32 - 1), "Q": st.integers(0, 2**64 - 1)}

ids = st.binary(min_size=16, max_size=16)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)  # no lone surrogates: they have no UTF-8
blobs = st.binary(max_size=40)
metadata = st.lists(st.tuples(texts, blobs), max_size=3).map(tuple)
addresses = st.builds(Address, texts, texts, _FIXED["Q"]).map(lambda one: one if one != NOWHERE else NOWHERE)

deliveries = st.builds(
    Delivery, ids, st.sampled_from(Form), body=blobs, sender=addresses | st.just(NOWHERE),
    reply=addresses | st.just(NOWHERE), request=ids, deadline=_FIXED["Q"], token=_FIXED["Q"], code=_FIXED["I"],
    life=_FIXED["Q"], topic=texts, pair=texts, metadata=metadata, cast=st.booleans(), attempt=_FIXED["I"],
)  # fmt: skip

_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **_FIXED, "d": st.floats(), "16s": ids, "s.": texts, "b.": blobs, "a.": addresses, "d.": deliveries,
    "m.": metadata,
}  # fmt: skip


def records_of(cls: type) -> st.SearchStrategy[Any]:
    """Records of one class."""
    layout = LAYOUTS[cls]
    fields = re.findall(r"\d+s|[A-Za-z]", layout.fixed) + [f"{letter}." for letter in layout.variable]
    return st.tuples(*(_FIELDS[field] for field in fields)).map(lambda values: cls(*values))


records = st.sampled_from(sorted(LAYOUTS, key=lambda cls: LAYOUTS[cls].tag)).flatmap(records_of)
