"""Reads all about one row of a batch: a candidate from profile to verdict, or a rejected row."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.errors import ConfigError
from aris_pipeline.ledger.rows import trace_shard
from aris_pipeline.storage import Batch, DataStore, Judge, Shard, read_parquet


def read_candidate(store: DataStore, batch: Batch, judge: Judge, custom_id: str) -> dict[str, Any]:
    """Returns profile, exact prompt, raw answer, verdict, and the ledger's row.

    Raises:
        ConfigError: the batch has no such candidate.
    """
    for shard in Shard.all_of(batch):
        profile = find_row(store.raw_candidates(shard), custom_id)
        if profile is None:
            continue
        prompt = find_row(store.prompts(judge, shard), custom_id) or {}
        answer = find_row(store.completions(judge, shard), custom_id) or {}
        verdict = find_row(store.evaluations(judge, shard), custom_id) or {}
        return {
            "profile": {name: value for name, value in profile.items() if value not in (None, [])},
            "prompt": "\n\n".join(
                f"[{message['role']}]\n{_text(message['content'])}"
                for message in json.loads(prompt.get("messages") or "[]")
            ),
            "answer": answer.get("text") or answer.get("error_message") or "none yet",
            "verdict": verdict,
            "ledger": trace_shard(store, judge, shard)
            .filter(custom_id=custom_id)
            .row(0, named=True),
        }
    raise ConfigError(where_it_is(store, batch, judge, custom_id))


def where_it_is(store: DataStore, batch: Batch, judge: Judge, custom_id: str) -> str:
    """Says where a candidate is that has no verdict, and the remedy."""
    if rejected := find_quarantined(store, batch, custom_id):
        return (
            f"candidate '{custom_id}' is in quarantine ({rejected['rule']}): "
            f"`aris show {batch.name} --line {rejected['line']}` shows why"
        )
    for shard in Shard.all_of(batch):
        if find_row(store.raw_candidates(shard), custom_id):
            return (
                f"candidate '{custom_id}' has no verdict by {judge.rubric} and {judge.model} yet: "
                f"run {batch.source_file} again"
            )
    return f"batch {batch.name} has no candidate '{custom_id}'"


def find_quarantined(store: DataStore, batch: Batch, custom_id: str) -> dict[str, Any] | None:
    """Returns the row of `quarantine` of an id; None if there is none."""
    shards = Shard.with_quarantine_of(batch)
    found = (find_row(store.quarantine(shard), custom_id) for shard in shards)
    return next(filter(None, found), None)


def read_quarantined(store: DataStore, batch: Batch, line: int) -> dict[str, Any]:
    """Returns why a row could not be used, its raw text, and the ledger's row.

    Raises:
        ConfigError: no row from this line is in quarantine.
    """
    for shard in Shard.with_quarantine_of(batch):
        rows = trace_shard(store, None, shard).filter(line=line, state="quarantined")
        if rows.height:
            files = sorted(store.quarantine(shard).parent.glob("*.parquet"))
            found = pl.concat(
                [read_parquet(file, hint="materialize raw_candidates") for file in files]
            )
            return {
                "quarantine": found.filter(line=line).row(0, named=True),
                "ledger": rows.row(0, named=True),
            }
    raise ConfigError(f"batch {batch.name} has no row of line {line} in quarantine")


def find_row(path: Path, custom_id: str) -> dict[str, Any] | None:
    """Returns the row of a candidate in a file; None if file or row is not there."""
    if not path.exists():
        return None
    rows = read_parquet(path, hint="run the batch again").filter(pl.col("custom_id") == custom_id)
    return rows.row(0, named=True) if rows.height else None


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
