"""Checks that a file can be landed, and notices whether it changes meanwhile."""

import re
from pathlib import Path

from aris_pipeline.errors import InputError

_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters in a file name that would break a line, a terminal or a table that shows it."""


def file_state(file: Path) -> tuple[int, int]:
    """Returns size and time of the last change, to notice a change."""
    if _UNSHOWABLE.search(file.name):
        raise InputError(f"{file.name!a} has control characters in its name: rename it")
    if "s3:" in file.parts:
        raise InputError(f"{file.name} is landed from a disk only: copy it there first")
    try:
        state = file.stat()
    except OSError as error:
        raise InputError(f"{file} is not a file: check the path ({error.strerror})") from error
    if file.is_dir():
        raise InputError(f"{file} is a directory: name the files in it, such as {file}/*.csv")
    if not file.is_file():
        raise InputError(f"{file} is not a file: check the path")
    if state.st_size == 0:
        raise InputError(f"{file} is empty: export it again")
    return state.st_size, state.st_mtime_ns


def changed(file: Path) -> InputError:
    """Returns the error of a file that changed while it was read."""
    return InputError(f"{file} changed while it was read: land it again when it is complete")
