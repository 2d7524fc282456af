"""Which columns a column was made of: what passes through, and what was derived from what.

Figures of a run (the engine's load, a GPU's energy) come from no column and are not here.
"""

from collections.abc import Iterable

from aris_pipeline.ledger.data_dictionary import tables
from aris_pipeline.prompts import DEFAULT_RUBRIC, load_rubric

Sources = tuple[str, ...]
"""Columns of upstream assets, each as `asset.column`."""


def _of(asset: str, *columns: str) -> Sources:
    return tuple(f"{asset}.{column}" for column in columns)


def _same(asset: str, columns: Iterable[str]) -> dict[str, Sources]:
    return {column: _of(asset, column) for column in columns}


def _each(columns: Iterable[str], sources: Sources) -> dict[str, Sources]:
    return dict.fromkeys(columns, sources)


_ORIGIN = ("custom_id", "file", "line")
_PROFILE = (
    "title", "company", "location", "work_info", "education_info", "skills", "resume_text",
)  # fmt: skip
_NAMES = ("first_name", "last_name", "other_names")
_SAMPLING = ("temperature", "top_p", "max_tokens", "seed")

_RECORD = _of("landing_files", "record")
_REQUEST = _of("raw_candidates", "request")
_ASKED = _of("raw_candidates", *_PROFILE, *_NAMES, "request")
_PROMPT = _of("prompts", "prompt_token_ids")
_ANSWER = _of("completions", "text")
_OUTCOME = _of("completions", "error_type", "finish_reason")
_LOGPROBS = _of("completions", "option_logprobs", "calibration_logprobs")


def lineage(asset: str) -> dict[str, Sources]:
    """Returns the sources of each column of an asset that has any."""
    return _LINEAGE.get(asset, {})


def _evaluations() -> dict[str, Sources]:
    of_rubric = [column.name for column in tables()["evaluations"].columns if column.of_rubric]
    scored = load_rubric(DEFAULT_RUBRIC).probability_columns
    asked = _of("prompts", "error", "response_schema", "parameters", "may_be_shortened")
    parsed = asked + _ANSWER + _OUTCOME
    return {
        "custom_id": _of("prompts", "custom_id") + _of("completions", "custom_id"),
        "request_key": _of("prompts", "request_key") + _of("completions", "request_key"),
        **_each(("is_valid", "invalid_reason"), parsed),
        "invalid_detail": parsed + _of("completions", "error_message"),
        **_each(("answer_json", *of_rubric), _ANSWER),
        **_each(("score", "confidence", "score_recommendation", *scored), _LOGPROBS),
        "shortened": _of("prompts", "shortened") + _of("completions", "overrides"),
        **_same("prompts", ("suspected_instructions", "requested_model")),
        "review_reasons": _of("prompts", "shortened", "suspected_instructions")
        + _of("completions", "text", "option_logprobs", "overrides"),
        **_same("completions", ("engine", "run_id")),
    }


def _shared(asset: str, upstream: str) -> dict[str, Sources]:
    """The columns that both have, where equal names mean that they pass through."""
    names = {column.name for column in tables()[upstream].columns}
    return _same(upstream, [c.name for c in tables()[asset].columns if c.name in names])


_LINEAGE: dict[str, dict[str, Sources]] = {
    "raw_candidates": {
        **_same("landing_files", _ORIGIN),
        **_each((*_PROFILE, *_NAMES, "extra", "request", "repaired"), _RECORD),
    },
    "prompts": {
        "custom_id": _of("raw_candidates", "custom_id"),
        **_each(("messages", "prompt_token_ids", "prompt_tokens", "request_key"), _ASKED),
        **_each(("shortened", "suspected_instructions"), _of("raw_candidates", *_PROFILE)),
        **_each((*_SAMPLING, "requested_model", "error"), _REQUEST),
        **_each(("response_schema", "schema_id", "parameters", "may_be_shortened"), _REQUEST),
    },
    "completions": {
        **_same("prompts", ("custom_id", "request_key", "prompt_tokens")),
        "text": _PROMPT + _of("prompts", "response_schema", "parameters", *_SAMPLING),
        "finish_reason": _PROMPT + _of("prompts", "max_tokens"),
        "option_logprobs": _PROMPT,
        **_each(("error_type", "error_message"), _of("prompts", "error")),
    },
    "evaluations": _evaluations(),
    "candidate_ranking": {
        **_shared("candidate_ranking", "evaluations"),
        "rank": _of("evaluations", "recommendation", "score", "custom_id"),
        "disagrees": _of("evaluations", "score_recommendation", "recommendation"),
    },
    "label_metrics": {
        **_each(
            ("value", "low", "high", "predicted", "judge", "enough"),
            _of("evaluations", "recommendation", "score") + _of("candidate_ranking", "rank"),
        ),
    },
    "verdict_log": {
        **_same("evaluations", ("custom_id", "recommendation", "score", "run_id", "request_key")),
        **_same("evaluations", ("model_id", "model_revision", "rubric_id", "rubric_digest")),
        "status": _of("evaluations", "is_valid", "invalid_reason", "score"),
        "prompt_digest": _of("prompts", "messages"),
        "answer_digest": _ANSWER,
        "attempt": _of("completions", "attempt"),
        "overrides": _of("prompts", *_SAMPLING, "parameters", "redaction")
        + _of("completions", "overrides"),
    },
    "bias_probe": _each(
        ("mean_shift", "flip_share", "pairs", "inert", "not_applicable"),
        _of("raw_candidates", *_PROFILE, *_NAMES),
    ),
    "verdict_stability": _each(
        ("flip_rate", "mean_shift", "shift_95", "churn", "asked_again", "stale"),
        _of("evaluations", "score", "request_key"),
    ),
    "throughput": {
        "rows": _of("completions", "custom_id"),
        **_each(("rows_ok", "rows_failed", "success_rate"), _OUTCOME),
        "rows_reused": _of("completions", "reused"),
        **_same("completions", ("prompt_tokens", "cached_tokens", "output_tokens", "preemptions")),
        **_each(("latency_p50_s", "latency_p95_s"), _of("completions", "latency_s")),
        "prefix_hit_rate": _of("completions", "cached_tokens", "prompt_tokens"),
        "output_tok_s": _of("completions", "output_tokens"),
        "total_tok_s": _of("completions", "prompt_tokens", "output_tokens"),
    },
    "throughput_report": {
        **_shared("throughput_report", "throughput"),
        "shards_measured": _of("throughput", "run_id"),
        "finished_at": _of("throughput", "started_at", "load_s", "wall_s"),
        "between_shards_s": _of("throughput", "run_id", "started_at", "load_s", "wall_s"),
        "loads": _of("throughput", "load_s"),
        "success_rate": _of("throughput", "rows_ok", "rows"),
        **_each(
            ("req_s", "projected_hours_200k"), _of("throughput", "rows_generated", "generate_s")
        ),
        "output_tok_s": _of("throughput", "output_tokens", "generate_s"),
        "total_tok_s": _of("throughput", "prompt_tokens", "output_tokens", "generate_s"),
        **_each(("slowest_shard", "slowest_req_s"), _of("throughput", "req_s")),
        "prefix_hit_rate": _of("throughput", "cached_tokens", "prompt_tokens"),
    },
    "benchmark_decision": {
        **_same("benchmark_runs", ("engine", "model", "run_id", "host", "gpu", "workload")),
        "decided_at": _of("benchmark_runs", "started_at"),
        "req_s": _of("benchmark_runs", "req_s"),
        "total_s": _of("benchmark_runs", "total_s"),
        "throughput_score": _of("benchmark_runs", "req_s"),
        "total_time_score": _of("benchmark_runs", "total_s"),
        "quality_score": _of("benchmark_runs", "valid_rate"),
        **_each(
            ("score", "score_low", "score_high", "rank", "clear"),
            _of("benchmark_runs", "req_s", "total_s", "valid_rate"),
        ),
        "one_run": _of("benchmark_runs", "run_id"),
    },
}
