"""Settings of a benchmark in a YAML file: the one that is shipped, or one of the user's own."""

from importlib import resources
from pathlib import Path
from typing import ClassVar, Self

import yaml
from pydantic import BaseModel, ValidationError

from aris_pipeline.errors import ConfigError


class Declared(BaseModel, frozen=True, extra="forbid"):
    """What a YAML file declares."""

    what: ClassVar[str]
    shipped: ClassVar[str]

    @classmethod
    def load(cls, file: Path | None = None) -> Self:
        """Reads `file`, or what is shipped; `ConfigError` names the file and field at fault."""
        found = file or resources.files("aris_pipeline.benchmarks").joinpath(cls.shipped)
        try:
            return cls.model_validate(yaml.safe_load(found.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
            raise ConfigError(f"{cls.what} {file or cls.shipped}: {error}") from error
