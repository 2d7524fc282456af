"""Engine settings that are tried, the ones that are chosen, and the runs that use them."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.benchmarks import (
    FileSource,
    Grid,
    History,
    Plan,
    ShapeSource,
    Tuning,
    rows_to_ask,
    tune,
)
from aris_pipeline.engines import Completion, Engine, EngineSettings, Request
from aris_pipeline.errors import ConfigError, EngineError
from aris_pipeline.judging import JudgingSettings
from aris_pipeline.models import ModelCard, find_hardware
from aris_pipeline.storage import Batch, DataStore, EngineTuning, read_table
from aris_pipeline_tests.fake_engine import FakeEngine, answer_by_schema
from aris_pipeline_tests.tables import make_batch
from aris_pipeline_tests.unit.benchmarks.conftest import CARD

pytestmark = pytest.mark.slow

GRID = """
gpu: []
cpu:
  - max_num_seqs: 32
  - max_num_seqs: 64
"""


@pytest.fixture(autouse=True)
def _no_lock_and_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake engines need no lock, and a real one may be at work."""
    monkeypatch.setattr("aris_pipeline.benchmarks.tuning.EngineLock.acquire", lambda _lock: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


class Timed(FakeEngine):
    """Answers after a time that does not depend on the machine's load."""

    def __init__(self, block_s: float, answer: Callable[[Request], Completion]) -> None:
        super().__init__(answer)
        self._block_s = block_s

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        time.sleep(self._block_s)
        yield from super().generate(requests)


def _other_verdicts(request: Request) -> Completion:
    answer = answer_by_schema(request)
    assert answer.text is not None
    return replace(answer, text=answer.text.replace('"Maybe"', '"No"').replace("true", "false"))


def _opens(
    seconds: dict[int | None, float],
    *,
    changing: int | None = -1,
    failing: int | None = -1,
) -> Callable[[ModelCard, EngineSettings], Engine]:
    """Opens engines whose speed, verdicts and failure depend on max_num_seqs."""

    def open_engine(_card: ModelCard, settings: EngineSettings) -> Engine:
        if settings.max_num_seqs == failing:
            raise EngineError("no memory for that many")
        answer = _other_verdicts if settings.max_num_seqs == changing else answer_by_schema
        return Timed(seconds[settings.max_num_seqs], answer)

    return open_engine


@pytest.fixture
def tuning(write_file: Callable[..., Path], tmp_path: Path) -> Tuning:
    grid = tmp_path / "grid.yaml"
    grid.write_text(GRID)
    return Tuning(
        CARD,
        FileSource(write_file(6), None, JudgingSettings()),
        EngineSettings(),
        Grid.load(grid),
        Plan("tuning", blocks=2, seed=3, warm_up_rows=0),
    )


def _assigned(store: DataStore, **settings: Any) -> EngineSettings:
    batch: Batch = make_batch(1)
    return JudgingSettings(**settings).assign(batch, store).settings.engine


def test_the_fastest_settings_are_chosen_and_later_runs_use_them(
    store: DataStore, tuning: Tuning
) -> None:
    trials = tune(store, tuning, opens=_opens({None: 0.3, 32: 0.1, 64: 0.2}))

    assert trials["trial"].to_list() == ["defaults", "max_num_seqs=32", "max_num_seqs=64"]
    assert trials.filter("chosen")["trial"].to_list() == ["max_num_seqs=32"]
    assert trials.filter("chosen")["ratio"].item() == pytest.approx(3, rel=0.3)
    assert trials["agreement"].to_list() == [1, 1, 1]
    assert _assigned(store).max_num_seqs == 32


def test_the_users_own_settings_win_and_tuning_can_be_left_out(
    store: DataStore, tuning: Tuning
) -> None:
    tune(store, tuning, opens=_opens({None: 0.3, 32: 0.1, 64: 0.2}))

    assert _assigned(store, engine=EngineSettings(max_num_seqs=7)).max_num_seqs == 7
    assert _assigned(store, tuned=False).max_num_seqs is None
    by_ollama = EngineSettings(engine="ollama")
    assert _assigned(store, engine=by_ollama).max_num_seqs is None


def test_a_run_says_which_settings_it_uses_and_what_they_are_worth(
    store: DataStore, tuning: Tuning
) -> None:
    trials = tune(store, tuning, opens=_opens({None: 0.3, 32: 0.1, 64: 0.2}))

    profile = JudgingSettings().assign(make_batch(1), store).profile
    assert str(profile).startswith("max_num_seqs=32: ")
    assert trials["run_id"][0] in str(profile)


def test_settings_that_change_the_verdicts_are_not_chosen_however_fast(
    store: DataStore, tuning: Tuning
) -> None:
    trials = tune(store, tuning, opens=_opens({None: 0.3, 32: 0.1, 64: 0.2}, changing=32))

    changed = trials.row(1, named=True)
    assert not changed["admissible"]
    assert "verdicts" in changed["reason"]
    assert trials.filter("chosen")["trial"].to_list() == ["max_num_seqs=64"]


def test_settings_that_fail_are_kept_with_the_reason(store: DataStore, tuning: Tuning) -> None:
    trials = tune(store, tuning, opens=_opens({None: 0.3, 64: 0.1}, failing=32))

    failed = trials.row(1, named=True)
    assert (failed["status"], failed["admissible"]) == ("failed", False)
    assert "no memory" in failed["reason"]
    assert trials.filter("chosen")["trial"].to_list() == ["max_num_seqs=64"]


def test_without_a_gain_the_defaults_stay(store: DataStore, tuning: Tuning) -> None:
    trials = tune(store, tuning, opens=_opens({None: 0.1, 32: 0.2, 64: 0.2}))

    assert trials.filter("chosen")["trial"].to_list() == ["defaults"]
    assert _assigned(store) == EngineSettings()


def test_defaults_that_cannot_be_measured_are_an_error(store: DataStore, tuning: Tuning) -> None:
    with pytest.raises(EngineError, match="defaults cannot be measured: no memory"):
        tune(store, tuning, opens=_opens({32: 0.1, 64: 0.1}, failing=None))


def test_every_block_of_every_trial_is_in_the_history(store: DataStore, tuning: Tuning) -> None:
    trials = tune(store, tuning, opens=_opens({None: 0.1, 32: 0.1, 64: 0.1}))

    runs = History(store.benchmarks).runs()
    assert runs.height == 6
    assert set(runs["run_id"]) == set(trials["run_id"])
    assert set(runs["suite"]) == {"tuning"}


def test_what_was_found_elsewhere_or_for_random_weights_is_not_used(
    store: DataStore, tuning: Tuning, monkeypatch: pytest.MonkeyPatch
) -> None:
    dummy = CARD.model_copy(update={"load_format": "dummy"})
    speed_alone = replace(tuning, card=dummy, source=ShapeSource(4, 20, 5, 5))
    trials = tune(store, speed_alone, opens=_opens({None: 0.3, 32: 0.1, 64: 0.2}))
    assert trials.filter("chosen")["trial"].to_list() == ["max_num_seqs=32"]
    assert _assigned(store).max_num_seqs is None

    tune(store, tuning, opens=_opens({None: 0.3, 32: 0.1, 64: 0.2}))
    monkeypatch.setattr("aris_pipeline.judging.engine_profile.hardware_name", lambda: "another GPU")
    assert _assigned(store).max_num_seqs is None


def test_without_a_schema_no_verdicts_can_be_compared(store: DataStore, tuning: Tuning) -> None:
    shape = replace(tuning, source=ShapeSource(4, 20, 5, 5))
    trials = tune(store, shape, opens=_opens({None: 0.3, 32: 0.1, 64: 0.2}))

    assert trials["admissible"].to_list() == [True, False, False]
    assert "no schema" in trials["reason"][1]


@pytest.mark.parametrize(
    ("text", "field"), [("cpu: []", "gpu"), ("gpu: []\ncpu: [{max_seqs: 1}]", "max_seqs")]
)
def test_a_grid_that_is_wrong_names_file_and_field(tmp_path: Path, text: str, field: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=rf"(?s)mine\.yaml.*{field}"):
        Grid.load(file)


def test_the_shipped_grid_tries_fp8_only_where_the_gpu_computes_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aris_pipeline.benchmarks.tuning.gpu_count", lambda: 1)
    without = Grid.load().trials()
    monkeypatch.setattr("aris_pipeline.benchmarks.tuning.gpu_computes_fp8", lambda: True)
    with_fp8 = Grid.load().trials()

    assert not any(trial.needs_fp8 for trial in without)
    assert {trial.kv_cache_dtype for trial in with_fp8} == {None, "fp8"}
    assert without[0].label == "defaults"


@pytest.mark.parametrize(
    ("gpu", "rows"), [("h100", 2048), ("h200", 2048), ("a100-80", 200), ("rtx-4080", 200)]
)
def test_a_gpu_that_takes_large_steps_is_asked_enough_rows_to_fill_them(
    monkeypatch: pytest.MonkeyPatch, gpu: str, rows: int
) -> None:
    card = find_hardware(gpu, None)
    monkeypatch.setattr("aris_pipeline.benchmarks.tuning.this_machine", lambda: card)

    assert rows_to_ask() == rows


def test_the_table_of_trials_is_what_its_schema_says(store: DataStore, tuning: Tuning) -> None:
    trials = tune(store, tuning, opens=_opens({None: 0.1, 32: 0.1, 64: 0.1}))

    (file,) = store.root.glob("engine_tuning/model=*/hardware=*/vllm=*/trials.parquet")
    assert read_table(file, EngineTuning, hint="").equals(trials)
    assert trials.filter(pl.col("chosen")).height == 1
