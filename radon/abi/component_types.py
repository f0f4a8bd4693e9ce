"""The types in a component's binary, stepped over: their number matters to the index spaces, what they say does not.

Owns the grammar of types, and tells which of them are resources of the component's own. What a core function looks like
in the end is the engine's to check; that is why nothing here is kept.
"""

from __future__ import annotations

from radon.abi.binary import Reader
from radon.abi.errors import LoadError

_MAX_NESTING = 16  # of component and instance types in each other

_PRIMITIVES = frozenset((*range(0x73, 0x80), 0x64))


def skip_type(reader: Reader, depth: int = 0) -> bool:
    """Step over one type. Is it a resource that the component defines?"""
    form = reader.byte()
    if form == 0x3F:
        reader.byte()  # the representation
        if reader.byte():
            reader.u32()  # the destructor
        return True
    if form in (0x41, 0x42):
        if depth >= _MAX_NESTING:
            raise LoadError(f"its types are nested more than {_MAX_NESTING} deep")
        for _ in range(reader.u32()):
            _skip_declaration(reader, depth + 1)
    elif form in (0x40, 0x43):
        _skip_labelled(reader)
        if reader.byte() == 0:
            reader.leb(33)
        else:
            reader.byte()
    else:
        _skip_value_type(reader, form)
    return False


def _skip_value_type(reader: Reader, form: int) -> None:
    if form in _PRIMITIVES:
        return
    if form == 0x72:  # record
        _skip_labelled(reader)
    elif form == 0x71:  # variant
        for _ in range(reader.u32()):
            reader.name()
            _skip_optional(reader)
            reader.byte()
    elif form in (0x70, 0x6B):  # list, option
        reader.leb(33)
    elif form == 0x67:  # list of a fixed length
        reader.leb(33)
        reader.u32()
    elif form == 0x6F:  # tuple
        for _ in range(reader.u32()):
            reader.leb(33)
    elif form in (0x6E, 0x6D):  # flags, enum
        for _ in range(reader.u32()):
            reader.name()
    elif form == 0x6A:  # result
        _skip_optional(reader)
        _skip_optional(reader)
    elif form in (0x69, 0x68):  # own, borrow
        reader.u32()
    elif form in (0x66, 0x65):  # stream, future
        _skip_optional(reader)
    else:
        raise LoadError(f"the component has a type of unknown form {form:#04x}")


def _skip_labelled(reader: Reader) -> None:
    for _ in range(reader.u32()):
        reader.name()
        reader.leb(33)


def _skip_optional(reader: Reader) -> None:
    if reader.byte():
        reader.leb(33)


def _skip_declaration(reader: Reader, depth: int) -> None:
    form = reader.byte()
    if form == 1:
        skip_type(reader, depth)
    elif form == 2:
        _skip_alias(reader)
    elif form in (3, 4):  # an import, an export
        reader.extern_name()
        reader.skip_extern()
    else:
        raise LoadError(f"the component has a declaration of unknown form {form:#04x}")


def _skip_alias(reader: Reader) -> None:
    if reader.byte() == 0:  # of a core sort
        reader.byte()
    if reader.byte() == 2:
        reader.u32()
        reader.u32()
    else:
        reader.u32()
        reader.name()
