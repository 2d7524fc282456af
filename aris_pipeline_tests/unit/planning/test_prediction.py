"""What a run is expected to take, before it starts."""

from pathlib import Path

import pytest

from aris_pipeline.engines import EngineSettings
from aris_pipeline.models import Hardware, ModelCard, find_hardware, find_model
from aris_pipeline.planning import misfit, prediction, predictor
from aris_pipeline.storage import DataStore, Judge
from aris_pipeline.throughput import UNKNOWN, Pace

JUDGE = Judge("aris-swe-v1", "gemma-3-4b-it")
CARD = find_model("gemma3:4b")


def _here(monkeypatch: pytest.MonkeyPatch, hardware: Hardware, pace: Pace | None = None) -> None:
    monkeypatch.setattr(prediction, "this_machine", lambda: hardware)
    monkeypatch.setattr(prediction, "measured_pace", lambda *_, **__: pace)


def test_earlier_runs_here_say_how_long_it_takes(
    store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = Pace(1_000, 50, "measured: so", slowest=900, fastest=1_100)
    _here(monkeypatch, find_hardware("h100", None), pace)

    found = predictor(store, JUDGE, CARD, EngineSettings())(100, 70_000, 0)

    assert (found.seconds, found.source) == (75, "measured: so")


def test_a_gpu_that_is_known_predicts_the_first_run_and_not_by_another_machines(
    store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Pace(10, 50, "measured: so", slowest=9, fastest=11, elsewhere=True)
    _here(monkeypatch, find_hardware("h100", None), elsewhere)
    predict = predictor(store, JUDGE, CARD, EngineSettings())

    found = predict(1_000, 788_000, 0)

    assert found.source.startswith("roofline")
    assert found.seconds is not None
    assert 1_000 / 75 < found.seconds < 1_000 / 23
    assert predict(2_000, 1_576_000, 0).seconds == pytest.approx(2 * found.seconds)


def test_the_first_run_of_two_engines_is_predicted_by_what_prompts_share(
    store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on an H200: 20,000 rows with answers of 304 tokens took 222 s, with one engine 315."""
    of_one = Pace(70_000, 305, "measured", slowest=1, fastest=1, other_engines=True)
    _here(monkeypatch, find_hardware("h200", None), of_one)
    card = find_model("gemma3:4b").model_copy(update={"quantization": "fp8"})

    two = predictor(store, JUDGE, card, EngineSettings(engines_per_gpu=2))(20_000, 15_560_000, 528)

    assert two.seconds == pytest.approx(222, rel=0.15)
    assert "what the prompts share" in two.source


def test_a_cpus_first_run_is_not_predicted(
    store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = Hardware("two cores", 100.0, "by hand", driver_names=None, kv_space_gib=2.0)
    _here(monkeypatch, cpu)

    found = predictor(store, JUDGE, CARD, EngineSettings(max_model_len=2_048))(10, 100, 0)

    assert (found.seconds, found.source) == (None, UNKNOWN)


def test_a_model_without_a_config_here_is_no_reason_to_fail(
    store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _here(monkeypatch, find_hardware("h100", None))
    unheard = ModelCard(name="judge", model_id="acme/judge")

    found = predictor(store, JUDGE, unheard, EngineSettings())(10, 100, 0)

    assert found.seconds is None
    assert "hf download acme/judge" in found.source


@pytest.mark.parametrize(
    ("model", "reason"), [("qwen2.5:14b", "weights 27.5"), ("gemma3:12b-4bit", None)]
)
def test_a_model_that_does_not_fit_is_told_with_its_reason(
    model: str, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _here(monkeypatch, find_hardware("rtx-4080", None))

    found = misfit(find_model(model), EngineSettings())

    assert (found is None) if reason is None else (found or "").startswith(reason)


def test_nobody_can_tell_of_a_model_without_a_config(tmp_path: Path) -> None:
    assert misfit(ModelCard(name="none", model_id=str(tmp_path)), EngineSettings()) is None
