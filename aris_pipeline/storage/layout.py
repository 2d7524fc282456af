"""Defines the path of every table in Hive layout, so that every reader sees the keys as columns.

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
    label_metrics/<judged>/metrics.parquet          how far the judge agrees with people
    verdict_log/<judged>/<NNNNNN>.parquet           every verdict that there was; head.json: its end
    bias_probe/<judged>/<version>.parquet           signals and how far they move scores
    verdict_stability/<judged>/<version>.parquet    how often verdicts change when asked again
    reports/<judged>/report.html                    the page of a batch, for an analyst
    impact/<judged>/impact.parquet                  how often people of each category are selected
    label_samples/batch=B/sample=S/sample.parquet   whom people are asked about, and its design
    labels/batch=B/<time>-<digest>.parquet          what they said: a file an import
    decisions/batch=B/<time>-<digest>.parquet       what people decided: a file an import
    calibrations/rubric=R/model=M/v<version>.json   the score as a probability of people's yes
    benchmarks/runs/<run>.parquet                   and so answers; benchmarks/decision.parquet
    erasures/                                       who was erased (keyed hashes), and legal holds
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
"""The shard name of landing's own quarantine; the other shards are s000, s001, ..."""

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
    def with_quarantine_of(cls, batch: Batch) -> list[Self]:
        """Returns all shards of a batch that may have rows in quarantine, that of landing first."""
        return [cls(batch.name, LANDING_SHARD), *cls.all_of(batch)]

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
    """A judge: a rubric id and a model's short name; each pair has its own tree."""

    rubric: str
    model: str


@dataclass(frozen=True)
class DataStore:
    """The paths of every table under one data directory."""

    root: Path

    @classmethod
    def at(cls, place: str | Path) -> Self:
        """Returns the store at a directory or at `s3://bucket/prefix`.

        Raises:
            ConfigError: the place is another kind of URL.
        """
        return cls(data_path(place).absolute())

    @property
    def locks(self) -> Path:
        """Returns the directory of the locks between this host's processes."""
        return local_dir(self.root) / ".work"

    @property
    def landing(self) -> Path:
        """Returns the directory that the landing sensor watches."""
        return self.root / "landing"

    @property
    def erasures(self) -> Path:
        """Returns the directory of what `aris purge` and `aris retain` remember."""
        return self.root / "erasures"

    def rows_of_shards(self, batch: Batch) -> dict[Shard, int]:
        """Returns how many rows each shard of a batch has, without erased ones."""
        shards = zip(Shard.all_of(batch), batch.shard_rows, strict=True)
        return {shard: rows - batch.erased.get(shard.name, 0) for shard, rows in shards}

    def remove_leftovers(self) -> None:
        """Removes the files of killed writers, wherever temporary files are made."""
        if isinstance(self.root, ObjectPath):
            return
        for name in (".", ".work", "batches", "landing", "exports", "erasures"):
            remove_leftovers(self.root / name)

    def batch_file(self, batch: str) -> Path:
        """Returns the path of a batch's manifest."""
        return self.root / "batches" / f"{batch}.json"

    def batch_files(self) -> list[Path]:
        """Returns the paths of all landed batches' manifests, by name."""
        return sorted((self.root / "batches").glob("*.json"))

    def batches(self, *, complain: Callable[[str], object] | None = None) -> list[Batch]:
        """Returns all landed batches, oldest first.

        Args:
            complain: receives the fault of a damaged manifest, whose batch is then left out.

        Raises:
            DamagedDataError: a manifest is damaged and `complain` is not given.
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
        """Returns the batch called `name`; `ConfigError` names the known ones if there is none."""
        file = self.batch_file(name)
        if not file.exists():
            known = ", ".join(file.stem for file in self.batch_files()) or "none yet"
            raise ConfigError(f"no batch '{name}' in {self.root}; landed batches: {known}")
        return Batch.read(file)

    def landed(self, shard: Shard) -> Path:
        """Returns the path of a shard's records as landing read them."""
        return self._shard_dir(self.root / "landed", shard) / "records.parquet"

    def quarantine(self, shard: Shard) -> Path:
        """Returns the path of the unusable rows of a shard, or of landing (`LANDING_SHARD`)."""
        return self._shard_dir(self.root / "quarantine", shard) / "quarantine.parquet"

    def raw_candidates(self, shard: Shard) -> Path:
        """Returns the path of a shard's validated candidates."""
        return self._shard_dir(self.root / "raw_candidates", shard) / "candidates.parquet"

    def prompts(self, judge: Judge, shard: Shard) -> Path:
        """Returns the path of a shard's rendered prompts."""
        return self._shard_dir(self.judged("prompts", judge), shard) / "prompts.parquet"

    def completions(self, judge: Judge, shard: Shard) -> Path:
        """Returns the path of the engine's answers for a shard."""
        return self._shard_dir(self.judged("completions", judge), shard) / "completions.parquet"

    def completion_parts(self, judge: Judge, shard: Shard) -> Path:
        """Returns the directory of the part files of a shard that is still running."""
        return self._shard_dir(self.judged(".work/completions", judge), shard)

    def evaluations(self, judge: Judge, shard: Shard) -> Path:
        """Returns the path of a shard's parsed, validated and scored answers."""
        return self._shard_dir(self.judged("evaluations", judge), shard) / "evaluations.parquet"

    def throughput(self, judge: Judge, shard: Shard) -> Path:
        """Returns the path of the measured speed of a shard's latest run."""
        return self._shard_dir(self.judged("throughput", judge), shard) / "throughput.parquet"

    def candidate_ranking(self, judge: Judge, batch: str) -> Path:
        """Returns the path of the ranked candidates of a batch."""
        return self.judged("candidate_ranking", judge) / f"batch={batch}" / "ranking.parquet"

    def throughput_report(self, judge: Judge, batch: str) -> Path:
        """Returns the path of the total cost of a batch."""
        return self.judged("throughput_report", judge) / f"batch={batch}" / "report.parquet"

    def label_metrics(self, judge: Judge, batch: str) -> Path:
        """Returns the path of how far a judge agrees with people on a batch."""
        return self.judged("label_metrics", judge) / f"batch={batch}" / "metrics.parquet"

    def verdict_log(self, judge: Judge, batch: str) -> Path:
        """Returns the directory of the log of a judge's verdicts on a batch."""
        return self.judged("verdict_log", judge) / f"batch={batch}"

    def bias_probe(self, judge: Judge, batch: str, version: str) -> Path:
        """Returns the path of the bias probe of a batch, by a version of the rubric."""
        return self.judged("bias_probe", judge) / f"batch={batch}" / f"{version}.parquet"

    def verdict_stability(self, judge: Judge, batch: str, version: str) -> Path:
        """Returns the path of the stability of a batch's verdicts, by a version of the rubric."""
        return self.judged("verdict_stability", judge) / f"batch={batch}" / f"{version}.parquet"

    def batch_report(self, judge: Judge, batch: str) -> Path:
        """Returns the path of the page about a batch."""
        return self.judged("reports", judge) / f"batch={batch}" / "report.html"

    def impact(self, judge: Judge, batch: str) -> Path:
        """Returns the path of how often people of each category of a batch are selected."""
        return self.judged("impact", judge) / f"batch={batch}" / "impact.parquet"

    def label_sample(self, batch: str, sample: str) -> Path:
        """Returns the path of a sample of a batch that was drawn to be labeled."""
        folder = self.root / "label_samples" / f"batch={batch}" / f"sample={sample}"
        return folder / "sample.parquet"

    def labels(self, batch: str) -> Path:
        """Returns the directory of the labels of a batch; each import adds a file."""
        return self.root / "labels" / f"batch={batch}"

    def decisions(self, batch: str) -> Path:
        """Returns the directory of what people decided of a batch; each import adds a file."""
        return self.root / "decisions" / f"batch={batch}"

    def calibrations(self, judge: Judge) -> Path:
        """Returns the directory of the calibrations of a judge: v0001.json and so on."""
        return self.judged("calibrations", judge)

    @property
    def benchmarks(self) -> Path:
        """Returns the directory of the benchmark runs; no answer in it is ever reused."""
        return self.root / "benchmarks"

    def engine_tuning(self, model: str, hardware: str, vllm: str) -> Path:
        """Returns the file of the engine settings that were tried for a model.

        Args:
            model: its short name.
            hardware: the GPU or processor.
            vllm: the version, with whose defaults the settings were compared.
        """
        place = re.sub(r"[^A-Za-z0-9.]+", "-", hardware).strip("-")
        folder = self.root / "engine_tuning" / f"model={model}" / f"hardware={place}"
        return folder / f"vllm={vllm}" / "trials.parquet"

    def judges(self, table: str, batch: str) -> list[Judge]:
        """Returns the judges with outputs for a batch in a table; the newest output comes last."""
        newest: dict[Judge, int] = {}
        for output in (self.root / table).glob(f"rubric=*/model=*/batch={batch}/*"):
            rubric, model = (part.partition("=")[2] for part in output.parts[-4:-2])
            judge, written = Judge(rubric, model), output.stat().st_mtime_ns
            newest[judge] = max(written, newest.get(judge, 0))
        return sorted(newest, key=lambda judge: newest[judge])

    def judged(self, table: str, judge: Judge) -> Path:
        """Returns the root of one judge's outputs in a table."""
        return self.root / table / f"rubric={judge.rubric}" / f"model={judge.model}"

    @staticmethod
    def _shard_dir(table: Path, shard: Shard) -> Path:
        return table / f"batch={shard.batch}" / f"shard={shard.name}"
