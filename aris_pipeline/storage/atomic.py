"""Makes files visible whole or not at all, and leaves nothing else behind.

A file that is being written has a temporary name outside the tables, because some readers of a
directory take every file in it for data. Its writer holds a lock on it, which the operating system
releases when the process ends. A temporary file without a lock belongs to nobody, and the next
writer removes it.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from itertools import takewhile
from pathlib import Path
from typing import IO

from aris_pipeline.errors import DiskError, StorageError
from aris_pipeline.storage.object_store import ObjectPath

_SUFFIX = ".aris.tmp"
"""Tells our leftovers from the files of others: `--out` may name anybody's directory."""

_LONGEST_LABEL = 50


def write_bytes(content: bytes | bytearray, path: Path) -> None:
    """Writes `content` to `path` in one atomic step; its directory is made if needed.

    A symbolic link stays, and the file that it names is written. An object store needs no
    temporary names: it does not show incomplete objects. Pipes and devices are written to.

    Raises:
        StorageError: the file cannot be written; the previous file stays.
        DiskError: no file can be written, because the disk is full or read-only.
    """
    if isinstance(path, ObjectPath) or path.is_fifo() or path.is_char_device():
        path.write_bytes(content)
        return
    try:
        path = path.resolve() if path.is_symlink() else path
        path.parent.mkdir(parents=True, exist_ok=True)
        directory = _outside_tables(path)
        remove_leftovers(directory)
        with _temporary_file(directory, path.name) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), 0o644)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise cannot_write(path, error, needed=len(content)) from error


def remove_leftovers(directory: Path) -> None:
    """Removes temporary files whose writer was killed."""
    for leftover in directory.glob(f".*{_SUFFIX}"):
        # The lock is held, or we must not touch the file.
        with contextlib.suppress(OSError), leftover.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


def cannot_write(path: Path, error: OSError, *, needed: int | None = None) -> StorageError:
    """Explains why a file cannot be written, and the remedy.

    Args:
        path: the file.
        error: the error of the operating system.
        needed: the bytes that had to be written, if known.
    """
    place = next(parent for parent in path.parents if os.path.exists(parent))
    remedy = "See to its disk and the rights on it"
    match error.errno:
        case errno.ENOSPC:
            reason, remedy = f"the disk is full ({_room(place, needed)})", "Free space"
        case errno.EDQUOT:
            reason, remedy = "the disk quota is used up", "Free space"
        case errno.EROFS:
            reason = "its file system is read-only"
            remedy = "Make it writable, or choose another --data-dir or --out"
        case errno.EACCES | errno.EPERM:
            owner, user = place.stat().st_uid, os.geteuid()
            reason = f"{place} belongs to user {owner}, and this process runs as user {user}"
            remedy = "Give it the right to write there, or choose another --data-dir or --out"
        case errno.ENAMETOOLONG:
            reason = "its name is too long for its file system"
            remedy = "Shorten the name of the file, the rubric or the data directory"
        case errno.EISDIR:
            reason = f"{path} is in the way: it is a directory"
            remedy = "Move it elsewhere, or name a file in it"
        case errno.ENOTDIR | errno.EEXIST:
            reason = f"{place} is in the way"
            remedy = "Move it elsewhere"
        case _:
            reason = error.strerror or str(error)
    kind = DiskError if error.errno in _WHOLE_DISK else StorageError
    return kind(
        f"{path} cannot be written: {reason}. "
        f"{remedy}, then run the same command: it goes on from what is finished"
    )


_WHOLE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def _room(place: Path, needed: int | None) -> str:
    """Says how much is free on the disk of a directory, and how much is needed."""
    free = f"{_mebibytes(shutil.disk_usage(place).free)} free"
    if os.statvfs(place).f_favail == 0:
        free = "no file entries free"
    return free if needed is None else f"{free}, {_mebibytes(needed)} needed for this file alone"


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.2f} MiB"


def _outside_tables(path: Path) -> Path:
    """Returns the place of the temporary file: beside the table of `path`, or else beside `path`.

    Tables are directories in Hive layout: all parent directories `key=value` are inside one. A
    table that is mounted or linked from another disk has its own temporary files.
    """
    keys = list(takewhile(lambda parent: "=" in parent.name, path.parents))
    outside = keys[-1].parent.parent if keys else path.parent
    return outside if outside.stat().st_dev == path.parent.stat().st_dev else path.parent


def _temporary_file(directory: Path, name: str) -> IO[bytes]:
    """Returns a new file under a lock."""
    while True:
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - the caller closes it
            dir=directory, prefix=f".{name[:_LONGEST_LABEL]}.", suffix=_SUFFIX, delete=False
        )
        # If a file system has no locks, nobody takes the file for a leftover either.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # removed as a leftover just before it was locked
