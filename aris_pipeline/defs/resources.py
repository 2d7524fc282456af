"""The resources: where data lives, how candidates are judged and by what engine, and thresholds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, Field

from aris_pipeline.completions import ProgressReporter
from aris_pipeline.engines import Engine, EngineSession, EngineSettings, open_engine
from aris_pipeline.judging import JudgingSettings, Profile
from aris_pipeline.models import EngineKind, ModelCard
from aris_pipeline.prompts import PromptSettings
from aris_pipeline.quality import Thresholds
from aris_pipeline.storage import DataStore


class StoreResource(dg.ConfigurableResource[DataStore]):
    """Where all inputs and outputs live."""

    data_dir: str = Field(
        description="root of the data tree (ARIS_DATA_DIR): a directory, or s3://bucket/prefix"
    )

    def store(self) -> DataStore:
        """Returns the paths of every table."""
        return DataStore.at(self.data_dir)


class JudgingResource(dg.ConfigurableResource[JudgingSettings]):
    """How candidates are judged; every field can be set for a single run in the launchpad."""

    rubric: str | None = Field(default=None, description="rubric id; by default aris-swe-v1")
    rubrics_dir: str | None = Field(default=None, description="directory with rubrics of your own")
    profile: Profile = Field(
        default="default", description="history: the settings of the earlier stack"
    )
    redact: bool = Field(default=True, description="keep names and contact data out of the prompt")
    temperature: float | None = Field(default=None, description="of sampling; 0 by default")
    top_p: float = 1.0
    seed: int | None = Field(default=42, description="of sampling, where the temperature is not 0")
    use_example: bool = Field(default=False, description="show the rubric's worked example")
    shorten: bool = Field(
        default=False, description="cut OpenAI rows that are too long; by default they are refused"
    )
    max_tokens: int | None = Field(
        default=None, description="limit of an answer; the rubric's by default"
    )
    triage: float | None = Field(
        default=None,
        description="answers only for this share of the rows, by their score; all by default",
    )
    engine: EngineKind = Field(
        default="offline", description="offline, serve, ray, remote (OpenAI-compatible) or ollama"
    )
    replicas: int = Field(default=1, description="copies of the model, of the engine ray")
    ray_address: str | None = Field(
        default=None, description="cluster of the engine ray; by default it starts on this machine"
    )
    server_url: str | None = Field(default=None, description="of `remote` and `ollama`")
    model: str | None = Field(default=None, description="name, alias, Hugging Face id or directory")
    max_model_len: int | None = Field(
        default=None, description="context; 8192 on a GPU, 2048 on a CPU"
    )
    gpu_memory_utilization: float = 0.90
    tensor_parallel_size: int = 1
    max_requests_in_flight: int | None = None
    max_num_seqs: int | None = Field(default=None, description="rows in one step of vLLM")
    max_num_batched_tokens: int | None = Field(
        default=None, description="tokens in one step of vLLM"
    )
    kv_cache_dtype: str = "auto"
    quantization: str | None = Field(
        default=None, description="fp8, of the weights as they are loaded"
    )
    tuned: bool = Field(
        default=True, description="use the engine settings that tuning found for this hardware"
    )
    stall_timeout_s: float = Field(
        default=300.0, description="seconds without a token after which an engine counts as hung"
    )
    max_restarts: int = Field(
        default=3, description="engines in a row that may die without finishing a row"
    )

    def settings(self) -> JudgingSettings:
        """Returns the settings, checked."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return JudgingSettings(
            rubric=self.rubric,
            rubrics_dir=Path(self.rubrics_dir) if self.rubrics_dir else None,
            profile=self.profile,
            triage=self.triage,
            tuned=self.tuned,
            prompt=PromptSettings(**_only(PromptSettings, values)),
            engine=EngineSettings(**_only(EngineSettings, values)),
        )


def _only(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """The values that belong to a room's settings and were set."""
    return {
        name: value
        for name, value in values.items()
        if name in model.model_fields and value is not None
    }


class EngineResource(dg.ConfigurableResource[EngineSession]):
    """Holds the inference engine of a step: loaded on first use, closed when the step ends."""

    progress_bar: bool = Field(
        default=False, description="draw a bar on stderr (the command line does)"
    )

    @contextmanager
    def session(
        self, card: ModelCard, settings: EngineSettings, reporter: ProgressReporter
    ) -> Iterator[EngineSession]:
        """Yields the session of one step, whose loads are reported.

        Opened inside the step, not in `setup_for_execution`: a cancelled run skips the teardown of
        resources that are still being set up.
        """
        session = EngineSession(
            lambda: self.open_engine(card, settings),
            gpus=settings.gpus,
            on_this_machine=settings.on_this_machine,
            max_restarts=settings.max_restarts,
            while_loading=partial(reporter.loading, card.name),
        )
        with session:
            yield session

    def open_engine(self, card: ModelCard, settings: EngineSettings) -> Engine:
        """Loads the model; tests put their own engine here."""
        return open_engine(card, settings)

    def reporter(self, log: Callable[[str], None]) -> ProgressReporter:
        """Returns what reports how far the step is."""
        return ProgressReporter(log, bar=self.progress_bar)


class ThresholdsResource(Thresholds, dg.ConfigurableResource[Thresholds]):
    """Where a check fails, and the price of the machine; can be set for a run in the launchpad."""
