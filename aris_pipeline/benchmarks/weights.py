"""What a decision weighs, and what is declared about engines; read from YAML."""

from importlib import resources
from pathlib import Path
from typing import Literal, Self, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from aris_pipeline.errors import ConfigError
from aris_pipeline.models import EngineKind

Measure = Literal["throughput", "total_time", "quality", "flexibility"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


class _Declared(BaseModel, frozen=True, extra="forbid"):
    score: float = Field(ge=0, le=1)
    reason: str


class DecisionSettings(BaseModel, frozen=True, extra="forbid"):
    """What is weighed, and what is declared about engines."""

    weights: dict[Measure, float]
    flexibility: dict[EngineKind, _Declared]

    @model_validator(mode="after")
    def _weights_are_usable(self) -> Self:
        if set(self.weights) != set(MEASURES):
            raise ValueError(f"weights must name {', '.join(MEASURES)}")
        if min(self.weights.values()) < 0 or sum(self.weights.values()) <= 0:
            raise ValueError("weights must not be negative, and not all be 0")
        return self

    @property
    def shares(self) -> dict[Measure, float]:
        """The weights, as shares of their sum."""
        total = sum(self.weights.values())
        return {measure: self.weights[measure] / total for measure in MEASURES}

    @classmethod
    def load(cls, file: Path | None = None) -> Self:
        """Reads the settings; `ConfigError` names the file and field at fault.

        Args:
            file: of the user; the shipped one by default.
        """
        try:
            if file is None:
                shipped = resources.files("aris_pipeline.benchmarks").joinpath("decision.yaml")
                text = shipped.read_text(encoding="utf-8")
            else:
                text = file.read_text(encoding="utf-8")
            return cls.model_validate(yaml.safe_load(text))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
            raise ConfigError(f"decision settings {file or 'decision.yaml'}: {error}") from error
