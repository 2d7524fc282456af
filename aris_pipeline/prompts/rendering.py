"""From validated candidates to the prompts table: exactly what the engine is asked, row by row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from aris_pipeline.engines.protocol import EngineIdentity
from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts.answers import answer_schema_json, check_fits
from aris_pipeline.prompts.frames import lint_static_first
from aris_pipeline.prompts.openai_requests import read_request
from aris_pipeline.prompts.origin import PromptOrigin
from aris_pipeline.prompts.profile_prompts import ProfilePrompts
from aris_pipeline.prompts.request_keys import request_key, schema_id, unrendered_key
from aris_pipeline.prompts.rubrics import Rubric
from aris_pipeline.prompts.settings import DEFAULT_MAX_TOKENS, PromptSettings
from aris_pipeline.prompts.tokenizers import Tokenizer, tokenise
from aris_pipeline.storage import DataStore, Judge, Prompts, Shard, read_parquet, write_parquet
from aris_pipeline.storage.schemas import polars_schema

_ROWS_AT_ONCE = 2000

Row = dict[str, Any]


@dataclass(frozen=True)
class PromptCounts:
    """What rendering a shard came to."""

    rows: int
    distinct: int
    shortened: int
    errors: int
    prompt_tokens: int
    mean_prompt_tokens: float
    static_prefix_tokens: int
    ignored_parameters: tuple[str, ...]


def render_shard(  # noqa: PLR0913
    store: DataStore,
    judge: Judge,
    shard: Shard,
    *,
    rubric: Rubric | None,
    tokenizer: Tokenizer,
    identity: EngineIdentity,
    settings: PromptSettings,
    max_model_len: int,
) -> PromptCounts:
    """Renders the prompts of a shard and writes them.

    Args:
        store: where tables live.
        judge: whose prompts these are.
        shard: the shard of `raw_candidates` to render.
        rubric: what to judge by; may be absent only for rows that bring their own messages.
        tokenizer: the model's fast tokenizer, with its chat template.
        identity: model and engine, part of every request_key.
        settings: redaction and sampling.
        max_model_len: the context in tokens; longer profiles are shortened and flagged.

    Raises:
        ConfigError: the rubric does not fit its token budget or the context, or has static text
            after the profile, or there are candidates and no rubric.
    """
    source = store.raw_candidates(shard)
    candidates = read_parquet(source, hint="materialise raw_candidates first")
    renderer = _Renderer(rubric, tokenizer, identity, settings, max_model_len)
    frames = [
        pl.DataFrame(renderer.rows(part.to_dicts()), schema=polars_schema(Prompts), orient="row")
        for part in candidates.iter_slices(_ROWS_AT_ONCE)
    ]
    prompts = pl.concat(frames) if frames else pl.DataFrame(schema=polars_schema(Prompts))
    origin = PromptOrigin(rubric=rubric, identity=identity)
    write_parquet(prompts, store.prompts(judge, shard), Prompts, metadata=origin.footer())
    return _counts(prompts, renderer.ignored)


def _counts(prompts: pl.DataFrame, ignored: set[str]) -> PromptCounts:
    tokens = int(prompts["prompt_tokens"].sum())
    return PromptCounts(
        rows=prompts.height,
        distinct=prompts["request_key"].n_unique(),
        shortened=int(prompts["shortened"].sum()),
        errors=prompts.height - prompts["error"].null_count(),
        prompt_tokens=tokens,
        mean_prompt_tokens=tokens / prompts.height if prompts.height else 0.0,
        static_prefix_tokens=max(prompts["static_prefix_tokens"].to_list(), default=0),
        ignored_parameters=tuple(sorted(ignored)),
    )


class _Renderer:
    """Renders rows of both kinds; what is the same for all rows is prepared on first use."""

    def __init__(
        self,
        rubric: Rubric | None,
        tokenizer: Tokenizer,
        identity: EngineIdentity,
        settings: PromptSettings,
        max_model_len: int,
    ) -> None:
        self._rubric = rubric
        self._tokenizer = tokenizer
        self._identity = identity
        limit = settings.max_tokens or (rubric.max_tokens if rubric else DEFAULT_MAX_TOKENS)
        self._settings = settings.model_copy(update={"max_tokens": limit})
        self._max_model_len = max_model_len
        self._profile_prompts: ProfilePrompts | None = None
        self._rubric_schema = answer_schema_json(rubric) if rubric else None
        self.ignored: set[str] = set()

    def rows(self, candidates: Sequence[Row]) -> list[Row]:
        """Returns a row of the prompts table for each candidate, in order."""
        profiles = self._profile_rows([row for row in candidates if row["request"] is None])
        requests = self._request_rows([row for row in candidates if row["request"] is not None])
        return [next(profiles if row["request"] is None else requests) for row in candidates]

    def _profile_rows(self, candidates: list[Row]) -> Iterator[Row]:
        if not candidates:
            return
        prompts = self._prepared()
        for row, prompt in zip(candidates, prompts.render(candidates), strict=True):
            ids = prompt.token_ids
            key = request_key(
                ids, self._identity, prompts.sampling, self._rubric_schema, self._rubric
            )
            yield {
                "custom_id": row["custom_id"],
                "messages": prompt.messages,
                "prompt_token_ids": ids,
                "prompt_tokens": len(ids),
                "static_prefix_tokens": prompts.static_prefix_tokens,
                **_sampling_columns(prompts.sampling),
                "response_schema": self._rubric_schema,
                "schema_id": schema_id(self._rubric_schema),
                "requested_model": None,
                "shortened": prompt.shortened,
                "request_key": key,
                "error": None,
            }

    def _request_rows(self, candidates: list[Row]) -> Iterator[Row]:
        requests = [
            read_request(row["request"], self._tokenizer, self._settings) for row in candidates
        ]
        token_ids = tokenise(self._tokenizer, [r.text for r in requests], special=True)
        for row, request, ids in zip(candidates, requests, token_ids, strict=True):
            self.ignored |= request.ignored
            schema = self._rubric_schema or request.response_schema
            if request.error is None:
                key = request_key(ids, self._identity, request.sampling, schema, self._rubric)
            else:
                key = unrendered_key(row["request"], self._identity)
            yield {
                "custom_id": row["custom_id"],
                "messages": request.messages,
                "prompt_token_ids": ids,
                "prompt_tokens": len(ids),
                "static_prefix_tokens": 0,
                **_sampling_columns(request.sampling),
                "response_schema": schema,
                "schema_id": schema_id(schema),
                "requested_model": request.requested_model,
                "shortened": False,
                "request_key": key,
                "error": request.error,
            }

    def _prepared(self) -> ProfilePrompts:
        if self._profile_prompts is None:
            if self._rubric is None:
                raise ConfigError("candidates without messages of their own need a rubric")
            self._profile_prompts = ProfilePrompts(
                self._rubric, self._tokenizer, self._settings, self._max_model_len
            )
            lint_static_first(self._rubric, self._tokenizer)
            check_fits(self._rubric, self._tokenizer, self._profile_prompts.sampling.max_tokens)
        return self._profile_prompts


def _sampling_columns(sampling: Any) -> Row:
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
