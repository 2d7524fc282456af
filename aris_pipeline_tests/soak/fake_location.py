"""The code location with an engine of our own, for a Dagster webserver and daemon."""

from aris_pipeline.defs.build import build_definitions
from aris_pipeline.defs.resources import EngineResource
from aris_pipeline.engines import Engine, EngineSettings
from aris_pipeline.models import ModelCard
from aris_pipeline_tests.fake_aris import open_engine


class _EngineOfTheEnvironment(EngineResource):
    def open_engine(self, card: ModelCard, settings: EngineSettings) -> Engine:
        return open_engine(card, settings)


defs = build_definitions(engine=_EngineOfTheEnvironment())
