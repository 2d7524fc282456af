from datetime import timedelta
from typing import Any

import pytest

from aris_pipeline.charts import progress_curve
from aris_pipeline.storage import Completions
from aris_pipeline_tests.tables import DAY, table
from aris_pipeline_tests.unit.charts.conftest import assert_fits_the_event_log


def _finished(*seconds: float, **fields: Any) -> list[dict[str, Any]]:
    return [{"completed_at": DAY + timedelta(seconds=at), **fields} for at in seconds]


def _curve(*rows: dict[str, Any]) -> bytes | None:
    return progress_curve(table(Completions, *rows))


@pytest.mark.parametrize(
    "seconds",
    [[0.0], [0.0, 0.001], [0.0, 30.0], [n / 2.3 for n in range(5_000)], [0.0, 90_000.0]],
    ids=["one row", "at once", "two rows", "a shard", "more than a day"],
)
def test_generated_rows_have_a_curve(seconds: list[float]) -> None:
    assert_fits_the_event_log(_curve(*_finished(*seconds)))


def test_rows_may_stand_in_any_order() -> None:
    rows = _finished(*range(40))

    assert _curve(*reversed(rows)) == _curve(*rows)


def test_a_shard_in_which_nothing_was_generated_has_no_curve() -> None:
    assert _curve() is None
    assert _curve(*_finished(0, 1, reused=True)) is None
    assert _curve(*_finished(0, 1, error_type="refused")) is None


def test_rows_that_were_reused_or_failed_do_not_show() -> None:
    generated = _finished(*range(40))
    others = [*_finished(-9_000, reused=True), *_finished(9_000, error_type="unrenderable")]

    assert _curve(*generated, *others) == _curve(*generated)


def test_rows_that_generated_no_token_have_a_curve() -> None:
    assert_fits_the_event_log(_curve(*_finished(0, 60, output_tokens=0)))
