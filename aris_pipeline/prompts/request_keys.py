"""Computes digests that show whether an answer is already known."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from aris_pipeline.engines.protocol import Sampling
from aris_pipeline.models import EngineIdentity
from aris_pipeline.prompts.rubrics import Rubric

_PROMPT = '"prompt":['


class RequestKeys:
    """The request_keys of prompts that are asked under the same circumstances.

    A key is the `digest` of the prompt's token ids together with everything else that determines
    the answer of the first attempt. What is the same for all prompts is hashed once.
    """

    def __init__(
        self,
        identity: EngineIdentity,
        sampling: Sampling,
        response_schema: str | None,
        rubric: Rubric | None,
        shared_ids: Sequence[int] = (),
    ) -> None:
        """Hashes what the prompts share.

        Args:
            identity: model and engine.
            sampling: how the answer is sampled.
            response_schema: JSON text of the answer's schema.
            rubric: the rubric by which the recommendations are scored; none if they are not scored.
            shared_ids: token ids with which all prompts begin.
        """
        circumstances = _circumstances(identity, sampling, response_schema, rubric)
        # Quotes inside a JSON text are escaped, so this can only be the key itself.
        before, found, self._after = canonical({"prompt": [], **circumstances}).partition(_PROMPT)
        self._shared = hashlib.sha256(f"{before}{found}{_listed(shared_ids)}".encode())
        self._comma = "," if shared_ids else ""

    def of(self, further_ids: Sequence[int]) -> str:
        """Returns the key of the prompt whose token ids, after the shared ones, are these."""
        key = self._shared.copy()
        comma = self._comma if further_ids else ""
        key.update(f"{comma}{_listed(further_ids)}{self._after}".encode())
        return key.hexdigest()


def request_key(
    prompt_token_ids: Sequence[int],
    identity: EngineIdentity,
    sampling: Sampling,
    response_schema: str | None,
    rubric: Rubric | None,
) -> str:
    """Returns the key of one prompt; see `RequestKeys`."""
    return RequestKeys(identity, sampling, response_schema, rubric).of(prompt_token_ids)


def unrendered_key(body: str, identity: EngineIdentity) -> str:
    """Returns the key of a request for which no prompt could be rendered."""
    return digest({"body": body, "engine": identity.model_dump(mode="json")})


def schema_id(response_schema: str | None) -> str | None:
    """Returns the short digest by which equal answer schemas are recognized."""
    if response_schema is None:
        return None
    return hashlib.sha256(response_schema.encode()).hexdigest()[:12]


def digest(content: dict[str, Any]) -> str:
    """Returns the sha256 of the canonical JSON of `content`."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def canonical(content: dict[str, Any]) -> str:
    """Returns the one JSON text of `content`."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _listed(token_ids: Sequence[int]) -> str:
    return ",".join(map(str, token_ids))


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
        # They are added only if there are any, so that keys of earlier versions stay the same.
        **({"further": dict(sampling.further)} if sampling.further else {}),
    }
