"""Reads the model table: short names and aliases of checkpoints, and their tokenizers."""

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator

from aris_pipeline.errors import ConfigError, EngineError
from aris_pipeline.models.data_type import DataType, cpu_data_type
from aris_pipeline.models.devices import gpu_count
from aris_pipeline.models.embedded import EMBEDDED_REVISION, embedded_model_dir
from aris_pipeline.models.identity import EngineIdentity, EngineKind
from aris_pipeline.models.threads import wait_shortly

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MODELS_FILE_VARIABLE = "ARIS_MODELS"
"""Names a YAML file of the same form, whose models and defaults come first."""

OWN_ENGINE_ARGS = frozenset({
    *("model", "revision", "dtype", "quantization", "load_format", "max_model_len"),
    *("tensor_parallel_size", "kv_cache_dtype", "gpu_memory_utilization", "enforce_eager"),
    *("disable_log_stats", "structured_outputs_config", "use_tqdm_on_load"),
})  # fmt: skip
"""Arguments of vLLM's engine that the pipeline sets by itself, from the card or the settings."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class ModelCard(BaseModel, frozen=True, extra="forbid", protected_namespaces=()):
    """A checkpoint."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    aliases: tuple[str, ...] = ()
    model_id: str
    revision: str = "main"
    ollama_tag: str | None = Field(None, description="what Ollama calls a quantized form of it")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] | None = Field(
        None, description="bfloat16 on a GPU and what a CPU computes fastest by default"
    )
    quantization: (
        Literal["bitsandbytes", "fp8", "awq", "gptq", "compressed-tensors", "gguf"] | None
    ) = None
    max_model_len: int | None = Field(None, ge=64, description="context where nothing else is set")
    engine_args: dict[str, Any] = Field(
        default_factory=dict, description="further arguments of vLLM's EngineArgs"
    )
    licence: str | None = None
    embedded: bool = Field(False, description="comes with a package and is prepared in the cache")
    load_format: str = Field("auto", description="dummy gives random weights, for speed tests only")

    @field_validator("engine_args")
    @classmethod
    def _not_set_elsewhere(cls, args: dict[str, Any]) -> dict[str, Any]:
        if ours := sorted(OWN_ENGINE_ARGS & args.keys()):
            raise ValueError(f"{', '.join(ours)}: set by a field of the model or an option of ours")
        return args

    def checkpoint(self) -> str:
        """Returns what vLLM and transformers load: a directory or a Hugging Face id."""
        return str(embedded_model_dir()) if self.embedded else self.model_id

    def quantized(self, how: Literal["fp8"] | None) -> Self:
        """Returns the same checkpoint with weights that are quantized while they are loaded."""
        return self.model_copy(update={"quantization": how}) if how else self

    def elsewhere(self) -> Self:
        """Returns the card for an engine on other machines, whose processors are unknown."""
        return self.model_copy(update={"dtype": self.dtype or "bfloat16"})

    def data_type(self, *, on_gpu: bool | None = None) -> DataType:
        """Returns the data type of what is not quantized: the card's own type, or the machine's.

        Args:
            on_gpu: whether a GPU loads the model; by default, whether this machine has one.
        """
        if self.dtype is not None:
            return DataType(self.dtype, "as stated")
        if gpu_count() > 0 if on_gpu is None else on_gpu:
            return DataType("bfloat16", "the default on a GPU")
        return cpu_data_type()

    def identity(
        self,
        kv_cache_dtype: str = "auto",
        kind: EngineKind = "offline",
        *,
        batch_invariant: bool = False,
    ) -> EngineIdentity:
        """Returns the part of a request_key that depends on the model and the engine."""
        by_ollama = kind == "ollama"
        return EngineIdentity(
            # A replica runs the same engine as this process, elsewhere: each can answer for the
            # other.
            kind="vllm" if kind in {"offline", "ray"} else kind,
            model_id=self.model_id,
            revision=self._resolved_revision() + self._digest_of_args(),
            # Ollama answers with its own weights; the checkpoint gives template and tokenizer.
            dtype="gguf" if by_ollama else self.data_type().name,
            quantization=f"ollama {self.served_tag()}" if by_ollama else self.quantization,
            kv_cache_dtype=kv_cache_dtype,
            batch_invariant=batch_invariant,
        )

    def served_tag(self) -> str:
        """Returns the Ollama tag.

        Raises:
            ConfigError: there is no tag, or its model runs on ollama.com.
        """
        if self.ollama_tag is None:
            raise ConfigError(
                f"model '{self.name}' has no ollama_tag: add one in a YAML file named by "
                f"{MODELS_FILE_VARIABLE}, or choose another engine"
            )
        if self.ollama_tag.endswith("cloud"):
            raise ConfigError(
                f"{self.ollama_tag} runs on ollama.com: candidates would leave this machine"
            )
        return self.ollama_tag

    def _digest_of_args(self) -> str:
        """Returns a digest of the arguments, which are part of the model's state."""
        if not self.engine_args:
            return ""
        text = json.dumps(self.engine_args, sort_keys=True, default=str)
        return f"+args-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def _resolved_revision(self) -> str:
        """Returns the commit in the local cache, because a branch such as main moves."""
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
        """Parses a table; `ConfigError` names the source and the field at fault."""
        try:
            return cls.model_validate(yaml.safe_load(text))
        except (ValidationError, yaml.YAMLError) as error:
            raise ConfigError(f"model table {source}: {error}") from error


def find_model(name: str | None, *, listed: bool = False, on_gpu: bool | None = None) -> ModelCard:
    """Finds a model by name, alias, Hugging Face id or directory.

    Args:
        name: None gives the default: one for GPUs, one for CPUs.
        listed: accept only models of a table; a file of candidates must not make us load others.
        on_gpu: which default; this machine's if None.

    Raises:
        ConfigError: no model fits; the message suggests the nearest names.
    """
    tables = _tables()
    if name is None:
        on_gpu = gpu_count() > 0 if on_gpu is None else on_gpu
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
    raise ConfigError(
        f"unknown model '{name}': {did_you_mean(name, known)}Known models: {', '.join(known)}. "
        f"Add your own in a YAML file named by {MODELS_FILE_VARIABLE}."
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns a question with the names nearest to an unknown one; empty if none is near."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.4)
    return f"did you mean {' or '.join(near)}? " if near else ""


def known_models() -> list[str]:
    """Returns the names of all models of the tables, without aliases."""
    return list(dict.fromkeys(card.name for table in _tables() for card in table.models))


def _short_name(name: str) -> str:
    """Returns the name of a model in paths."""
    return re.sub(r"[^A-Za-z0-9._-]+", "--", name).lstrip("._-") or "model"


def _directory_digest(directory: Path) -> str:
    """Names a local checkpoint's state by names, sizes and times of its files, not their bytes."""
    files = sorted(file for file in directory.iterdir() if file.is_file())
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return f"local-{hashlib.sha256(repr(states).encode()).hexdigest()[:16]}"


def load_tokenizer(card: ModelCard) -> "PreTrainedTokenizerBase":
    """Loads the checkpoint's own tokenizer with its chat template."""
    return _load_tokenizer(card.checkpoint(), card.revision, embedded=card.embedded)


@cache
def _load_tokenizer(checkpoint: str, revision: str, *, embedded: bool) -> "PreTrainedTokenizerBase":
    # AutoTokenizer loads PyTorch, often before the engine does.
    wait_shortly()
    try:
        import transformers  # noqa: PLC0415 - comes with vllm, an extra

        # For the embedded model, AutoTokenizer takes this class too, after seconds of imports.
        kind = transformers.PreTrainedTokenizerFast if embedded else transformers.AutoTokenizer
    except ImportError as error:
        raise EngineError(INSTALL_HINT) from error
    local = Path(checkpoint).is_dir()
    try:
        tokenizer: PreTrainedTokenizerBase = kind.from_pretrained(
            checkpoint, revision=None if local else revision
        )
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the tokenizer of {checkpoint} cannot be loaded: name a directory that holds the"
            f" checkpoint by --model or {MODELS_FILE_VARIABLE} where Hugging Face is out of reach"
            f" ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error
    return tokenizer


INSTALL_HINT = (
    "vLLM is not installed: run `make setup` for the CPU build, or on a GPU host "
    '`pip install -e ".[gpu]"`'
)


def _tables() -> list[ModelTable]:
    shipped = resources.files("aris_pipeline.models").joinpath("models.yaml")
    tables = [ModelTable.read(shipped.read_text(), "models.yaml")]
    if own := os.environ.get(MODELS_FILE_VARIABLE):
        try:
            text = Path(own).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{MODELS_FILE_VARIABLE} names {own}: {error}") from error
        tables.insert(0, ModelTable.read(text, own))
    return tables
