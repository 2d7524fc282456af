"""Which engine a run gets: the one place that knows all of them."""

from aris_pipeline.engines.models import ModelCard
from aris_pipeline.engines.offline import VllmOffline
from aris_pipeline.engines.protocol import Engine
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import ConfigError


def open_engine(card: ModelCard, settings: EngineSettings) -> Engine:
    """Loads the model in the engine that the settings name.

    Raises:
        EngineError: the engine cannot start, or cannot be reached; the message says the way out.
    """
    match settings.engine:
        case "offline":
            return VllmOffline(card, settings)
        case "serve":
            from aris_pipeline.engines.serve import VllmServe  # noqa: PLC0415 - as below

            return VllmServe(card, settings)
        case "remote":
            # The client takes most of a second to import, which no other command should pay.
            from aris_pipeline.engines.openai_server import OpenAiServer  # noqa: PLC0415

            return OpenAiServer.remote(card, settings)
        case "ollama":
            raise ConfigError("the engine ollama is not there yet: choose another with --engine")
