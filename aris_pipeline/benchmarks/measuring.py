"""The figures of one block: rates, rows and latencies."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from aris_pipeline.benchmarks.workload import Workload
from aris_pipeline.completions import AnswerParser
from aris_pipeline.engines import Completion, Request

_FULL_LENGTH = "length"


def measured(
    workload: Workload,
    completions: Sequence[Completion],
    processing_s: float,
    load_s: float | None,
) -> dict[str, Any]:
    """Returns the columns of `BenchmarkRuns` that a block's answers give.

    Args:
        workload: what was asked.
        completions: what came back; a row that is not among them counts as lost, not as answered.
        processing_s: seconds of the block.
        load_s: seconds of the load behind it.
    """
    requests = {request.request_id: request for request in workload.requests}
    answers = {c.request_id: c for c in completions if c.request_id in requests}
    good = [c for c in answers.values() if c.error_type is None]
    valid = valid_answers(workload, good)
    prompt, output = sum(c.prompt_tokens for c in good), sum(c.output_tokens for c in good)
    cached = sum(c.cached_tokens for c in good)
    latencies = [c.latency_s for c in good if c.latency_s is not None]
    p50, p95 = np.percentile(latencies, [50, 95]) if latencies else (None, None)
    return {
        "load_s": load_s,
        "processing_s": processing_s,
        "total_s": (load_s or 0.0) + processing_s,
        "rows_ok": len(good),
        "rows_valid": len(valid),
        "success_rate": len(good) / len(requests),
        "valid_rate": len(valid) / len(requests),
        "prompt_tokens": prompt,
        "cached_tokens": cached,
        "output_tokens": output,
        "req_s": len(good) / processing_s,
        "output_tok_s": output / processing_s,
        "total_tok_s": (prompt + output) / processing_s,
        "latency_p50_s": p50,
        "latency_p95_s": p95,
        "prefix_hit_rate": cached / prompt if prompt else None,
        "preemptions": sum(c.preemptions for c in good),
    }


def valid_answers(workload: Workload, completions: Sequence[Completion]) -> dict[str, Any]:
    """Returns the answers that are complete and follow their schema, parsed, by row.

    Where lengths are fixed, an answer is valid when it has exactly that length.
    """
    requests = {request.request_id: request for request in workload.requests}
    parsers: dict[str | None, AnswerParser] = {}
    found: dict[str, Any] = {}
    for completion in completions:
        request = requests[completion.request_id]
        if completion.error_type is not None:
            continue
        if request.sampling.ignore_eos:
            if _has_full_length(request, completion):
                found[completion.request_id] = None
            continue
        parser = parsers.setdefault(request.response_schema, AnswerParser(request.response_schema))
        parsed = parser.parse(completion.text, completion.finish_reason)
        if parsed.invalid_reason is None:
            found[completion.request_id] = parsed.answer
    return found


def _has_full_length(request: Request, completion: Completion) -> bool:
    return (
        completion.finish_reason == _FULL_LENGTH
        and completion.output_tokens == request.sampling.max_tokens
    )
