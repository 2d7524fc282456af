"""A benchmark of real vLLM: our ways into it, and its own."""

import json
from pathlib import Path

import pytest

from aris_pipeline.benchmarks import (
    Contest,
    FileSource,
    Grid,
    History,
    Plan,
    ShapeSource,
    Tuning,
    run_contest,
    tune,
)
from aris_pipeline.candidates import write_synthetic
from aris_pipeline.engines import EngineSettings
from aris_pipeline.judging import EngineProfile, JudgingSettings
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.tiny_model import TinyModel

pytestmark = pytest.mark.engine


def test_our_stage_and_bare_vllm_are_measured_on_one_loaded_model(
    store: DataStore, tiny: TinyModel, tmp_path: Path
) -> None:
    file = tmp_path / "candidates.json"
    write_synthetic(2, 7, "aris", file)
    contest = Contest(
        contestants=("stage", "offline", "llm-generate"),
        cards=[tiny.card],
        source=FileSource(file, None, JudgingSettings()),
        settings=EngineSettings(),
        plan=Plan("compare", blocks=1, warm_up_rows=1),
    )

    runs = run_contest(store, contest)

    assert runs["status"].to_list() == ["measured"] * 3
    assert set(runs["prefix_cache"]) == {"emptied"}
    assert runs["load_s"].n_unique() == 1, "the arms share one loaded model"
    assert runs["prompt_tokens"].n_unique() == 1
    assert set(runs["rows_ok"]) == {2}
    # Greedy answers may still differ: which rows share a step depends on the moment, and rounding
    # on the step.
    answers = History(store.benchmarks).answers()
    assert set(answers.filter(measure="agreement")["against"]) <= set(runs["arm"])


def test_run_batch_is_asked_the_same_tokens_and_fixed_lengths_are_kept(
    store: DataStore, tiny: TinyModel
) -> None:
    contest = Contest(
        contestants=("offline", "run-batch"),
        cards=[tiny.card.model_copy(update={"load_format": "dummy"})],
        source=ShapeSource(rows=4, prompt_tokens=60, shared_tokens=20, output_tokens=8, seed=1),
        settings=EngineSettings(),
        plan=Plan("compare", blocks=1, warm_up_rows=1),
    )

    runs = run_contest(store, contest)

    assert set(runs["status"]) == {"measured"}, runs["reason"].to_list()
    assert set(runs["prompt_tokens"]) == {240}
    assert set(runs["output_tokens"]) == {32}
    assert set(runs["rows_valid"]) == {4}
    assert runs["random_weights"].all()


def test_engine_settings_are_tried_and_a_run_takes_the_chosen_ones(
    store: DataStore, tiny: TinyModel, tmp_path: Path
) -> None:
    file, grid = tmp_path / "candidates.json", tmp_path / "grid.yaml"
    write_synthetic(2, 7, "aris", file)
    grid.write_text("gpu: []\ncpu: [{max_num_seqs: 2}, {kv_cache_dtype: fp8}]")
    source = FileSource(file, None, JudgingSettings())
    plan = Plan("tuning", blocks=1, warm_up_rows=0)

    trials = tune(store, Tuning(tiny.card, source, EngineSettings(), Grid.load(grid), plan))

    # The CPU computes no fp8, so that trial is not even begun.
    assert trials["trial"].to_list() == ["defaults", "max_num_seqs=2"]
    assert set(trials["status"]) == {"measured"}
    assert set(trials["valid_rate"]) == {1.0}
    profile = EngineProfile.find(store, tiny.card)
    assert profile is not None
    assert json.dumps(dict(profile.changes)) == trials.filter("chosen")["settings"].item()
