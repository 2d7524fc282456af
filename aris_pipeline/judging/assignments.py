"""Decides who judges a batch and how; the only place that combines settings, rubric and model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import polars as pl
from pydantic import BaseModel, Field

from aris_pipeline.completions import UNDECIDED_BAND, Keep, Kept, Report, Triaged, triage_shards
from aris_pipeline.engines import EngineSession, EngineSettings
from aris_pipeline.errors import ConfigError
from aris_pipeline.judging.engine_profile import EngineProfile
from aris_pipeline.labels import Promise, promised_cut
from aris_pipeline.models import (
    DataType,
    EngineIdentity,
    ModelCard,
    find_model,
    gpu_count,
    load_tokenizer,
)
from aris_pipeline.prompts import (
    DEFAULT_RUBRIC,
    OPENAI,
    PromptCounts,
    PromptSettings,
    Rendering,
    Rubric,
    load_rubric,
    render_shard,
    shard_prompts,
    shorten_prompt,
)
from aris_pipeline.scoring import Scoring, build_score_plan, calibration_prompt, scores
from aris_pipeline.storage import Batch, DataStore, Judge, Shard

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_MODELS_SHOWN = 10

Profile = Literal["default", "history"]
_Settings = TypeVar("_Settings", bound=BaseModel)


class JudgingSettings(BaseModel, frozen=True):
    """All that a user can choose about how candidates are judged."""

    rubric: str | None = Field(default=None, description=f"rubric id; {DEFAULT_RUBRIC} by default")
    rubrics_dir: Path | None = Field(default=None, description="directory with rubrics of your own")
    profile: Profile = Field(
        default="default", description="history repeats the settings of the earlier stack"
    )
    triage: float | None = Field(
        default=None, gt=0, lt=1, description="share of the rows that get an answer; all by default"
    )
    triage_recall: float | None = Field(
        default=None,
        ge=0.01,
        lt=1,
        description="instead of a share: answer so many rows that this share of all whom people "
        "would advance is among them, by their labels",
    )
    triage_band: float = Field(
        default=UNDECIDED_BAND,
        ge=0,
        description="points of score below the last row of the share that are undecided, and "
        "answered; `aris audit stability` suggests a value",
    )
    triage_confidence: float = Field(
        default=0.9, ge=0.5, lt=1, description="probability with which that recall is kept"
    )
    tuned: bool = Field(
        default=True, description="use the engine settings that tuning found for this hardware"
    )
    prompt: PromptSettings = PromptSettings()
    engine: EngineSettings = EngineSettings()

    def with_profile(self) -> "JudgingSettings":
        """Returns the settings with the settings profile's values in place of unset ones.

        `history` repeats the settings of the earlier stack, for comparison.
        """
        if self.profile == "default":
            return self
        prompt = _filled(self.prompt, temperature=0.7, max_tokens=2000)
        engine = _filled(self.engine, max_model_len=4096, gpu_memory_utilization=0.90)
        return self.model_copy(update={"prompt": prompt, "engine": engine, "profile": "default"})

    def assign(self, batch: Batch, store: DataStore | None = None) -> "Assignment":
        """Chooses rubric, model and engine settings for a batch.

        Args:
            batch: the batch to judge.
            store: the store whose tuning is used; without it, only the given engine settings are
                used.

        Raises:
            ConfigError: the rubric or model does not exist, or the file asks for several models and
                the settings choose none of them.
        """
        settings = self.with_profile()
        default = OPENAI if batch.format == "openai" else DEFAULT_RUBRIC
        rubric_id = settings.rubric or default
        rubric = None
        if rubric_id != OPENAI:
            rubric = load_rubric(rubric_id, settings.rubrics_dir)
        elif batch.format != "openai":
            raise ConfigError(f"batch {batch.name} holds profiles, not requests: it needs a rubric")
        chosen = settings.engine.model
        card = find_model(chosen) if chosen else find_model(_model_of_file(batch), listed=True)
        profile = EngineProfile.find(store, card) if store and settings.tuned else None
        if profile:
            engine = profile.applied(settings.engine)
            settings = settings.model_copy(update={"engine": engine})
        card = card.quantized(settings.engine.quantization)
        if not settings.engine.on_this_machine:
            card = card.elsewhere()
        judge = Judge(rubric_id, card.name)
        return Assignment(settings, judge, rubric, card, batch.as_of, profile)


def _filled(settings: _Settings, **values: Any) -> _Settings:
    """Returns the settings with values for all that are unset."""
    unset = {
        name: value
        for name, value in values.items()
        if name not in settings.model_fields_set or getattr(settings, name) is None
    }
    return settings.model_copy(update=unset)


def _model_of_file(batch: Batch) -> str | None:
    """Returns the model that an OpenAI file asks for; the default on a machine without a GPU."""
    if not batch.requested_models or gpu_count() == 0:
        return None
    if len(batch.requested_models) > 1:
        raise ConfigError(
            f"{batch.source_file} asks for {', '.join(batch.requested_models[:_MODELS_SHOWN])}: "
            "choose one for all its rows with --model"
        )
    return batch.requested_models[0]


@dataclass(frozen=True)
class Assignment:
    """The judge of a batch, with what the stages need from it."""

    settings: JudgingSettings
    judge: Judge
    rubric: Rubric | None
    card: ModelCard
    as_of: date
    profile: EngineProfile | None = None

    @cached_property
    def identity(self) -> EngineIdentity:
        """Returns what determines an answer besides the prompt."""
        engine = self.settings.engine
        return self.card.identity(
            engine.kv_cache_dtype, engine.engine, batch_invariant=engine.batch_invariant
        )

    @property
    def data_type(self) -> DataType | None:
        """Returns the data type of the model's arithmetic, and why; None if its server decides."""
        engine = self.settings.engine
        return None if engine.engine in {"remote", "ollama"} else self.card.data_type()

    @cached_property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """Returns the model's tokenizer."""
        return load_tokenizer(self.card)

    @cached_property
    def scoring(self) -> Scoring | None:
        """Returns how the verdict's probabilities are read; None without a rubric."""
        if self.judge.rubric == OPENAI or self.rubric is None:
            return None
        return Scoring(
            build_score_plan(self.rubric, self.tokenizer),
            calibration_prompt(self.rubric, self.tokenizer, self.settings.prompt),
        )

    def with_rubric(self, rubric: Rubric) -> "Assignment":
        """Returns an assignment by another rubric that shares the loaded tokenizer."""
        other = replace(self, rubric=rubric)
        vars(other)["tokenizer"] = self.tokenizer  # where the cached property keeps it
        return other

    def shorten(self, prompt: Mapping[str, Any], limit: int) -> list[int] | None:
        """Cuts a prompt that the engine refuses as too long to `limit` tokens, if possible."""
        return shorten_prompt(prompt, limit, self.tokenizer)

    def check_labels(self, store: DataStore, batch: Batch) -> None:
        """Does nothing if people's labels allow what the triage of a batch promises, if it does.

        Raises:
            TooFewLabelsError: they do not; a run would end before it answers anything.
        """
        if self.settings.triage_recall is not None and self.rubric is not None:
            self._keep(store, [batch.name], self.rubric.digest)

    def triaged(
        self,
        store: DataStore,
        shards: list[Shard],
        session: EngineSession,
        *,
        run_id: str,
        report: Report,
    ) -> Triaged | None:
        """Scores all rows and chooses those to be answered, if the settings ask for triage.

        Raises:
            ConfigError: there is no rubric, so there are no verdicts to score.
            TooFewLabelsError: people's labels do not allow the recall that the settings promise.
        """
        if self.settings.triage is None and self.settings.triage_recall is None:
            return None
        if self.scoring is None or self.rubric is None:
            raise ConfigError("--triage and --triage-recall need a rubric: name one by --rubric")
        return triage_shards(
            *(store, self.judge, shards, session),
            keep=self._keep(store, {shard.batch for shard in shards}, self.rubric.digest),
            scores=lambda options, calibration: scores(options, calibration).score,
            scoring=self.scoring,
            shorten=self.shorten,
            run_id=run_id,
            report=report,
        )

    def _keep(self, store: DataStore, batches: Iterable[str], rubric_digest: str) -> Keep:
        """Returns which rows triage keeps: a share, or what keeps a recall by people's labels.

        Raises:
            TooFewLabelsError: the labels do not allow the recall; seen before anything is scored.
        """
        share, recall = self.settings.triage, self.settings.triage_recall
        if recall is None:
            return lambda _batch, _scored: Kept(share or 0.0, band=self.settings.triage_band)
        promise = Promise(recall, self.settings.triage_confidence)
        cut_of = partial(promised_cut, store, self.judge, rubric_digest, promise)
        for batch in batches:
            cut_of(batch=batch)
        return lambda batch, scored: Kept.from_cut(
            scored, cut_of(batch=batch, scores=scored["score"]).cut
        )

    @property
    def rendering(self) -> Rendering:
        """Returns how this judge's prompts are rendered."""
        return Rendering(
            rubric=self.rubric,
            tokenizer=self.tokenizer,
            identity=self.identity,
            settings=self.settings.prompt,
            max_model_len=self.settings.engine.context(
                on_gpu=gpu_count() > 0, of_model=self.card.max_model_len
            ),
            as_of=self.as_of,
        )

    def render(self, store: DataStore, shard: Shard) -> PromptCounts:
        """Writes the prompts of a shard."""
        return render_shard(store, self.judge, shard, self.rendering)

    def prompts(self, store: DataStore, shard: Shard) -> pl.DataFrame:
        """Returns the prompts that `render` would write, without writing them."""
        return shard_prompts(store, self.judge, shard, self.rendering)


class Assignments:
    """The assignments of a run's batches; each is made once."""

    def __init__(self, store: DataStore, settings: JudgingSettings) -> None:
        self._store, self._settings = store, settings
        self._made: dict[str, Assignment] = {}

    def of(self, shard: Shard) -> Assignment:
        """Returns the assignment of the shard's batch."""
        if shard.batch not in self._made:
            batch = self._store.batch(shard.batch)
            self._made[shard.batch] = self._settings.assign(batch, self._store)
        return self._made[shard.batch]

    def by_judge(self, shards: list[Shard]) -> list[tuple[Assignment, list[Shard]]]:
        """Returns the shards of each judge, in order, with an assignment that applies to them."""
        found: dict[Judge, tuple[Assignment, list[Shard]]] = {}
        for shard in shards:
            assignment = self.of(shard)
            found.setdefault(assignment.judge, (assignment, []))[1].append(shard)
        return list(found.values())

    def of_one_model(self, shards: list[Shard]) -> Assignment:
        """Returns an assignment with the single model of all these shards, and its engine settings.

        Raises:
            ConfigError: the shards need several models.
        """
        models = {found.card.name: found for found in map(self.of, shards)}
        if len(models) > 1:
            raise ConfigError(
                f"these shards ask for several models ({', '.join(sorted(models))}): "
                "run them batch by batch, or choose one model for all"
            )
        return next(iter(models.values()))
