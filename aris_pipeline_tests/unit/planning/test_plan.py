"""The plan as a whole: figures that agree, sources and assumptions that are named."""

from dataclasses import replace

import pytest

from aris_pipeline.models import Hardware, find_hardware
from aris_pipeline.planning import PROJECTED_ROWS, declared, make_plan
from aris_pipeline.planning.workload import Workload
from aris_pipeline.throughput import Pace
from aris_pipeline_tests.unit.planning.conftest import model, planned

PROMISED = {
    *("fits", "weights_gib", "kv_bytes_per_token", "kv_cache_tokens", "rows_in_flight"),
    *("max_model_len", "predicted_req_s", "predicted_total_tok_s", "predicted_hours", "interval"),
}


def test_a_plan_holds_what_is_promised_and_where_it_comes_from() -> None:
    found = planned("gemma3:4b", "rtx-4080").as_dict()

    assert found.keys() == PROMISED | {
        "reason",
        "dtype",
        "rows",
        "projections",
        "sources",
        "assumptions",
        "engines_per_gpu",
    }
    assert found["max_model_len"] == 8_192
    kinds = [source.partition(":")[0] for source in found["sources"]]
    assert kinds == ["model", "hardware", "data type", "lengths", "speed"]
    assert "data type: bfloat16, the default on a GPU" in found["sources"]
    assert "speed: roofline" in found["sources"][-1]


def test_hours_rates_and_projections_agree() -> None:
    found = planned("gemma3:4b", "h100").as_dict()

    assert found["predicted_hours"] == pytest.approx(
        5_000 / found["predicted_req_s"] / 3_600, rel=0.01
    )
    assert found["predicted_total_tok_s"] == pytest.approx(
        found["predicted_req_s"] * (788 + 305), rel=0.01
    )
    assert [one["rows"] for one in found["projections"]] == list(PROJECTED_ROWS)
    for one in found["projections"]:
        low, high = one["interval"]
        assert low < one["hours"] < high
    assert found["projections"][1]["hours"] == found["predicted_hours"]


def test_history_goes_before_the_roofline() -> None:
    pace = Pace(1_093, 305, "measured: so", slowest=1_000, fastest=1_200)
    gpu = Hardware("own", 80.0, "by hand", 1_000, 100)

    found = make_plan(model("mistral:7b"), gpu, declared(3_600), lambda: pace).as_dict()

    assert (found["predicted_req_s"], found["predicted_hours"]) == (1.0, 1.0)
    assert found["sources"][-1] == "speed: measured: so"


def test_what_cannot_be_known_is_null_and_says_why() -> None:
    unknown = planned("mistral:7b", Hardware("own", 80.0, "by hand")).as_dict()
    too_large = planned("qwen2.5:14b", "rtx-4080").as_dict()

    for found, why in ((unknown, "no measured run"), (too_large, "it does not fit")):
        assert found["predicted_req_s"] is found["predicted_hours"] is None
        assert found["interval"]["hours"] is None
        assert found["projections"] == []
        assert why in found["sources"][-1]


def test_assumptions_are_named() -> None:
    said = " ".join(planned("gemma3:4b", "h100").as_dict()["assumptions"])
    for word in ("16,384 tokens and 1,024 rows", "vision tower is not loaded", "prefix cache"):
        assert word in said
    shown = " ".join(planned("gemma3:4b", "h100", images=True).as_dict()["assumptions"])
    assert "vision tower" not in shown
    in_flight = model("mistral:7b", quantization="bitsandbytes")
    assert "vLLM's defaults are taken" in " ".join(
        planned(in_flight, "h100").as_dict()["assumptions"]
    )


@pytest.mark.parametrize(
    "work",
    [replace(declared(10), longest=8_000), replace(declared(10), output_tokens=4_000)],
    ids=["a long prompt", "long answers"],
)
def test_what_does_not_fit_the_context_is_said(work: Workload) -> None:
    said = make_plan(
        model("mistral:7b"), Hardware("own", 80.0, "by hand"), work, max_model_len=4_096
    ).assumptions

    assert any("do not fit the context" in one for one in said)
    assert any("so few rows" in one for one in said)


def test_the_model_tables_own_context_is_taken() -> None:
    own = model("mistral:7b", max_model_len=3_000)

    assert planned(own, "h100").as_dict()["max_model_len"] == 3_000
    assert planned(own, "h100", max_model_len=500).as_dict()["max_model_len"] == 500


def test_replicas_do_as_many_times_the_rows_and_the_plan_says_what_that_rests_on() -> None:
    one = planned("gemma3:4b", "h100").as_dict()
    eight = planned("gemma3:4b", "h100", replicas=8).as_dict()

    assert eight["predicted_req_s"] == pytest.approx(8 * one["predicted_req_s"], rel=0.01)
    assert eight["interval"]["hours"][1] == pytest.approx(one["interval"]["hours"][1] / 8, rel=0.01)
    assert eight["rows_in_flight"] == one["rows_in_flight"], "of each"
    assert "8 replicas as 8 times one" in eight["sources"][-1]
    assert "replicas" not in one["sources"][-1]


@pytest.mark.parametrize(
    ("card", "shared", "kv_cache_dtype", "together"),
    [
        ("h200", 528, "auto", True),
        ("h200", 0, "auto", False),
        ("h200", 528, "fp8", False),
        ("l40s", 528, "auto", False),
    ],
    ids=["Hopper", "nothing known", "8-bit KV cache", "another card"],
)
def test_two_engines_gain_where_they_read_a_prefix_together(
    card: str, shared: int, kv_cache_dtype: str, *, together: bool
) -> None:
    work = Workload(1_000, 778, 305, (), shared_tokens=shared)
    one, two = (
        make_plan(
            model("gemma3:4b"), find_hardware(card, None), work,
            kv_cache_dtype=kv_cache_dtype, engines_per_gpu=engines,
        ).as_dict()
        for engines in (1, 2)
    )  # fmt: skip

    assert ("read what the prompts share" in two["sources"][-1]) == together
    assert ("nothing together" in two["sources"][-1]) != together
    assert ("is read once a step" in one["sources"][-1]) == together
    assert f"one engine would answer {one['predicted_req_s']} rows/s" in two["assumptions"]
    if together:
        assert two["predicted_req_s"] > 1.2 * one["predicted_req_s"]
    elif kv_cache_dtype == "auto":
        assert two["predicted_req_s"] <= one["predicted_req_s"]


@pytest.mark.parametrize(
    ("name", "card", "batch_invariant", "gain"),
    [
        ("gemma3:4b", "h200", False, True),
        ("gemma3:4b", "h200", True, False),
        ("gemma3:4b", "a100-80", False, False),
        ("gemma3:1b", "h200", False, False),
    ],
    ids=["H200", "rows that do not depend on others", "not measured there", "few keys"],
)
def test_long_answers_gain_by_what_their_prompts_share(
    name: str, card: str, *, batch_invariant: bool, gain: bool
) -> None:
    many = model(name, engine_args={"max_num_seqs": 1024})
    alone, shared = (
        make_plan(
            many, find_hardware(card, None), Workload(1_000, 528 + own, 305, (), shared_tokens=s),
            batch_invariant=batch_invariant,
        ).as_dict()
        for own, s in ((250, 0), (250, 528))
    )  # fmt: skip

    assert ("read once a step" in shared["sources"][-1]) == gain
    assert (shared["predicted_req_s"] > 1.4 * alone["predicted_req_s"]) == gain


@pytest.mark.parametrize(("output_tokens", "most"), [(1, 330), (7_000, 5)])
def test_an_engine_has_a_limit_for_answers_of_any_length(output_tokens: float, most: float) -> None:
    work = Workload(1_000, 778, output_tokens, (), shared_tokens=528)

    found = make_plan(model("gemma3:4b"), find_hardware("h200", None), work).as_dict()

    assert 0 < found["predicted_req_s"] < most


def test_each_of_two_engines_has_half_of_the_gpu_and_the_weights() -> None:
    one = planned("gemma3:4b", "rtx-4080").as_dict()
    two = planned("gemma3:4b", "rtx-4080", engines_per_gpu=2).as_dict()

    assert (one["fits"], two["fits"]) == (True, False)
    assert two["weights_gib"] == one["weights_gib"]
    assert two["reason"].startswith("each of 2 engines: ")
    assert two["reason"].endswith("; one engine alone fits")
