"""The resources: where data lives, how candidates are judged and by what engine, and thresholds."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import dagster as dg
from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from aris_pipeline.completions import ProgressReporter
from aris_pipeline.engines import Engine, EngineSession, EngineSettings, open_engine
from aris_pipeline.judging import JudgingSettings
from aris_pipeline.models import ModelCard
from aris_pipeline.quality import Thresholds
from aris_pipeline.settings import judging_fields, judging_settings, type_of
from aris_pipeline.storage import DataStore


def _of_launchpad(field: FieldInfo) -> Any:
    """Returns the type of a setting in the launchpad, which has no choices and no paths."""
    kind = type_of(field)
    return (kind if kind in {bool, int, float} else str) | None


def _unset(field: FieldInfo) -> Any:
    """Returns a field that is not set, and says what holds then."""
    default = "" if field.default is None else f"; {field.default} by default"
    return Field(default=None, description=f"{field.description}{default}")


class StoreResource(dg.ConfigurableResource[DataStore]):
    """Where all inputs and outputs live."""

    data_dir: str | None = Field(
        default=None,
        description="root of the data tree: a directory, or s3://bucket/prefix; data by default",
    )

    def store(self) -> DataStore:
        """Returns the paths of every table."""
        return DataStore.at(self.data_dir or os.environ.get("ARIS_DATA_DIR") or "data")


_FIELDS: dict[str, Any] = {
    name: (_of_launchpad(field), _unset(field)) for name, field in judging_fields().items()
}
_JudgingFields = create_model(
    "_JudgingFields", __base__=dg.ConfigurableResource[JudgingSettings], **_FIELDS
)


class JudgingResource(_JudgingFields):
    """How candidates are judged; every field can be set for a single run in the launchpad."""

    def settings(self) -> JudgingSettings:
        """Returns the settings, checked; a variable holds for a field that is not set."""
        given = {name: getattr(self, name) for name in judging_fields()}
        return judging_settings(given, os.environ)


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


@dg.definitions
def location() -> dg.Definitions:
    """Returns what all definitions of this folder share."""
    return dg.Definitions(
        # A run of any assets may hold the engine, which is loaded once for all shards, in the
        # process that the run's tags name. Jobs that never need it name Dagster's usual executor.
        executor=dg.in_process_executor,
        resources={
            "store": StoreResource(),
            "judging": JudgingResource(),
            "engine": EngineResource(),
            "thresholds": ThresholdsResource(),
        },
    )
