"""How long it takes: the roofline's parts, and the pace of earlier runs."""

from dataclasses import replace

import pytest

from aris_pipeline.models import Hardware, ModelShape
from aris_pipeline.planning import declared
from aris_pipeline.planning.speed import Speed, measured, roofline
from aris_pipeline.throughput import Pace
from aris_pipeline_tests.unit.planning.conftest import planned

WORK = declared(1_000)


def _roofline(name: str, gpu: str | Hardware, work: object = WORK, **options: object) -> Speed:
    assert isinstance(work, type(WORK))
    found = roofline(planned(name, gpu, **options).load, work)
    assert found is not None
    return found


def _card(bandwidth: float = 1_000, tflops: float = 100) -> Hardware:
    return Hardware("own", 80.0, "by hand", bandwidth_gb_s=bandwidth, tflops=tflops)


def test_bandwidth_and_arithmetic_both_count() -> None:
    plain = _roofline("mistral:7b", _card()).req_s

    for better in (_card(bandwidth=2_000), _card(tflops=200)):
        assert plain.expected < _roofline("mistral:7b", better).req_s.expected < 2 * plain.expected
    twice = _roofline("mistral:7b", _card(2_000, 200)).req_s
    assert twice.expected == pytest.approx(2 * plain.expected)


def test_the_interval_goes_from_half_of_the_roofline_to_perfect_overlap() -> None:
    low, expected, high = _roofline("gemma3:4b", "h100").req_s

    assert low < expected < high
    assert 1.4 < expected / low < 1.6
    assert high < 4 * low


def test_one_row_alone_reads_all_weights_for_each_token() -> None:
    """What is worked out by hand: 305 tokens x (14.2 GB of weights + 1 GB of cache) at 1 TB/s."""
    load = replace(planned("mistral:7b", _card(tflops=1e9)).load, step_rows=1)
    found = roofline(load, WORK)

    assert found is not None
    shape = load.shape
    weights = 2 * (shape.matrix_parameters + shape.head)
    cache = (788 + 305 / 2) * load.kv_bytes_per_token
    assert found.req_s.high == pytest.approx(1e12 / (305 * (weights + cache)), rel=1e-3)


def test_a_prefix_that_the_prompts_share_is_computed_once() -> None:
    shared = replace(WORK, shared_tokens=560.0)

    assert (
        _roofline("gemma3:4b", "h100", shared).req_s.expected
        > _roofline("gemma3:4b", "h100").req_s.expected
    )


def test_quantized_weights_are_read_faster() -> None:
    whole, four_bit = (
        _roofline(name, "h100", max_model_len=2_048).req_s.expected
        for name in ("gemma3:12b", "gemma3:12b-4bit")
    )
    assert four_bit > whole


def test_few_rows_touch_few_experts() -> None:
    dense = planned("mistral:7b", "h200").load
    mixture = replace(dense.shape, experts=8, active_experts=2)
    rates = []
    for rows in (1, 2, 4):
        found = roofline(replace(dense, shape=mixture, step_rows=rows), WORK)
        assert found is not None
        rates.append(found.req_s.expected)

    assert rates[1] < 1.2 * rates[0], "twice the rows read twice the experts"
    assert rates[2] < 1.2 * rates[1]
    assert isinstance(mixture, ModelShape)


def test_without_a_bandwidth_there_is_no_roofline() -> None:
    assert roofline(planned("mistral:7b", Hardware("own", 80.0, "by hand")).load, WORK) is None


def test_measured_runs_give_the_rate_for_rows_of_this_length() -> None:
    pace = Pace(2_000, 100, "measured: so", slowest=1_900, fastest=2_100)

    found = measured(pace, WORK)

    assert found.source == "measured: so"
    assert found.req_s.expected == pytest.approx(2_000 / (788 + 305))
    assert found.req_s.low == pytest.approx(0.7 * found.req_s.expected), "machines vary by as much"


def test_shards_that_differed_more_widen_the_interval() -> None:
    found = measured(Pace(2_000, 100, "so", slowest=400, fastest=6_000), WORK).req_s

    assert found.low == pytest.approx(0.2 * found.expected)
    assert found.high == pytest.approx(3 * found.expected)
