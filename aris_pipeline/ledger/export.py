"""Exports a batch's verdicts as files for other programs: OpenAI, CSV, parquet, Excel."""

import hashlib
import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.errors import MissingDataError
from aris_pipeline.ledger.workbook import as_text, workbook
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Judge,
    Shard,
    read_parquet,
    write_bytes,
    write_frame,
)

_FORMULA_STARTS = r"^[=+\-@\t\r\n＝＋－＠]"  # noqa: RUF001 - spreadsheets read wide ones alike


class ExportFormat(StrEnum):
    """The form of the exported files."""

    OPENAI = "openai"
    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"


def export_batch(  # noqa: PLR0913 - one argument a choice
    store: DataStore,
    batch: Batch,
    judge: Judge,
    form: ExportFormat,
    out: Path,
    *,
    complain: Callable[[str], object] = lambda _: None,
) -> list[Path]:
    """Writes all rows of a batch, failed ones included, into `out` and returns the files.

    `openai` writes what the OpenAI Batch API would write: an output file and an error file, one
    line a `custom_id`. `csv` is safe to open in a spreadsheet: no cell can be taken for a formula.
    In `xlsx` none is one, and `complain` receives a sentence if texts had to be cut.

    Raises:
        MissingDataError: the judge has no verdicts for the batch.
        StorageError: `out` cannot be written to.
    """
    stem = f"{batch.name}.{judge.rubric}.{judge.model}"
    if form is ExportFormat.OPENAI:
        return _openai(store, batch, judge, out / stem)
    verdicts = _verdicts(store, batch, judge)
    target = out / f"{stem}.{form}"
    if form is ExportFormat.CSV:
        write_bytes(formula_safe(verdicts).write_csv().encode(), target)
    elif form is ExportFormat.XLSX:
        write_bytes(workbook(verdicts, "verdicts", complain), target)
    else:
        write_frame(verdicts, target)
    return [target]


def _verdicts(store: DataStore, batch: Batch, judge: Judge) -> pl.DataFrame:
    verdicts = pl.concat(list(_shards(store.evaluations, batch, judge)), how="diagonal_relaxed")
    ranking = store.candidate_ranking(judge, batch.name)
    if not ranking.exists():
        return verdicts
    ranks = read_parquet(
        ranking, hint="materialize candidate_ranking", columns=["custom_id", "rank", "disagrees"]
    )
    return (
        ranks.join(verdicts, on="custom_id", how="right", maintain_order="right")
        .sort("rank", nulls_last=True, maintain_order=True)
        .select("rank", "custom_id", pl.exclude("rank", "custom_id"))
    )


def _shards(path_of: Any, batch: Batch, judge: Judge) -> Iterator[pl.DataFrame]:
    found = [path for shard in Shard.all_of(batch) if (path := path_of(judge, shard)).exists()]
    if not found:
        raise MissingDataError(
            f"batch {batch.name} has no verdicts of rubric {judge.rubric} and model {judge.model}: "
            "run it first"
        )
    return (read_parquet(path, hint="run the batch again") for path in found)


def formula_safe(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds a quote before formulas: spreadsheets then show text (OWASP, CSV injection)."""
    text = pl.col(pl.String)
    return as_text(frame).with_columns(text.str.replace(_FORMULA_STARTS, "'$0"))


def _openai(store: DataStore, batch: Batch, judge: Judge, stem: Path) -> list[Path]:
    good: list[str] = []
    bad: list[str] = []
    valid = pl.concat(
        [
            shard.select("custom_id", "is_valid", "invalid_reason", "invalid_detail", "model_id")
            for shard in _shards(store.evaluations, batch, judge)
        ]
    )
    completions = pl.concat(list(_shards(store.completions, batch, judge)))
    lines = completions.join(valid, on="custom_id", maintain_order="left")
    for row in lines.iter_rows(named=True):
        (good if row["is_valid"] else bad).append(json.dumps(_openai_line(row)))
    files = [stem.with_name(f"{stem.name}.{kind}.jsonl") for kind in ("output", "errors")]
    for file, content in zip(files, (good, bad), strict=True):
        write_bytes("".join(f"{line}\n" for line in content).encode(), file)
    return files


def _openai_line(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a line of the Batch API's output or error file (see OpenAI's Batch guide)."""
    # Rows with the same request share a request_key; an id names one line.
    identity = hashlib.sha256(f"{row['request_key']} {row['custom_id']}".encode()).hexdigest()[:24]
    body = {
        "id": f"chatcmpl-{identity}",
        "object": "chat.completion",
        "created": int(row["completed_at"].timestamp()),
        "model": row["model_id"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": row["text"]},
                "finish_reason": row["finish_reason"],
            }
        ],
        "usage": {
            "prompt_tokens": row["prompt_tokens"],
            "completion_tokens": row["output_tokens"],
            "total_tokens": row["prompt_tokens"] + row["output_tokens"],
        },
    }
    error = None
    if not row["is_valid"]:
        message = row["error_message"] or row["invalid_detail"] or row["invalid_reason"]
        error = {"code": row["invalid_reason"], "message": message}
    answered = row["text"] is not None
    return {
        "id": f"batch_req_{identity}",
        "custom_id": row["custom_id"],
        "response": {"status_code": 200, "request_id": identity, "body": body}
        if answered
        else None,
        "error": error,
    }
