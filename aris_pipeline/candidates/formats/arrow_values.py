"""Reads parquet values without a Python equivalent in the form in which they are stored.

A date beyond the calendar, nanoseconds, or text that is not UTF-8 does not cost the row.
"""

from contextlib import suppress

import pyarrow as pa

from aris_pipeline.candidates.decoding import decode

UNREADABLE = (ValueError, ArithmeticError, LookupError, RecursionError, pa.ArrowException)
"""The exceptions that such a value raises."""

_NOT_WRITTEN = "<value out of range"


def readable(value: pa.Scalar) -> object:
    """Returns a value as a Python object, else its parts, its text, its bytes or its number."""
    try:
        return value.as_py(maps_as_pydicts="strict")
    except UNREADABLE:
        pass
    if isinstance(value, pa.MapScalar):
        pairs = [(readable(pair["key"]), readable(pair["value"])) for pair in value.values]
        as_dict = dict(pairs)
        return as_dict if len(as_dict) == len(pairs) else pairs
    if isinstance(value, pa.StructScalar):
        return {name: readable(part) for name, part in value.items()}
    if isinstance(value, pa.ListScalar):
        return [readable(part) for part in value.values]
    if isinstance(value, pa.StringScalar | pa.LargeStringScalar):
        return decode(value.as_buffer().to_pybytes())
    return _stored(value)


def _stored(value: pa.Scalar) -> object:
    """Returns the text that Arrow writes for a value, else the stored number."""
    for kind in (pa.string(), pa.int64(), pa.int32()):
        with suppress(*UNREADABLE):
            found = value.cast(kind).as_py()
            if not str(found).startswith(_NOT_WRITTEN):
                return found
    return None
