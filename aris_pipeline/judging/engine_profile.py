"""Finds the engine settings that were measured as the fastest for a model on this hardware."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import polars as pl

from aris_pipeline.engines import EngineSettings
from aris_pipeline.errors import MissingDataError
from aris_pipeline.models import ModelCard, hardware_name, vllm_version
from aris_pipeline.storage import DataStore, EngineTuning, read_table

_ENGINES = ("offline", "serve", "ray")
"""Engines that load vLLM, and so can use its settings."""
_UNSET = (None, "auto")


@dataclass(frozen=True)
class EngineProfile:
    """The settings that `aris benchmark tune` chose for a model on this machine's hardware.

    Attributes:
        changes: settings by name, in place of the defaults; empty if these were the fastest.
        ratio: its rows per second, divided by those of the defaults.
        run_id: the id of the benchmark run that measured it.
    """

    changes: Mapping[str, Any]
    ratio: float
    run_id: str

    @classmethod
    def find(cls, store: DataStore, card: ModelCard) -> Self | None:
        """Returns the settings profile of a model for this hardware and vLLM; None if not tuned.

        Raises:
            DamagedDataError: the file of the trials is damaged.
        """
        path = store.engine_tuning(card.name, hardware_name(), vllm_version())
        try:
            trials = read_table(path, EngineTuning, hint="tune again, or remove the file")
        except MissingDataError:
            return None
        # Settings that were chosen for the speed of random weights say nothing about answers.
        chosen = trials.filter("chosen", model_id=card.model_id).filter(
            pl.col("random_weights") == (card.load_format == "dummy")
        )
        if chosen.is_empty():
            return None
        row = chosen.row(0, named=True)
        return cls(json.loads(row["settings"]), row["ratio"], row["run_id"])

    def applied(self, settings: EngineSettings) -> EngineSettings:
        """Returns the settings with those of this settings profile in place of unset ones."""
        if settings.engine not in _ENGINES:
            return settings
        unset = {
            name: value for name, value in self.changes.items() if getattr(settings, name) in _UNSET
        }
        return settings.model_copy(update=unset)

    def __str__(self) -> str:
        """Describes for people what is set and how much faster it is."""
        if not self.changes:
            return f"vLLM's defaults, the fastest in {self.run_id}"
        said = ", ".join(f"{name}={value}" for name, value in self.changes.items())
        return f"{said}: {self.ratio:.2f} times the defaults' rows per second in {self.run_id}"
