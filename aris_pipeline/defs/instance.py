"""The persistent Dagster instance that the command line, the UI and the daemon share."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from filelock import FileLock

from aris_pipeline.defs.assets import GPU_POOL
from aris_pipeline.defs.database import database_error, refuse_ambiguous_address
from aris_pipeline.errors import ArisError, DamagedDataError
from aris_pipeline.storage import cannot_write, dagster_home, write_bytes

_PRIMARY = 0xFF  # the upper bits of an extended code of SQLite say more
_LITTLE = 2**20
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NOT_WRITTEN = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR),
)
_WHOLE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

_TERMINAL_ONLY = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}
"""What steps print stays on the terminal: to keep it, Dagster starts four processes a run, and a
chain is seven runs. The UI keeps it for the runs that are launched there."""


def prepare_home(data_dir: Path) -> Path:
    """Returns the Dagster home of a data directory, with the shipped dagster.yaml in it."""
    home = dagster_home(data_dir)
    settings = home / "dagster.yaml"
    if not settings.exists():
        shipped = resources.files("aris_pipeline.defs").joinpath("dagster.yaml")
        write_bytes(shipped.read_bytes(), settings)
    return home


def open_instance(data_dir: Path, engines: int | None = None) -> dg.DagsterInstance:
    """Opens the instance of a data directory.

    One process at a time, because two that create the databases at once leave them unusable.
    The limit of the engine's pool is set explicitly: on a fresh instance the default limit alone
    let two runs overlap.

    Args:
        data_dir: whose instance.
        engines: how many may work at once, from now on; one unless it was ever set.

    Raises:
        StorageError: Dagster cannot write to its home.
        DamagedDataError: a database there is damaged.
        InstanceError: a database server does not serve.
        ConfigError: dagster.yaml, or an address in it, cannot be used.
    """
    home = prepare_home(data_dir)
    with storage_errors_named(home), FileLock(home / "opening.lock"):
        ref = InstanceRef.from_dir(str(home), overrides={"compute_logs": _TERMINAL_ONLY})
        refuse_ambiguous_address(ref)
        instance = dg.DagsterInstance.from_ref(ref)
        if engines or GPU_POOL not in instance.event_log_storage.get_concurrency_keys():
            instance.event_log_storage.set_concurrency_slots(GPU_POOL, engines or 1)
    return instance


@contextmanager
def storage_errors_named(home: Path) -> Iterator[None]:
    """Tells what Dagster's own storage meets like what our files do.

    Raises:
        StorageError: Dagster cannot write to its home.
        DamagedDataError: a database there is damaged.
        InstanceError: a database server does not serve.
        ConfigError: dagster.yaml, or an address in it, cannot be used.
    """
    try:
        yield
    except ArisError:
        raise
    except Exception as error:
        for cause in _causes(error):
            if named := database_error(cause, home):
                raise named from error
            if isinstance(cause, sqlite3.Error):
                code = getattr(cause, "sqlite_errorcode", 0) & _PRIMARY
                if code in _DAMAGED:
                    raise DamagedDataError(
                        f"a database in {home} is damaged ({cause}): move that directory elsewhere "
                        "and run the same command; it holds the history of runs, and no rows"
                    ) from error
                if code in _NOT_WRITTEN:
                    said = OSError(_errno_of(code, home), str(cause))
                    raise cannot_write(home / "history", said) from error
            elif isinstance(cause, OSError):
                file = Path(cause.filename or home)
                if cause.errno in _WHOLE_DISK or home in file.parents:
                    raise cannot_write(file, cause) from error
        raise


def _errno_of(code: int, home: Path) -> int:
    """What the operating system must have said to SQLite."""
    disk = os.statvfs(home)
    # A full disk also fails the access to memory that is mapped to a file, as SQLITE_IOERR.
    if code == sqlite3.SQLITE_FULL or disk.f_bavail * disk.f_frsize < _LITTLE:
        return errno.ENOSPC
    if disk.f_flag & os.ST_RDONLY:
        return errno.EROFS
    return errno.EIO if code == sqlite3.SQLITE_IOERR else errno.EACCES


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from, down to the first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
