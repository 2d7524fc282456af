from typing import Any

import pytest

from aris_pipeline.charts import token_histogram
from aris_pipeline.storage import Prompts
from aris_pipeline_tests.tables import table
from aris_pipeline_tests.unit.charts.conftest import assert_fits_the_event_log


def _prompts(*lengths: int, prefix: int = 560, **fields: Any) -> bytes | None:
    rows = ({"prompt_tokens": n, "static_prefix_tokens": prefix, **fields} for n in lengths)
    return token_histogram(table(Prompts, *rows))


@pytest.mark.parametrize(
    "lengths",
    [[812], [700] * 5_000, list(range(561, 2_048)), [1, 100_000], [600, 130_000]],
    ids=["one", "all alike", "all lengths", "extremes", "long context"],
)
def test_prompts_of_any_length_have_a_histogram(lengths: list[int]) -> None:
    assert_fits_the_event_log(_prompts(*lengths))


def test_a_shard_of_requests_that_share_no_prefix_has_a_histogram() -> None:
    assert_fits_the_event_log(_prompts(12, 14, 900, prefix=0))


def test_the_shared_prefix_is_marked() -> None:
    assert _prompts(700, 800, prefix=560) != _prompts(700, 800, prefix=0)


def test_a_shard_of_which_nothing_could_be_rendered_has_no_histogram() -> None:
    assert _prompts() is None
    assert _prompts(0, 0, error="no template") is None
