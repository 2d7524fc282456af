"""The start of a run as a process of its own, with the tests' engine."""

from pathlib import Path

import pytest

from aris_pipeline.benchmarks import cold_start
from aris_pipeline.candidates import write_synthetic

pytestmark = pytest.mark.system


def test_the_steps_before_the_first_request_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "candidates.json"
    write_synthetic(2, 7, "aris", file)

    steps = cold_start.measure(file, tmp_path / "data", program="aris_pipeline_tests.fake_aris")

    assert [step.whose for step in steps].count("the engine's") == 1
    assert [step.step for step in steps[:2]] == ["Python and imports", "landing"]
    assert sum(step.seconds for step in steps) > 0
