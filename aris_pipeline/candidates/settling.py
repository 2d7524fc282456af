"""Decides when a file in the landing directory is complete."""

from pathlib import Path


def has_settled(path: Path, quiet_s: float, now: float) -> bool:
    """Returns whether `path` is a file to which nobody has written for `quiet_s` seconds.

    A write that changes the size also sets the modification time, so the time alone is enough.

    Args:
        path: the file.
        quiet_s: seconds without a change.
        now: the current time, in seconds since the epoch.
    """
    try:
        return path.is_file() and now - path.stat().st_mtime >= quiet_s
    except FileNotFoundError:
        return False
