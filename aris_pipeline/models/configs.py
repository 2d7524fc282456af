"""Finds a model's config.json: in its directory, the Hugging Face cache, or what we ship.

Nothing is downloaded, and no weights are needed.
"""

import importlib.util
import json
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from aris_pipeline.errors import ConfigError
from aris_pipeline.models.cards import ModelCard
from aris_pipeline.models.embedded import prepared_model_dir
from aris_pipeline.models.shape import missing_numbers


def model_config(card: ModelCard) -> tuple[dict[str, Any], str]:
    """Returns the config of a model, and the place where it was found.

    Raises:
        ConfigError: the config is not on this machine; the message says how to get it.
    """
    if file := _on_this_machine(card):
        return read_config(file), str(file)
    shipped = yaml.safe_load(
        resources.files("aris_pipeline.models").joinpath("configs.yaml").read_text()
    )
    if card.model_id in shipped:
        return shipped[card.model_id], "the public config, as shipped with aris_pipeline"
    raise ConfigError(
        f"the config of {card.model_id} is not in the Hugging Face cache: get it with "
        f"`hf download {card.model_id} config.json`, or name a file with --config"
    )


def read_config(file: Path) -> dict[str, Any]:
    """Reads a config.json and fills in the defaults of its class in transformers.

    Raises:
        ConfigError: the file cannot be read, or is not an object.
    """
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"config {file} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise ConfigError(f"config {file} holds no JSON object")
    if not missing_numbers(config) or importlib.util.find_spec("transformers") is None:
        return config
    from transformers import AutoConfig  # noqa: PLC0415 - comes with vllm, an extra

    own = {name: value for name, value in config.items() if name != "model_type"}
    try:
        filled = AutoConfig.for_model(str(config.get("model_type")), **own).to_dict()
    except (ValueError, TypeError) as error:
        raise ConfigError(f"config {file}: transformers does not know it: {error}") from error
    return dict(filled)


def _on_this_machine(card: ModelCard) -> Path | None:
    if card.embedded:
        found = prepared_model_dir() / "config.json"
    elif Path(card.model_id).is_dir():
        return Path(card.model_id) / "config.json"
    else:
        if importlib.util.find_spec("huggingface_hub") is None:
            return None
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - comes with vllm

        cached = try_to_load_from_cache(card.model_id, "config.json", revision=card.revision)
        found = Path(cached) if isinstance(cached, str) else Path()
    return found if found.is_file() else None
