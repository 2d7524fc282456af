"""Summarizes what a run did to a batch, in the figures that people ask for."""

import contextlib
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from aris_pipeline.candidates import parameter_of
from aris_pipeline.completions import RunStats, part_files, read_stats
from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.evaluations import Agreement, triage_agreement
from aris_pipeline.ledger.reconcile import Reconciliation, reconcile
from aris_pipeline.storage import (
    LANDING_SHARD,
    Batch,
    Completions,
    DataStore,
    Judge,
    Quarantine,
    Shard,
    read_table,
)

_TOKENS = ["prompt_tokens", "output_tokens", "reused", "error_type", "triaged"]


@dataclass(frozen=True)
class BatchSummary:
    """The counts of a batch, and rates over the rows that its latest run generated."""

    counts: Reconciliation
    shards: int
    shards_completed: int
    kept: int
    reused: int
    generated: int
    load_s: float
    score_s: float
    generate_s: float
    predicted_s: float | None
    prompt_tokens: int
    output_tokens: int
    scored: int
    agreement: Agreement | None
    refused_parameters: dict[str, int]

    def as_dict(self, wall_s: float) -> dict[str, Any]:
        """Returns the figures under the names that `aris run --json` promises."""
        asked = self.counts.evaluated + self.counts.failed
        return {
            "batch": self.counts.batch,
            "shards": self.shards,
            "rows_in": self.counts.rows_in,
            "evaluated": self.counts.evaluated,
            "failed": self.counts.failed,
            "quarantined": self.counts.quarantined,
            "refused_parameters": self.refused_parameters,
            "triaged": self.counts.triaged,
            "erased": self.counts.erased,
            "reused": self.reused,
            "generated": self.generated,
            "valid_rate": _share(self.counts.evaluated, asked),
            "success_rate": _share(
                self.counts.evaluated,
                self.counts.rows_in
                - self.counts.quarantined
                - self.counts.triaged
                - self.counts.erased,
            ),
            "wall_s": round(wall_s, 2),
            "load_s": round(self.load_s, 2),
            "score_s": round(self.score_s, 2),
            "scored": self.scored,
            "triage_agreement": asdict(self.agreement) if self.agreement else None,
            "generate_s": round(self.generate_s, 2),
            "predicted_s": None if self.predicted_s is None else round(self.predicted_s, 2),
            "req_s": self._rate(self.generated),
            "output_tok_s": self._rate(self.output_tokens),
            "total_tok_s": self._rate(self.prompt_tokens + self.output_tokens),
        }

    def status(self) -> dict[str, Any]:
        """Returns the progress of the batch."""
        counts = self.counts
        return {
            "batch": counts.batch,
            "rubric": counts.rubric,
            "model": counts.model,
            "shards": self.shards,
            "shards_completed": self.shards_completed,
            "rows_in": counts.rows_in,
            "evaluated": counts.evaluated,
            "failed": counts.failed,
            "quarantined": counts.quarantined,
            "triaged": counts.triaged,
            "erased": counts.erased,
            "open": counts.missing,
            "kept": self.kept,
        }

    def _rate(self, count: int) -> float | None:
        return round(count / self.generate_s, 3) if count and self.generate_s else None


def summarize(store: DataStore, batch: Batch, judge: Judge) -> BatchSummary:
    """Reads a batch's outputs; shards that have none count as missing rows."""
    stats: list[RunStats] = []
    kept = reused = prompt = output = 0
    for shard in Shard.all_of(batch):
        path = store.completions(judge, shard)
        if path.exists():
            stats.append(read_stats(path))
            hint = "materialize completions of this shard"
            rows = read_table(path, Completions, hint=hint, columns=_TOKENS)
            asked = rows.filter(~pl.col("triaged").fill_null(value=False))
            fresh = asked.filter(~pl.col("reused") & pl.col("error_type").is_null())
            reused += int(rows["reused"].sum())
            prompt += int(fresh["prompt_tokens"].sum())
            output += int(fresh["output_tokens"].sum())
        else:
            kept += _kept(store, judge, shard)
    return BatchSummary(
        counts=reconcile(store, batch, judge),
        shards=len(batch.shard_rows),
        shards_completed=len(stats),
        kept=kept,
        reused=reused,
        generated=sum(one.generated for one in stats),
        load_s=sum(one.load_s for one in stats),
        score_s=sum(one.score_s for one in stats),
        generate_s=sum(one.generate_s for one in stats),
        predicted_s=_predicted([one for one in stats if one.generate_s]),
        prompt_tokens=prompt,
        output_tokens=output,
        scored=sum(one.scored for one in stats),
        agreement=triage_agreement(store, batch=batch, judge=judge),
        refused_parameters=_refused_parameters(store, batch),
    )


def _kept(store: DataStore, judge: Judge, shard: Shard) -> int:
    """Returns the rows that a stopped run, or one at work, has finished of a shard."""
    kept = 0
    for part in part_files(store.completion_parts(judge, shard)):
        with contextlib.suppress(DamagedDataError, MissingDataError):  # a run may have removed it
            kept += read_table(part, Completions, hint="", columns=["custom_id"]).height
    return kept


def _refused_parameters(store: DataStore, batch: Batch) -> dict[str, int]:
    """Returns the quarantined OpenAI requests by the parameter that cannot be honored."""
    refused: Counter[str] = Counter()
    for shard in [Shard(batch.name, LANDING_SHARD), *Shard.all_of(batch)]:
        path = store.quarantine(shard)
        if batch.format != "openai" or not path.exists():
            continue
        with contextlib.suppress(DamagedDataError):  # reconciliation reports it
            rows = read_table(path, Quarantine, hint="", columns=["rule", "field"])
            fields = rows.filter(pl.col("rule") == "invalid_parameter")["field"].fill_null("")
            refused.update(map(parameter_of, fields.to_list()))
    return dict(refused.most_common())


def _predicted(stats: list[RunStats]) -> float | None:
    """Sums all shards that generated; returns None if one of them could not be predicted."""
    seconds = [one.predicted_s for one in stats]
    known = [one for one in seconds if one is not None]
    return sum(known) if known and len(known) == len(seconds) else None


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
