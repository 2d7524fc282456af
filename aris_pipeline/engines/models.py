"""The model table: short names and aliases to checkpoints, and each checkpoint's tokenizer."""

import difflib
import hashlib
import os
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml
from pydantic import BaseModel, Field, ValidationError

from aris_pipeline.engines.embedded import EMBEDDED_REVISION, embedded_model_dir
from aris_pipeline.engines.hardware import gpu_count
from aris_pipeline.engines.protocol import EngineIdentity
from aris_pipeline.engines.settings import EngineKind
from aris_pipeline.errors import ConfigError, EngineError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MODELS_FILE_VARIABLE = "ARIS_MODELS"
"""Names a YAML file of the same form whose models and defaults are looked at first."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class ModelCard(BaseModel, frozen=True, extra="forbid", protected_namespaces=()):
    """One checkpoint."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    aliases: tuple[str, ...] = ()
    model_id: str
    revision: str = "main"
    dtype: str = "bfloat16"
    quantization: str | None = None
    embedded: bool = Field(False, description="comes with a package and is prepared in the cache")
    load_format: str = Field("auto", description="dummy gives random weights, for speed tests only")

    def checkpoint(self) -> str:
        """Returns what vLLM and transformers load: a directory or a Hugging Face id."""
        return str(embedded_model_dir()) if self.embedded else self.model_id

    def identity(
        self, kv_cache_dtype: str = "auto", kind: EngineKind = "offline"
    ) -> EngineIdentity:
        """Returns the part of a request_key that depends on the model and the engine."""
        return EngineIdentity(
            kind="vllm" if kind == "offline" else kind,
            model_id=self.model_id,
            revision=self._resolved_revision(),
            dtype=self.dtype,
            quantization=self.quantization,
            kv_cache_dtype=kv_cache_dtype,
        )

    def _resolved_revision(self) -> str:
        """A branch such as main moves: the commit that the local cache holds is what answers."""
        if self.embedded:
            return EMBEDDED_REVISION
        if Path(self.model_id).is_dir():
            return _directory_digest(Path(self.model_id))
        try:
            from huggingface_hub import hf_hub_download  # noqa: PLC0415 - comes with vllm, an extra
        except ImportError as error:
            raise EngineError(INSTALL_HINT) from error
        try:
            config = hf_hub_download(self.model_id, "config.json", revision=self.revision)
        except OSError as error:
            raise EngineError(
                f"model {self.model_id} is neither in the Hugging Face cache nor can it be "
                f"downloaded ({error}); download it once with `hf download {self.model_id}`, "
                "or choose another with --model"
            ) from error
        return Path(config).parent.name


class ModelTable(BaseModel, frozen=True, extra="forbid"):
    """All known checkpoints."""

    models: tuple[ModelCard, ...]
    default_gpu: str | None = None
    default_cpu: str | None = None

    @classmethod
    def read(cls, text: str, source: str) -> Self:
        """Parses a table; `ConfigError` names the source and field at fault."""
        try:
            return cls.model_validate(yaml.safe_load(text))
        except (ValidationError, yaml.YAMLError) as error:
            raise ConfigError(f"model table {source}: {error}") from error


def find_model(name: str | None, *, listed: bool = False) -> ModelCard:
    """Finds a model by name, alias, Hugging Face id or directory.

    Args:
        name: None gives the default of this machine: one for GPUs, one for CPUs.
        listed: take only what a table has; a file of candidates must not make us load anything.

    Raises:
        ConfigError: nothing fits; the message suggests the nearest names.
    """
    tables = _tables()
    if name is None:
        on_gpu = gpu_count() > 0
        name = next(
            default
            for table in tables
            if (default := table.default_gpu if on_gpu else table.default_cpu)
        )
    cards = [card for table in tables for card in table.models]
    for card in cards:
        if name in {card.name, card.model_id, *card.aliases}:
            return card
    if not listed and Path(name).is_dir():
        return ModelCard(name=_short_name(Path(name).resolve().name), model_id=name)
    if not listed and _HUB_ID.fullmatch(name):
        return ModelCard(name=_short_name(name), model_id=name)
    if not listed and "/" in name:
        raise ConfigError(f"model '{name}' is neither a directory nor a Hugging Face id")
    known = sorted({known for card in cards for known in (card.name, *card.aliases)})
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    suggestion = f"did you mean {' or '.join(near)}? " if near else ""
    raise ConfigError(
        f"unknown model '{name}': {suggestion}Known models: {', '.join(known)}. "
        f"Add your own in a YAML file named by {MODELS_FILE_VARIABLE}."
    )


def known_models() -> list[str]:
    """Returns the names of all models of the tables, without aliases."""
    return list(dict.fromkeys(card.name for table in _tables() for card in table.models))


def _short_name(name: str) -> str:
    """What stands for a model in paths."""
    return re.sub(r"[^A-Za-z0-9._-]+", "--", name).lstrip("._-") or "model"


def _directory_digest(directory: Path) -> str:
    """Names a local checkpoint's state by its files' names, sizes and times, not by their bytes."""
    files = sorted(file for file in directory.iterdir() if file.is_file())
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return f"local-{hashlib.sha256(repr(states).encode()).hexdigest()[:16]}"


def load_tokenizer(card: ModelCard) -> "PreTrainedTokenizerBase":
    """Loads the checkpoint's own tokenizer with its chat template."""
    return _load_tokenizer(card.checkpoint(), card.revision)


@cache
def _load_tokenizer(checkpoint: str, revision: str) -> "PreTrainedTokenizerBase":
    try:
        from transformers import AutoTokenizer  # noqa: PLC0415 - comes with vllm, an extra
    except ImportError as error:
        raise EngineError(INSTALL_HINT) from error
    local = Path(checkpoint).is_dir()
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        checkpoint, revision=None if local else revision
    )
    return tokenizer


INSTALL_HINT = (
    "vLLM is not installed: run `make setup` for the CPU build, or on a GPU host "
    '`pip install -e ".[gpu]"`'
)


def _tables() -> list[ModelTable]:
    shipped = resources.files("aris_pipeline.engines").joinpath("models.yaml")
    tables = [ModelTable.read(shipped.read_text(), "models.yaml")]
    if own := os.environ.get(MODELS_FILE_VARIABLE):
        try:
            text = Path(own).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{MODELS_FILE_VARIABLE} names {own}: {error}") from error
        tables.insert(0, ModelTable.read(text, own))
    return tables
