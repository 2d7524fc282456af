"""Where a figure was measured: enough to tell whether two compare, and no name of a machine."""

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from aris_pipeline.models import gpu_driver, gpu_name, host_name, package_versions

COMMIT_VARIABLE = "ARIS_GIT_COMMIT"
"""Names the measured commit where the code is no checkout, such as on a host it was copied to."""


def described_machine() -> dict[str, Any]:
    """Returns the columns of `BenchmarkRuns` that describe the machine and the code."""
    return {
        "host": host_name(),
        "gpu": gpu_name(),
        "driver": gpu_driver(),
        "versions": package_versions(),
        "git_commit": git_commit(),
    }


@cache
def git_commit() -> str | None:
    """Returns the commit of this code, with a plus sign where files differ from it."""
    if named := os.environ.get(COMMIT_VARIABLE):
        return named
    place = Path(__file__).parents[2]
    if not (place / ".git").exists():
        return None
    try:
        commit = _git(place, "rev-parse", "--short=12", "HEAD")
        changed = _git(
            place, "status", "--porcelain", "--untracked-files=no", "--", "aris_pipeline"
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")


def _git(place: Path, *arguments: str) -> str:
    return subprocess.run(  # noqa: S603 - fixed arguments
        ["git", *arguments],  # noqa: S607 - wherever git is
        cwd=place,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
