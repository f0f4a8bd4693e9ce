"""The SDK's JSON, run under wasmtime and compared with Python's, which is made as strict as RFC 8259."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

Answer = Callable[..., bytes]


def accepts(document: bytes) -> bool:
    """Is it JSON by the letter of RFC 8259? Python's reader alone is more lenient."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        value = json.loads(document.decode(), parse_constant=refuse, parse_int=str, parse_float=str)
        json.dumps(value, ensure_ascii=False).encode()  # no lone surrogates
    except ValueError:
        return False
    return True


def compact(document: bytes) -> bytes:
    """The document without spaces, escapes resolved, numbers as they were written and every member kept."""

    class Number(int):
        text: str

        def __repr__(self) -> str:
            return self.text

    def number(text: str) -> Number:
        value = Number()
        value.text = text
        return value

    def write(value: Any) -> Iterator[str]:
        if isinstance(value, Members):
            yield "{" + ",".join(f"{escaped(name)}:{''.join(write(inner))}" for name, inner in value) + "}"
        elif isinstance(value, list):
            yield "[" + ",".join("".join(write(inner)) for inner in value) + "]"
        elif isinstance(value, Number):
            yield value.text
        elif isinstance(value, str):
            yield escaped(value)
        else:
            yield json.dumps(value)

    class Members(list[tuple[str, Any]]):
        pass

    value = json.loads(document, object_pairs_hook=Members, parse_int=number, parse_float=number)
    return "".join(write(value)).encode()


def escaped(text: str) -> str:
    """As the SDK writes a string: quotes, backslashes and control characters escaped, the latter all by number."""
    replaced = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in replaced) + '"'


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=6), inner, max_size=5),
    max_leaves=20,
)
spaces = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", "\r: ")])
documents = st.builds(
    lambda value, separators, ascii_only: json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode(),
    values,
    spaces,
    st.booleans(),
)


@given(document=documents)
def test_json_is_read_and_written_back(answer: Answer, document: bytes) -> None:
    assert answer("rewrite", document) == compact(document)


@given(
    document=documents,
    at=st.integers(0, 200),
    cut=st.integers(0, 2),
    put=st.binary(max_size=2)
    | st.sampled_from([b",", b"]", b"}", b'"', b"\\", b"\\ud800", b"0", b"-", b".", b"e", b" "]),
)
def test_damaged_json_is_refused_exactly_where_python_refuses_it(
    answer: Answer, document: bytes, at: int, cut: int, put: bytes
) -> None:
    damaged = document[:at] + put + document[at + cut :]
    assert (answer("rewrite", damaged) != b"refused") == accepts(damaged)


@pytest.mark.parametrize(
    "document",
    [
        b"", b" ", b"nul", b"nulll", b"True", b"NaN", b"Infinity", b"// x\n1", b"\xef\xbb\xbf1", b"'a'",
        b"\x00", b"1\x00",
        b"-", b"+1", b"01", b"-01", b"1.", b".5", b"1e", b"1e+", b"0x1", b"1 2",
        b"[1,]", b"[,1]", b"[1 2]", b"[", b"]", b"[1", b"[1}",
        b"{", b"{}}", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{a:1}", b"{1:1}",
        b'"', b'"a', b'"\\"', b'"\\x"', b'"\\u12"', b'"\\u12g4"', b'"\t"', b'"\n"', b'"\x00"',
        b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"', b'"\\ud800\\ue000"', b'"\\ud800x"',
        b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\xf0\x80\x80\x80"',
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(answer: Answer, document: bytes) -> None:
    assert not accepts(document)
    assert answer("rewrite", document) == b"refused"


@pytest.mark.parametrize("nest", [b"[%b]", b'{"a":%b}'])
def test_nesting_beyond_the_limit_is_refused(answer: Answer, nest: bytes) -> None:
    document = b"1"
    for _ in range(64):
        document = nest % document
    assert answer("rewrite", document) == document
    assert answer("rewrite", nest % document) == b"refused"


def test_a_million_brackets_are_refused_and_not_a_crash(answer: Answer) -> None:
    assert answer("rewrite", b"[" * 1_000_000) == b"refused"


NOTHING, NULL, BOOL, NUMBER, STRING, ARRAY, OBJECT = b"0123456"


@pytest.mark.parametrize(
    ("name", "document", "type_", "text"),
    [
        ("b", b'{"a":1, "b" : [2, {"b": 3}] , "c":4}', ARRAY, b'[2, {"b": 3}]'),
        ("c", b'{"a":{"c":1},"b":"}\\"{","c":{"d":2}}', OBJECT, b'{"d":2}'),
        ("a", b'{"a":1,"a":2}', NUMBER, b"1"),
        ("", b'{"":null}', NULL, b"null"),
        ("\u00e9", b'{"\\u00e9":"x"}', STRING, b'"x"'),
        ("\U0001f600", b'{"\\ud83d\\ude00":true}', BOOL, b"true"),
        ("a", b'{"aa":1,"ab":2}', NOTHING, b""),
        ("aa", b'{"a":1}', NOTHING, b""),
        ("a", b"{}", NOTHING, b""),
        ("a", b'["a",1]', NOTHING, b""),
        ("a", b'"a"', NOTHING, b""),
        ("a", b"broken", NOTHING, b""),
    ],
)
def test_a_member_is_found_by_its_name(answer: Answer, name: str, document: bytes, type_: int, text: bytes) -> None:
    assert answer("member", name.encode() + b"\n" + document) == bytes([type_]) + text


@pytest.mark.parametrize(
    ("document", "element"),
    [
        (b"[1,2,3,4]", b"3"),
        (b'[ [] , "a]" , {"b": [5]} ]', b'{"b": [5]}'),
        (b"[1,2]", b""),
        (b"[]", b""),
        (b'{"a":1,"b":2,"c":3}', b""),
        (b"3", b""),
    ],
)
def test_an_element_is_found_by_its_index(answer: Answer, document: bytes, element: bytes) -> None:
    assert answer("third", document) == element


@pytest.mark.parametrize(
    ("document", "takers"),
    [
        (b"true", "bool:true "),
        (b"false", "bool:false "),
        (b"null", ""),
        (b"12", "number s64 u64 "),
        (b"-12", "number s64 "),
        (b"-0", "number s64 "),
        (b"18446744073709551615", "number u64 "),
        (b"18446744073709551616", "number "),
        (b"1.0", "number "),
        (b"1e3", "number "),
        (b'"12"', "string "),
        ('"téxt"'.encode(), "string is "),
        (b'"t\\u00e9x\\u0074"', "string is "),
        (b'"t\\u00e9xt "', "string "),
        (b"[true]", ""),
        (b"{}", ""),
    ],
)
def test_a_value_is_read_only_as_what_it_is(answer: Answer, document: bytes, takers: str) -> None:
    assert answer("readers", document) == takers.encode()


@given(text=st.text(max_size=30))
def test_the_writer_puts_commas_names_and_escapes(answer: Answer, text: str) -> None:
    expected = {"s\n": text, "list": [-(1 << 63), (1 << 64) - 1, {}, False], "last": None}
    assert json.loads(answer("written", text.encode())) == expected


@given(text=st.binary(max_size=30))
def test_bytes_that_are_not_utf8_become_replacement_characters(answer: Answer, text: bytes) -> None:
    written = json.loads(answer("written", text).decode())["s\n"]
    kept = text.decode(errors="ignore")
    assert written.replace("\ufffd", "") == kept.replace("\ufffd", "")
    assert ("\ufffd" in written) == ("\ufffd" in text.decode(errors="replace"))
