"""Refuses a quantized checkpoint that the installed vLLM cannot load, before anything is loaded."""

import contextlib
from importlib import metadata

from aris_pipeline.errors import ConfigError, EngineError
from aris_pipeline.models.cards import ModelCard
from aris_pipeline.models.configs import model_config
from aris_pipeline.models.devices import vllm_version

PLUGINS = {"bitsandbytes": "vllm-bnb-plugin", "gguf": "vllm-gguf-plugin"}
"""Quantizations that vLLM loads with a separate package since 0.28, and that package."""


def quantization_of(card: ModelCard) -> str | None:
    """Returns the quantization of a checkpoint's weights, by its card or its own config."""
    if card.quantization:
        return card.quantization
    with contextlib.suppress(ConfigError):
        config, _ = model_config(card)
        declared = config.get("quantization_config")
        if isinstance(declared, dict) and declared.get("quant_method"):
            return str(declared["quant_method"])
    return None


def refuse_quantization(card: ModelCard) -> None:
    """Refuses a model whose weights need a package that is not installed.

    Raises:
        EngineError: the message names the package.
    """
    plugin = PLUGINS.get(quantization_of(card) or "")
    if plugin and not _is_installed(plugin):
        raise EngineError(
            f"model {card.name} has {quantization_of(card)} weights, which vLLM {vllm_version()} "
            f"loads by a plugin that is not installed: run `pip install {plugin}`"
        )


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
