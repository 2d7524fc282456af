"""Paths of every table, Hive-style, so that every reader sees the keys as columns.

The tree under `ARIS_DATA_DIR`, a directory or `s3://bucket/prefix`; `<judged>` stands for
`rubric=R/model=M/batch=B`:

    landing/                                        files dropped for the sensor
    batches/<batch>.json                            what was landed (`Batch`)
    landed/batch=B/shard=S/records.parquet          one row a record, as it was read
    quarantine/batch=B/shard=S/quarantine.parquet   what was not usable, and why
    raw_candidates/batch=B/shard=S/candidates.parquet
    prompts/<judged>/shard=S/prompts.parquet        and so completions, evaluations, throughput
    candidate_ranking/<judged>/ranking.parquet
    throughput_report/<judged>/report.parquet
    benchmarks/runs/<run>.parquet                   and so answers; benchmarks/decision.parquet
    .work/completions/<judged>/shard=S/             part files of shards that are still running
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aris_pipeline.errors import ConfigError, DamagedDataError
from aris_pipeline.storage.atomic import remove_leftovers
from aris_pipeline.storage.batches import Batch
from aris_pipeline.storage.object_store import ObjectPath
from aris_pipeline.storage.places import data_path, local_dir

LANDING_SHARD = "landing"
"""Shard name of the quarantine that landing itself writes; the others are s000, s001, ..."""

_SHARD_KEY = re.compile(r"(?P<batch>.+)_(?P<name>s\d{3,})")


@dataclass(frozen=True, order=True)
class Shard:
    """A slice of a batch: the grain of Dagster partitions and of parquet files."""

    batch: str
    name: str

    @classmethod
    def numbered(cls, batch: str, index: int) -> Self:
        """Returns the shard at `index` (0-based) of `batch`."""
        return cls(batch, f"s{index:03d}")

    @classmethod
    def all_of(cls, batch: Batch) -> list[Self]:
        """Returns the shards of a batch, in order."""
        return [cls.numbered(batch.name, index) for index in range(len(batch.shard_rows))]

    @classmethod
    def parse(cls, key: str) -> Self:
        """Reads a partition key such as `2026-11-21_export_s003`."""
        match = _SHARD_KEY.fullmatch(key)
        if match is None:
            raise ConfigError(f"'{key}' is not a shard key: expected <batch>_s<number>")
        return cls(match["batch"], match["name"])

    @property
    def key(self) -> str:
        """Returns the Dagster partition key."""
        return f"{self.batch}_{self.name}"


@dataclass(frozen=True)
class Judge:
    """Who judges: a rubric id and a model's short name, each pair with a tree of its own."""

    rubric: str
    model: str


@dataclass(frozen=True)
class DataStore:
    """Paths of every table under one data directory."""

    root: Path

    @classmethod
    def at(cls, place: str | Path) -> Self:
        """Returns the store at a directory or at `s3://bucket/prefix`.

        Raises:
            ConfigError: it is another kind of URL.
        """
        return cls(data_path(place).absolute())

    @property
    def locks(self) -> Path:
        """Where processes of this host lock out each other; those of other hosts see nothing."""
        return local_dir(self.root) / ".work"

    @property
    def landing(self) -> Path:
        """Returns the directory that the landing sensor watches."""
        return self.root / "landing"

    def remove_leftovers(self) -> None:
        """Removes what killed writers have left, wherever temporary files are made."""
        if isinstance(self.root, ObjectPath):
            return
        for directory in (self.root, self.root / ".work", self.root / "batches"):
            remove_leftovers(directory)

    def batch_file(self, batch: str) -> Path:
        """Returns the manifest of a batch."""
        return self.root / "batches" / f"{batch}.json"

    def batch_files(self) -> list[Path]:
        """Returns the manifests of all landed batches, by name."""
        return sorted((self.root / "batches").glob("*.json"))

    def batches(self, *, complain: Callable[[str], object] | None = None) -> list[Batch]:
        """Returns all landed batches, oldest first.

        Args:
            complain: takes what is wrong with a damaged manifest, whose batch is then left out.

        Raises:
            DamagedDataError: a manifest is damaged and there is nobody to complain to.
        """
        found: list[Batch] = []
        for file in self.batch_files():
            try:
                found.append(Batch.read(file))
            except DamagedDataError as error:
                if complain is None:
                    raise
                complain(str(error))
        return sorted(found, key=lambda batch: batch.landed_at)

    def batch(self, name: str) -> Batch:
        """The batch called `name`; `ConfigError` names the known ones where there is none."""
        file = self.batch_file(name)
        if not file.exists():
            known = ", ".join(file.stem for file in self.batch_files()) or "none yet"
            raise ConfigError(f"no batch '{name}' in {self.root}; landed batches: {known}")
        return Batch.read(file)

    def landed(self, shard: Shard) -> Path:
        """Records of a shard as landing read them."""
        return self._shard_dir(self.root / "landed", shard) / "records.parquet"

    def quarantine(self, shard: Shard) -> Path:
        """Unusable rows of a shard, or of landing itself (`LANDING_SHARD`)."""
        return self._shard_dir(self.root / "quarantine", shard) / "quarantine.parquet"

    def raw_candidates(self, shard: Shard) -> Path:
        """Validated candidates of a shard."""
        return self._shard_dir(self.root / "raw_candidates", shard) / "candidates.parquet"

    def prompts(self, judge: Judge, shard: Shard) -> Path:
        """Rendered prompts of a shard."""
        return self._shard_dir(self.judged("prompts", judge), shard) / "prompts.parquet"

    def completions(self, judge: Judge, shard: Shard) -> Path:
        """Returns the engine's answers for a shard."""
        return self._shard_dir(self.judged("completions", judge), shard) / "completions.parquet"

    def completion_parts(self, judge: Judge, shard: Shard) -> Path:
        """Directory of the part files of a shard that is still running."""
        return self._shard_dir(self.judged(".work/completions", judge), shard)

    def evaluations(self, judge: Judge, shard: Shard) -> Path:
        """Parsed, validated and scored answers of a shard."""
        return self._shard_dir(self.judged("evaluations", judge), shard) / "evaluations.parquet"

    def throughput(self, judge: Judge, shard: Shard) -> Path:
        """Measured speed of a shard's latest run."""
        return self._shard_dir(self.judged("throughput", judge), shard) / "throughput.parquet"

    def candidate_ranking(self, judge: Judge, batch: str) -> Path:
        """Returns the ranked candidates of a batch."""
        return self.judged("candidate_ranking", judge) / f"batch={batch}" / "ranking.parquet"

    def throughput_report(self, judge: Judge, batch: str) -> Path:
        """What a batch cost in all."""
        return self.judged("throughput_report", judge) / f"batch={batch}" / "report.parquet"

    @property
    def benchmarks(self) -> Path:
        """Returns the history of benchmark runs; nothing of it is ever reused as an answer."""
        return self.root / "benchmarks"

    def engine_tuning(self, model: str, hardware: str, vllm: str) -> Path:
        """Returns the file of the engine settings that were tried for a model.

        Args:
            model: its short name.
            hardware: the GPU or processor.
            vllm: the version, whose defaults the settings were compared with.
        """
        place = re.sub(r"[^A-Za-z0-9.]+", "-", hardware).strip("-")
        folder = self.root / "engine_tuning" / f"model={model}" / f"hardware={place}"
        return folder / f"vllm={vllm}" / "trials.parquet"

    def judges(self, table: str, batch: str) -> list[Judge]:
        """Judges whose outputs for a batch stand in a table, the one of the newest output last."""
        newest: dict[Judge, int] = {}
        for output in (self.root / table).glob(f"rubric=*/model=*/batch={batch}/*"):
            rubric, model = (part.partition("=")[2] for part in output.parts[-4:-2])
            judge, written = Judge(rubric, model), output.stat().st_mtime_ns
            newest[judge] = max(written, newest.get(judge, 0))
        return sorted(newest, key=lambda judge: newest[judge])

    def judged(self, table: str, judge: Judge) -> Path:
        """Root of one judge's outputs in a table."""
        return self.root / table / f"rubric={judge.rubric}" / f"model={judge.model}"

    @staticmethod
    def _shard_dir(table: Path, shard: Shard) -> Path:
        return table / f"batch={shard.batch}" / f"shard={shard.name}"
