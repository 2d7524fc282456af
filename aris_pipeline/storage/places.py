"""Handles the place of a data directory (a disk or an object store) and their differences.

All other code takes a `Path` and does not ask which of the two it is.
"""

import io
import logging
import os
import re
import shutil
from pathlib import Path
from typing import TypeAlias

import platformdirs

from aris_pipeline.errors import ConfigError, StorageError
from aris_pipeline.storage.object_store import ObjectPath, endpoint

Version: TypeAlias = tuple[int, int | str]
"""The version of a file; it differs for each content."""

_LOG = logging.getLogger(__name__)
_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/[^?#*]*)?")


def data_path(place: str | Path) -> Path:
    """Returns the path of a directory, or of `s3://bucket/prefix`.

    Raises:
        ConfigError: the place is another kind of URL, or the package for object stores is not
            installed.
    """
    if isinstance(place, Path) or "://" not in place:
        return Path(place) if isinstance(place, str) else place
    if not _URL.fullmatch(place) or ".." in place:
        # The address is not shown: it may contain a password.
        raise ConfigError(
            "a data directory is a directory or a URL of the form s3://bucket/prefix, and this is "
            "neither; credentials and endpoint belong into the AWS_* variables"
        )
    try:
        import obstore  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(f"to use {place}: pip install 'aris_pipeline[s3]'") from error
    return ObjectPath(place)


def url_of(path: Path) -> str:
    """Returns the address of a file: a browser opens that of a disk."""
    return str(path) if isinstance(path, ObjectPath) else path.absolute().as_uri()


def local_dir(root: Path) -> Path:
    """Returns the directory for files that concern only this host: locks, and Dagster's home.

    That is the data directory itself, or, for one in an object store, a directory for it in the
    cache directory.
    """
    if not isinstance(root, ObjectPath):
        return root
    chosen = os.environ.get("ARIS_CACHE_DIR")
    cache = Path(chosen) if chosen else platformdirs.user_cache_path("aris_pipeline")
    return cache.joinpath("stores", endpoint(), *root.parts[1:])


def dagster_home(root: Path) -> Path:
    """Returns Dagster's home for a data directory.

    `DAGSTER_HOME` wins where it is set; otherwise it is `.dagster` inside the data directory, or
    in the place that this host has for one in an object store: SQLite needs a disk.
    """
    chosen = os.environ.get("DAGSTER_HOME")
    return Path(chosen) if chosen else local_dir(root).absolute() / ".dagster"


def version_of(file: Path) -> Version:
    """Returns time and size of a file, or time and tag of an object.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if isinstance(file, ObjectPath):
        return file.version
    state = file.stat()
    return state.st_mtime_ns, state.st_size


def may_be_newer(file: Path, than: Path) -> bool:
    """Returns whether a file was written after another, as far as the clocks show.

    A store counts whole seconds: of two objects of the same second, each may be newer.
    """
    written, compared = file.stat().st_mtime_ns, than.stat().st_mtime_ns
    return written > compared or (written == compared and isinstance(file, ObjectPath))


def remove_tree(directory: Path) -> None:
    """Removes a directory with its content; files that cannot be removed stay."""
    if not isinstance(directory, ObjectPath):
        shutil.rmtree(directory, ignore_errors=True)
        return
    try:
        directory.remove()
    except StorageError as error:
        _LOG.warning("%s", error)


def for_polars(file: Path) -> Path | io.BytesIO:
    """Returns the source from which polars reads a file: the path, or the content of an object.

    polars could ask the store too, but with its own settings and errors.
    """
    return io.BytesIO(file.read_bytes()) if isinstance(file, ObjectPath) else file
