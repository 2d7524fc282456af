"""The shape that GPU figures are measured with."""

import json
from pathlib import Path

import pytest

from aris_pipeline.models import find_model, load_tokenizer
from aris_pipeline.prompts import load_rubric
from aris_pipeline_tests.gpu.shape import VOCABULARY, write_shape


def test_a_run_finds_all_that_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shape(tmp_path, tokens=152, tiny=True)
    monkeypatch.setenv("ARIS_MODELS", str(tmp_path / "models.yaml"))

    card = find_model("gemma-shape")

    assert card.load_format == "dummy"
    assert len(load_tokenizer(card)) == VOCABULARY
    config = json.loads((Path(card.model_id) / "config.json").read_text())
    assert config["layer_types"] == ["sliding_attention", "sliding_attention"]
    assert load_rubric("long", tmp_path).reason_chars == 1000
    (plugin,) = (tmp_path / "plugin").glob("*/entry_points.txt")
    assert "aris_pipeline_tests.gpu.reasons_end:end_reasons" in plugin.read_text()
    assert "ARIS_TEST_END=0.0500" in (tmp_path / "env.sh").read_text()
