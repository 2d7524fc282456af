"""Digests that tell whether an answer is already known."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from aris_pipeline.engines.protocol import EngineIdentity, Sampling
from aris_pipeline.prompts.rubrics import Rubric


def request_key(
    prompt_token_ids: Sequence[int],
    identity: EngineIdentity,
    sampling: Sampling,
    response_schema: str | None,
    rubric: Rubric | None,
) -> str:
    """Returns the digest of everything that determines the answer of the first attempt.

    Args:
        prompt_token_ids: the rendered prompt.
        identity: model and engine.
        sampling: how the answer is sampled.
        response_schema: JSON text of the answer's schema.
        rubric: what the recommendations are scored by; none where they are not scored.
    """
    return digest(
        {
            "prompt": list(prompt_token_ids),
            **_circumstances(identity, sampling, response_schema, rubric),
        }
    )


def unrendered_key(body: str, identity: EngineIdentity) -> str:
    """Returns the key of a request for which no prompt could be rendered."""
    return digest({"body": body, "engine": identity.model_dump(mode="json")})


def schema_id(response_schema: str | None) -> str | None:
    """Returns the short digest by which equal answer schemas are recognised."""
    if response_schema is None:
        return None
    return hashlib.sha256(response_schema.encode()).hexdigest()[:12]


def digest(content: dict[str, Any]) -> str:
    """Returns the sha256 of the canonical JSON of `content`."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _circumstances(
    identity: EngineIdentity, sampling: Sampling, response_schema: str | None, rubric: Rubric | None
) -> dict[str, Any]:
    scoring = rubric and {
        "prefill": rubric.verdict_prefill,
        "options": list(rubric.recommendations),
    }
    return {
        "engine": identity.model_dump(mode="json"),
        "sampling": {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        },
        "response_schema": response_schema,
        "scoring": scoring,
    }
