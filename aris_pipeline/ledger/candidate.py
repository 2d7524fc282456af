"""Everything about one candidate of a batch, from the profile to the verdict."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.errors import ConfigError
from aris_pipeline.storage import Batch, DataStore, Judge, Shard, read_parquet


def read_candidate(store: DataStore, batch: Batch, judge: Judge, custom_id: str) -> dict[str, Any]:
    """Returns profile, exact prompt, raw answer and verdict.

    Raises:
        ConfigError: the batch has no such candidate.
    """
    for shard in Shard.all_of(batch):
        profile = _row(store.raw_candidates(shard), custom_id)
        if profile is None:
            continue
        prompt = _row(store.prompts(judge, shard), custom_id) or {}
        answer = _row(store.completions(judge, shard), custom_id) or {}
        verdict = _row(store.evaluations(judge, shard), custom_id) or {}
        return {
            "profile": {name: value for name, value in profile.items() if value not in (None, [])},
            "prompt": "\n\n".join(
                f"[{message['role']}]\n{_text(message['content'])}"
                for message in json.loads(prompt.get("messages") or "[]")
            ),
            "answer": answer.get("text") or answer.get("error_message") or "none yet",
            "verdict": verdict,
        }
    raise ConfigError(f"batch {batch.name} has no usable candidate '{custom_id}'")


def _row(path: Path, custom_id: str) -> dict[str, Any] | None:
    if not path.exists():
        return None
    rows = read_parquet(path, hint="run the batch again").filter(pl.col("custom_id") == custom_id)
    return rows.row(0, named=True) if rows.height else None


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
