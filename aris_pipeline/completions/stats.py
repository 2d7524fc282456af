"""Describes the cost of a shard's latest run; stored in the footer of the completions file."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from aris_pipeline.errors import DamagedDataError
from aris_pipeline.models import gpu_name, host_name, package_versions
from aris_pipeline.storage import read_metadata

STATS_KEY = "aris.run_stats"
UNDECIDED_BAND = 0.25
"""Points of the score below the last that triage keeps; `aris audit stability` measures what it
holds."""


@dataclass(frozen=True)
class Prediction:
    """Seconds that generation is expected to take (None if unknown), and the source."""

    seconds: float | None
    source: str


class GenerationStats(BaseModel, frozen=True):
    """Figures of the engine's part in a run; all zero or null if nothing was generated."""

    engine: str = "none"
    replicas: int | None = None
    load_s: float = 0.0
    engine_restarts: int = 0
    generate_s: float = Field(default=0.0, description="busy, starved and draining together")
    predicted_s: float | None = None
    predicted_from: str | None = None
    busy_s: float = 0.0
    starved_s: float = 0.0
    draining_s: float = 0.0
    kv_cache_tokens: int | None = None
    kv_cache_peak: float | None = None
    cpu_percent: float | None = None
    rss_peak_gib: float | None = None
    gpu_memory_peak_gib: float | None = None
    gpu_utilization: float | None = None
    gpu_energy_wh: float | None = None
    triage: float | None = Field(default=None, description="share of the rows to be answered")
    triage_cut: float | None = Field(default=None, description="least score to be answered")
    triage_band: float = Field(
        default=UNDECIDED_BAND, description="points of score that are undecided"
    )
    scored: int = 0
    score_s: float = 0.0


class RunStats(GenerationStats, frozen=True):
    """Figures of one shard in one run, with the machine it ran on. Times are in seconds."""

    run_id: str
    started_at: datetime
    generated: int
    reused: int
    failed: int
    triaged: int = 0
    poison: int = 0
    repairs: dict[str, int] = Field(default_factory=dict, description="rows by step of repair")
    wall_s: float
    host: str = Field(default_factory=host_name)
    gpu: str | None = Field(default_factory=gpu_name)
    versions: str = Field(default_factory=package_versions)

    def metadata(self) -> dict[str, Any]:
        """Returns the figures that a shard's materialization shows in the UI."""
        return {
            "generated": self.generated,
            "reused": self.reused,
            "failed": self.failed,
            "triaged": self.triaged,
            "poison": self.poison,
            **{f"repairs_{step}": count for step, count in self.repairs.items()},
            "engine_restarts": self.engine_restarts,
            "load_s": round(self.load_s, 2),
            "generate_s": round(self.generate_s, 2),
            **({} if self.predicted_s is None else {"predicted_s": round(self.predicted_s, 2)}),
            **({} if self.predicted_from is None else {"predicted_from": self.predicted_from}),
            "busy_s": round(self.busy_s, 2),
            "starved_s": round(self.starved_s, 2),
            "draining_s": round(self.draining_s, 2),
            "wall_s": round(self.wall_s, 2),
            "req_s": round(self.generated / self.generate_s, 3) if self.generate_s else 0.0,
            **({"scored": self.scored, "score_s": round(self.score_s, 2)} if self.scored else {}),
            "engine": self.engine,
        }


def read_stats(completions: Path) -> RunStats:
    """Reads the figures of the run that wrote a completions file."""
    hint = "materialize completions of this shard"
    footer = read_metadata(completions, hint=hint)
    if STATS_KEY not in footer:
        raise DamagedDataError(f"{completions} was not written by this pipeline: {hint}")
    try:
        return RunStats.model_validate_json(footer[STATS_KEY])
    except ValidationError as error:
        raise DamagedDataError(f"{completions} was written by another version: {hint}") from error
