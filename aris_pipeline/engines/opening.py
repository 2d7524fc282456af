"""Chooses the engine of a run; the only place that knows all engines."""

import os

from aris_pipeline.engines.offline import VllmOffline
from aris_pipeline.engines.protocol import Engine
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import EngineError
from aris_pipeline.models.cards import ModelCard
from aris_pipeline.models.quantization import refuse_quantization


def open_engine(card: ModelCard, settings: EngineSettings) -> Engine:
    """Loads the model in the engine that the settings name.

    Raises:
        EngineError: the engine cannot start, or cannot be reached; the message has the remedy.
    """
    if settings.engine in {"offline", "serve", "ray"}:
        refuse_quantization(card)
    match settings.engine:
        case "offline":
            return VllmOffline(card, settings)
        case "serve":
            from aris_pipeline.engines.serve import VllmServe  # noqa: PLC0415 - as below

            return VllmServe(card, settings)
        case "ray":
            return open_ray(card, settings)
        case "remote":
            # The client takes most of a second to import, so only the commands that need it do.
            from aris_pipeline.engines.openai_server import OpenAiServer  # noqa: PLC0415

            return OpenAiServer.remote(card, settings)
        case "ollama":
            return open_ollama(card, settings)


def open_ray(card: ModelCard, settings: EngineSettings) -> Engine:
    """Loads replicas of a model with Ray Data LLM, which is an extra."""
    # Ray reads this at import. Without it, work that remains while Ray shuts down would start
    # another Ray.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    try:
        from aris_pipeline.engines.ray_data import VllmOnRay  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EngineError(
            f'Ray is not installed ({error.name}): run `pip install -e ".[ray]"`'
        ) from error
    return VllmOnRay(card, settings)


def open_ollama(card: ModelCard, settings: EngineSettings) -> Engine:
    """Opens a model of an Ollama server, whose client is an extra."""
    try:
        from aris_pipeline.engines.ollama import OllamaEngine  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EngineError(
            'the client of Ollama is not installed: run `pip install -e ".[ollama]"`'
        ) from error
    return OllamaEngine(card, settings)
