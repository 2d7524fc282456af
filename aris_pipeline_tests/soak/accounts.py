"""What became of the rows, counted from the files: `aris verify` does not judge itself."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from aris_pipeline_tests.soak.processes import ArisProcess, Place

_COMPLETED = (
    "completions/**/completions.parquet",
    ".work/completions/**/part-*.parquet",
)
_OF_ONE_RUN = ("run_id", "engine")
_NO_ROWS = pl.DataFrame(
    schema={
        **dict.fromkeys(("custom_id", "request_key", "error_type", *_OF_ONE_RUN), pl.String()),
        "is_valid": pl.Boolean(),
    }
)


@dataclass(frozen=True)
class Account:
    """The rows of a finished batch against the file that it came from.

    Attributes:
        lost: rows of the file that no output holds.
        duplicated: rows beyond the first of an id, over all outputs.
        broken: what else a finished run must not leave.
    """

    lost: int
    duplicated: int
    broken: list[str] = field(default_factory=list)


def account(place: Place, expected: pl.DataFrame | None = None) -> Account:
    """Counts the rows of a place's only batch.

    Args:
        place: where the batch is.
        expected: the evaluations of an undisturbed run, to compare with; all rows must be valid.
    """
    candidates = json.loads(place.file.read_text())["candidates"]
    wanted = {candidate["aristotleId"] for candidate in candidates}
    found = Counter(_ids(place, "evaluations") + _ids(place, "quarantine"))
    broken = _leftovers(place.data)
    if set(found) - wanted:
        broken.append(f"{len(set(found) - wanted)} rows that never were in the file")
    ranked, valid = _ids(place, "candidate_ranking"), evaluations(place).filter("is_valid")
    if Counter(ranked) != Counter(valid["custom_id"].to_list()):
        broken.append(f"{len(ranked)} rows ranked of {valid.height} that are valid")
    if expected is not None and not evaluations(place).equals(expected):
        broken.append("verdicts differ from those of an undisturbed run")
    verified = place.start("verify").finish()
    if verified.code != 0 or not verified.figures["ok"]:
        broken.append(f"verify ends with {verified.code}: {verified.figures}")
    return Account(
        lost=len(wanted - set(found)), duplicated=sum(found.values()) - len(found), broken=broken
    )


def evaluations(place: Place) -> pl.DataFrame:
    """All verdicts of a place, without what differs from run to run."""
    found = _read(place.data, "evaluations/**/*.parquet")
    return found.drop(*_OF_ONE_RUN).sort("custom_id")


def durable_keys(data: Path) -> set[str]:
    """request_keys whose answers are safe on the disk, in part files or completions."""
    return {
        key
        for pattern in _COMPLETED
        for file in data.glob(pattern)
        for key in _answered(file)["request_key"]
    }


def compacting_shards(data: Path) -> set[Path]:
    """Shards with all answers in part files, or with these still beside the finished file."""
    found = set()
    for parts in {file.parent for file in data.glob(_COMPLETED[1])}:
        shard = parts.relative_to(data / ".work" / "completions")
        wanted = _read(data / "prompts" / shard, "*.parquet")["request_key"].n_unique()
        rows = sum(_answered(file).height for file in parts.glob("*.parquet"))
        if rows >= wanted or (data / "completions" / shard / "completions.parquet").exists():
            found.add(shard)
    return found


def generated(log: Path) -> list[str]:
    """The requests that the engine of one process has answered with a text."""
    return log.read_text().split() if log.exists() else []


def wait_for_answers(process: ArisProcess, log: Path, count: int) -> None:
    """Waits until an engine has generated so many texts, or its process has ended."""
    while process.running and len(generated(log)) < count:
        time.sleep(0.05)


def _answered(file: Path) -> pl.DataFrame:
    return _frame(file).filter(pl.col("error_type").is_null())


def _ids(place: Place, table: str) -> list[str]:
    found: list[str] = _read(place.data, f"{table}/**/*.parquet")["custom_id"].to_list()
    return found


def _read(folder: Path, pattern: str) -> pl.DataFrame:
    frames = [_frame(file) for file in sorted(folder.glob(pattern))]
    return pl.concat([_NO_ROWS, *frames], how="diagonal_relaxed")


def _frame(file: Path) -> pl.DataFrame:
    """The rows of a file; what cannot be read holds none."""
    try:
        return pl.read_parquet(file, hive_partitioning=False)
    except (OSError, pl.exceptions.PolarsError):
        return _NO_ROWS


def _leftovers(data: Path) -> list[str]:
    """Temporary and part files that a finished run has left behind."""
    found = [*data.glob("**/.*.tmp"), *data.glob(".work/**/*.parquet")]
    return [f"left behind: {file.relative_to(data)}" for file in found]
