"""Which engine a run gets: the one place that knows all of them."""

from aris_pipeline.engines.models import ModelCard
from aris_pipeline.engines.offline import VllmOffline
from aris_pipeline.engines.protocol import Engine
from aris_pipeline.engines.settings import EngineSettings


def open_engine(card: ModelCard, settings: EngineSettings) -> Engine:
    """Loads the model in the engine that the settings name.

    Raises:
        EngineError: the engine cannot start, or cannot be reached; the message says the way out.
    """
    return VllmOffline(card, settings)
