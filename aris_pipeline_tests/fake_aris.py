"""The command `aris` with the fake engine: what system tests start, interrupt and kill.

`FAKE_SECONDS_PER_ROW` slows it down enough to be hit half-way.
"""

import os

from aris_pipeline import cli
from aris_pipeline.defs import resources
from aris_pipeline.engines import EngineSettings, ModelCard
from aris_pipeline_tests.fake_engine import FakeEngine


def _open(_card: ModelCard, _settings: EngineSettings) -> FakeEngine:
    return FakeEngine(seconds_per_row=float(os.environ.get("FAKE_SECONDS_PER_ROW", "0")))


if __name__ == "__main__":
    setattr(resources, "VllmOffline", _open)  # noqa: B010 - a class stands there
    cli.main()
