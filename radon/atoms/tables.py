"""From the tables of a manifest to frozen structs: unknown keys, types, units, and errors that name the place.

The annotations of a struct are the schema; this module knows no key of radon.toml by name. What the fields of an
entry have to do with each other is that entry's `check`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from radon.abi.errors import ManifestError
from radon.atoms.units import LARGEST, parse_duration, parse_size

E = TypeVar("E", bound="Entry")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN = 60  # characters of a bad value that a message repeats


class Form(Enum):
    """What an annotation says beside its type."""

    SIZE = "size"  # bytes: a string with a unit, or an integer
    DURATION = "duration"  # ns: a string with a unit; an integer only in a struct, where the type says the unit
    LINES = "lines"  # one string stands for a list of one
    HIDDEN = "hidden"  # no message repeats the value


Text = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Number = Annotated[int, msgspec.Meta(ge=1, le=(1 << 32) - 1)]  # one that records have four bytes for
Size = Annotated[int, msgspec.Meta(ge=1), Form.SIZE]
Duration = Annotated[int, msgspec.Meta(ge=0), Form.DURATION]
Timeout = Annotated[int, msgspec.Meta(ge=1), Form.DURATION]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which file a value stands."""

    file: str
    path: tuple[str, ...] = ()
    hidden: bool = False

    def at(self, *names: str) -> Place:
        return replace(self, path=self.path + names)

    def error(self, fault: str) -> ManifestError:
        """`fault` said of this table."""
        table = ".".join(map(_key, self.path))
        return ManifestError(f"{self.file}: [{table}] {fault}" if table else f"{self.file}: {fault}")

    def wrong(self, value: object, fault: str) -> ManifestError:
        """`fault` said of this key and its value, which the message repeats unless it may be a secret."""
        table = replace(self, path=self.path[:-1])
        key = _key(self.path[-1])
        return table.error(f"{key} (value not shown): {fault}" if self.hidden else f"{key} = {_shown(value)}: {fault}")

    @contextmanager
    def reading(self, value: object) -> Iterator[None]:
        """Says what goes wrong inside of this key and its value."""
        try:
            yield
        except ManifestError as error:
            raise self.wrong(value, str(error)) from None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A table of radon.toml as a struct. Built in Python it is checked when it becomes part of a manifest."""

    hidden: ClassVar[bool] = False  # whether a value that stands here by mistake may be a secret
    shape: ClassVar[str] = "a table"  # what to write here

    def check(self, place: Place) -> None:
        """What no single field's type can say. Raises ManifestError."""


def read(cls: type[E], value: object, place: Place) -> E:
    """The checked entry that a table, or a struct built in Python, describes. Raises ManifestError."""
    place = replace(place, hidden=place.hidden or cls.hidden)
    if isinstance(value, cls):
        given: Mapping[str, object] = msgspec.structs.asdict(value)
    elif isinstance(value, Mapping):
        check_keys(value, cls.__struct_fields__, place)
        for field in msgspec.structs.fields(cls):
            if field.required and field.name not in value:
                raise place.error(f"needs the key {field.name!r}")
        given = value
    else:
        raise place.wrong(value, f"must be {cls.shape}")
    entry = cls(**read_fields(cls, given, place, from_struct=isinstance(value, cls)))
    entry.check(place)
    return entry


def read_fields(cls: type[Entry], given: Mapping[str, object], place: Place, *, from_struct: bool) -> dict[str, Any]:
    """The values of the fields of `cls` that are given, by name, each of its field's type. Raises ManifestError."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(cls):
        if field.name in given:
            fields[field.name] = _value(field.type, given[field.name], place.at(field.name), from_struct)
    return fields


def check_keys(given: Mapping[str, object], known: Collection[str], place: Place) -> None:
    """Refuses a key that nobody reads, naming the nearest that somebody does. Raises ManifestError."""
    for key in given:
        if key not in known:
            fault = f"has no key {key!r}" if place.path else f"there is no table {key!r}"
            raise place.error(f"{fault}; {suggest(key, known)}")


def suggest(name: str, known: Collection[str]) -> str:
    """The way out of an unknown `name`: the nearest known one, else all of them."""
    near = difflib.get_close_matches(str(name), known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(known)}" if known else "there is none"


def _value(hint: Any, value: object, place: Place, from_struct: bool) -> Any:
    hint, extras = _stripped(hint)
    if get_origin(hint) in (Union, UnionType):  # T | None
        if value is None:
            return None
        hint, extras = _stripped(next(case for case in get_args(hint) if case is not NoneType))
    place = replace(place, hidden=place.hidden or Form.HIDDEN in extras)
    origin = get_origin(hint)
    if origin is Literal:
        return _choice(get_args(hint), value, place)
    if origin is tuple:
        return _list(get_args(hint)[0], value, place, Form.LINES in extras)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(get_args(hint)[1], value, place, from_struct)
    if issubclass(hint, Entry):
        return read(hint, value, place)
    bounds = next((extra for extra in extras if isinstance(extra, msgspec.Meta)), msgspec.Meta())
    if hint is str:
        return _string(value, place, bounds.min_length or 0)
    return _integer(value, place, extras, range(int(bounds.ge or 0), int(bounds.le or LARGEST) + 1), from_struct)


def _stripped(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type, and what `Annotated` adds to it."""
    return (hint.__origin__, hint.__metadata__) if get_origin(hint) is Annotated else (hint, ())


def _choice(choices: tuple[Any, ...], value: object, place: Place) -> object:
    if value not in choices:
        near = difflib.get_close_matches(value, choices, n=1) if isinstance(value, str) else []
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise place.wrong(value, f"must be {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}{hint}")
    return value


def _list(hint: Any, value: object, place: Place, lines: bool) -> tuple[Any, ...]:
    if lines and isinstance(value, str):
        value = (value,)
    if not isinstance(value, list | tuple):
        raise place.wrong(value, f"must be a {'string or a ' if lines else ''}list of strings")
    return tuple(_value(hint, item, place, from_struct=False) for item in value)


def _mapping(hint: Any, value: object, place: Place, from_struct: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise place.wrong(value, "must be a table")
    return {_string(key, place): _value(hint, item, place.at(key), from_struct) for key, item in value.items()}


def _string(value: object, place: Place, least: int = 0) -> str:
    if not isinstance(value, str):
        raise place.wrong(value, "must be a string")
    if len(value) < least:
        raise place.wrong(value, "must not be empty")
    if least and "\0" in value:
        raise place.wrong(value, "must not have a NUL character in it")
    return value


def _integer(value: object, place: Place, extras: tuple[Any, ...], bounds: range, from_struct: bool) -> int:
    number = value
    if isinstance(value, str) and (Form.SIZE in extras or Form.DURATION in extras):
        with place.reading(value):
            number = parse_size(value) if Form.SIZE in extras else parse_duration(value)
    elif Form.DURATION in extras and not from_struct:
        raise place.wrong(value, 'must be a string with a unit, as in "100ms"')
    if not isinstance(number, int) or isinstance(number, bool):
        raise place.wrong(value, 'must be a size, as in "64MiB"' if Form.SIZE in extras else "must be an integer")
    if number not in bounds:
        unit = "B" if Form.SIZE in extras else "ns" if Form.DURATION in extras else ""
        bound = f"at least {bounds[0]}" if number < bounds[0] else f"at most {bounds[-1]}"
        raise place.wrong(value, f"must be {bound}{unit}")
    return number


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else repr(name)


def _shown(value: object) -> str:
    """As the file spells it, on one line and not too long."""
    if isinstance(value, Mapping):
        return "{...}"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
