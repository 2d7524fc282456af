import pytest

from aris_pipeline.charts import plan_curve, projection_curve
from aris_pipeline_tests.unit.charts.conftest import assert_fits_the_event_log


@pytest.mark.parametrize("req_s", [0.001, 0.22, 2.29, 38.0, 10_000.0])
def test_a_rate_has_a_projection(req_s: float) -> None:
    assert_fits_the_event_log(projection_curve({"req_s": req_s, "load_s": 26.5}))


def test_a_slow_load_shows_in_the_projection() -> None:
    loaded = projection_curve({"req_s": 38.0, "load_s": 0.0})

    assert loaded != projection_curve({"req_s": 38.0, "load_s": 600.0})


@pytest.mark.parametrize("req_s", [None, 0.0])
def test_a_shard_that_generated_nothing_has_no_projection(req_s: float | None) -> None:
    assert projection_curve({"req_s": req_s, "load_s": 0.0}) is None


def test_a_plan_is_drawn_with_its_intervals() -> None:
    projections = [
        {"rows": rows, "hours": rows / 9_000, "interval": [rows / 20_000, rows / 5_000]}
        for rows in (1_000, 5_000, 10_000, 50_000, 170_000, 200_000)
    ]

    assert_fits_the_event_log(plan_curve(projections, "gemma-3-4b-it on rtx-4080"))


def test_a_plan_of_unknown_speed_is_not_drawn() -> None:
    assert plan_curve([], "gemma-3-4b-it on a GPU") is None
