"""Renders validated candidates into the prompts table: exactly what the engine is asked."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from aris_pipeline.engines.protocol import Sampling
from aris_pipeline.errors import ConfigError
from aris_pipeline.models import EngineIdentity, package_versions
from aris_pipeline.prompts.answer_schema import answer_schema_json, check_fits
from aris_pipeline.prompts.facts import FACT_COLUMNS
from aris_pipeline.prompts.frames import lint_static_first
from aris_pipeline.prompts.openai_requests import OpenAIRequest, read_request
from aris_pipeline.prompts.origin import PromptOrigin
from aris_pipeline.prompts.parameters import parameters_text
from aris_pipeline.prompts.profile_prompts import ProfilePrompts, ProfileTexts
from aris_pipeline.prompts.request_keys import (
    RequestKeys,
    digest,
    request_key,
    schema_id,
    unrendered_key,
)
from aris_pipeline.prompts.rubrics import Rubric
from aris_pipeline.prompts.settings import DEFAULT_MAX_TOKENS, PromptSettings
from aris_pipeline.prompts.shortening import room_for_prompt
from aris_pipeline.prompts.tokenizers import Tokenizer, tokenize
from aris_pipeline.storage import (
    CODE_OF_PROMPTS,
    MADE_FROM_KEY,
    DataStore,
    Judge,
    Prompts,
    RawCandidates,
    Shard,
    origin_of,
    read_if_made_from,
    read_parquet,
    read_table,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

_ROWS_AT_ONCE = 500
_ORDER = "order"
_HAS_REQUEST = pl.col("request").is_not_null()
_HINT = "materialize raw_candidates of this shard"
_COUNTS_KEY = "aris.counts"

Row = dict[str, Any]


@dataclass(frozen=True)
class PromptCounts:
    """The counts from rendering a shard; `kept` if its prompts on the disk were up to date."""

    rows: int
    distinct: int
    shortened: int
    suspected_instructions: int
    errors: int
    redacted: dict[str, int]
    prompt_tokens: int
    mean_prompt_tokens: float
    static_prefix_tokens: int
    kept: bool = False


_COUNTS = TypeAdapter(PromptCounts)


@dataclass(frozen=True)
class Rendering:
    """Everything, besides the candidates, that determines the prompts.

    Attributes:
        rubric: the rubric; may be absent only for rows that bring their own messages.
        tokenizer: the model's fast tokenizer, with its chat template.
        identity: model and engine, part of every request_key.
        settings: redaction and sampling.
        max_model_len: the context in tokens; longer profiles are shortened and flagged.
        as_of: the day that the candidates' present is.
    """

    rubric: Rubric | None
    tokenizer: Tokenizer
    identity: EngineIdentity
    settings: PromptSettings
    max_model_len: int
    as_of: date

    def digest(self, candidates: Path) -> str:
        """Returns a digest that shows whether the prompts of a file would come out the same."""
        return origin_of(
            CODE_OF_PROMPTS,
            self.as_of.isoformat(),
            self.rubric and self.rubric.digest,
            self.identity.model_dump(mode="json"),
            self.settings.model_dump(mode="json"),
            self.max_model_len,
            package_versions(),
            hashlib.sha256(candidates.read_bytes()).hexdigest(),
        )


def render_shard(
    store: DataStore, judge: Judge, shard: Shard, rendering: Rendering
) -> PromptCounts:
    """Renders the prompts of a shard of `raw_candidates` and writes them.

    Existing prompts stay if they were rendered in this way from the same candidates.

    Raises:
        MissingDataError: the shard has no `raw_candidates`.
        ConfigError: the rubric does not fit its token budget or the context, or has static text
            after the profile, or there are candidates but no rubric.
    """
    path = store.prompts(judge, shard)
    if footer := _rendered_before(store, judge, shard, rendering):
        return replace(_COUNTS.validate_json(footer[_COUNTS_KEY]), kept=True)
    prompts = _rendered(store, shard, rendering)
    counts = _counts(prompts)
    origin = PromptOrigin(rubric=rendering.rubric, identity=rendering.identity)
    footer = {
        **origin.footer(),
        MADE_FROM_KEY: rendering.digest(store.raw_candidates(shard)),
        _COUNTS_KEY: _COUNTS.dump_json(counts).decode(),
    }
    write_parquet(prompts, path, Prompts, metadata=footer)
    return counts


def shard_prompts(
    store: DataStore, judge: Judge, shard: Shard, rendering: Rendering
) -> pl.DataFrame:
    """Returns the prompts that `render_shard` would write, without writing them.

    Prompts on disk are used if they were rendered in this way from the same candidates. The errors
    are those of `render_shard`.
    """
    if _rendered_before(store, judge, shard, rendering):
        return read_parquet(store.prompts(judge, shard), hint="materialize prompts again")
    return _rendered(store, shard, rendering)


def _rendered_before(
    store: DataStore, judge: Judge, shard: Shard, rendering: Rendering
) -> dict[str, str] | None:
    """Returns the footer of the prompts on disk if they equal those that would be rendered now."""
    candidates = store.raw_candidates(shard)
    if not candidates.exists():
        return None
    return read_if_made_from(store.prompts(judge, shard), rendering.digest(candidates))


def _rendered(store: DataStore, shard: Shard, rendering: Rendering) -> pl.DataFrame:
    candidates = read_table(store.raw_candidates(shard), RawCandidates, hint=_HINT)
    return render_candidates(candidates, rendering)


def render_candidates(
    candidates: pl.DataFrame,
    rendering: Rendering,
    rewrite: Callable[[str], str] = lambda profile: profile,
) -> pl.DataFrame:
    """Returns the prompts of rows of `RawCandidates`, in order.

    Args:
        candidates: the rows; an audit changes some of them.
        rendering: how.
        rewrite: changes the text of a profile, which is redacted by then.
    """
    renderer = _Renderer(rendering)
    if candidates["request"].has_nulls():
        renderer.prepare()
    none = pl.DataFrame(schema=polars_schema(Prompts))
    with ThreadPoolExecutor(1) as rest:
        # The tokenizer takes all cores, but not Python's lock, so the next texts are written
        # meanwhile.
        frames = [
            rest.submit(renderer.frame, part, renderer.texts(part, rewrite))
            for part in candidates.iter_slices(_ROWS_AT_ONCE)
        ]
        return pl.concat([none, *(frame.result() for frame in frames)])


def _counts(prompts: pl.DataFrame) -> PromptCounts:
    tokens = int(prompts["prompt_tokens"].sum())
    return PromptCounts(
        rows=prompts.height,
        distinct=prompts["request_key"].n_unique(),
        shortened=int(prompts["shortened"].sum()),
        suspected_instructions=int(prompts["suspected_instructions"].sum()),
        errors=prompts.height - prompts["error"].null_count(),
        redacted=_redacted(prompts),
        prompt_tokens=tokens,
        mean_prompt_tokens=tokens / prompts.height if prompts.height else 0.0,
        static_prefix_tokens=max(prompts["static_prefix_tokens"].to_list(), default=0),
    )


def _redacted(prompts: pl.DataFrame) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counts in prompts["redacted"].drop_nulls():
        total.update(json.loads(counts))
    return dict(total.most_common())


class _Renderer:
    """Renders rows of both kinds; only one thread at a time may use the tokenizer."""

    def __init__(self, rendering: Rendering) -> None:
        self._as_of = rendering.as_of
        self._rubric = rubric = rendering.rubric
        self._tokenizer = rendering.tokenizer
        self._identity = rendering.identity
        settings = rendering.settings
        limit = settings.max_tokens or (rubric.max_tokens if rubric else DEFAULT_MAX_TOKENS)
        self._settings = settings.model_copy(update={"max_tokens": limit})
        self._max_model_len = rendering.max_model_len
        self._profile_prompts: ProfilePrompts | None = None
        self._rubric_schema = answer_schema_json(rubric) if rubric else None

    def texts(self, candidates: pl.DataFrame, rewrite: Callable[[str], str]) -> ProfileTexts:
        """Returns the profiles of those candidates that have one, in order, rewritten."""
        profiles = candidates.filter(~_HAS_REQUEST)
        if profiles.is_empty():
            return ProfileTexts.none()
        texts = self.prepare().texts(profiles)
        return texts._replace(guarded=[rewrite(text) for text in texts.guarded])

    def frame(self, candidates: pl.DataFrame, texts: ProfileTexts) -> pl.DataFrame:
        """Returns a row of the prompts table for each candidate, in order.

        Args:
            candidates: rows of `RawCandidates`.
            texts: their profiles.
        """
        numbered = candidates.with_row_index(_ORDER)
        profiles, requests = numbered.filter(~_HAS_REQUEST), numbered.filter(_HAS_REQUEST)
        rendered = pl.concat([self._profiles(profiles, texts), self._requests(requests)])
        order = pl.concat([profiles[_ORDER], requests[_ORDER]])
        return rendered.with_columns(order).sort(_ORDER).drop(_ORDER)

    def _profiles(self, candidates: pl.DataFrame, texts: ProfileTexts) -> pl.DataFrame:
        schema = polars_schema(Prompts)
        if candidates.is_empty():
            return pl.DataFrame(schema=schema)
        prompts = self.prepare()
        shared_ids, asked = prompts.shared_ids, self._rubric_schema
        keys = RequestKeys(self._identity, prompts.sampling, asked, self._rubric, shared_ids)
        rendered = list(prompts.render(texts))
        token_ids = schema["prompt_token_ids"]
        shared = pl.Series([shared_ids], dtype=token_ids)
        further = pl.Series([prompt.further_ids for prompt in rendered], dtype=token_ids)
        columns: dict[str, Any] = {
            "custom_id": candidates["custom_id"],
            "messages": [prompt.messages for prompt in rendered],
            "shortened": [prompt.shortened for prompt in rendered],
            "suspected_instructions": [prompt.suspected_instructions for prompt in rendered],
            "request_key": [keys.of(prompt.further_ids) for prompt in rendered],
            "redaction": texts.redaction,
            "redacted": [json.dumps(counts) for counts in texts.redacted],
            **{name: [getattr(facts, name) for facts in texts.facts] for name in FACT_COLUMNS},
        }
        same_for_all = {
            "static_prefix_tokens": len(shared_ids),
            **_sampling_columns(prompts.sampling),
            "response_schema": asked,
            "schema_id": schema_id(asked),
            "parameters": None,
            "may_be_shortened": True,
            "requested_model": None,
            "error": None,
        }
        return (
            pl.DataFrame(columns)
            .with_columns(
                prompt_token_ids=pl.concat_list(pl.lit(shared), further),
                **{name: pl.lit(value, schema[name]) for name, value in same_for_all.items()},
            )
            .with_columns(prompt_tokens=pl.col("prompt_token_ids").list.len())
            .select(*schema)
            .cast(schema)
        )

    def _requests(self, candidates: pl.DataFrame) -> pl.DataFrame:
        rows = self._request_rows(candidates.select("custom_id", "request").to_dicts())
        return pl.DataFrame(list(rows), schema=polars_schema(Prompts), orient="row")

    def _request_rows(self, candidates: list[Row]) -> Iterator[Row]:
        requests = [
            read_request(row["request"], row["custom_id"], self._tokenizer, self._settings)
            for row in candidates
        ]
        token_ids = tokenize(self._tokenizer, [r.text for r in requests], special=True)
        for row, request, ids in zip(candidates, requests, token_ids, strict=True):
            schema = self._rubric_schema or request.response_schema
            sampling = self._sampling(request)
            if request.error is None:
                key = request_key(ids, self._identity, sampling, schema, self._rubric)
            else:
                key = unrendered_key(row["request"], self._identity)
            most = room_for_prompt(self._max_model_len, sampling.max_tokens)
            if self._settings.shorten and len(ids) > most:
                key = digest({"cut": key})  # answers to the whole prompt do not fit
            yield {
                "custom_id": row["custom_id"],
                "messages": request.messages,
                "prompt_token_ids": ids,
                "prompt_tokens": len(ids),
                "static_prefix_tokens": 0,
                **_sampling_columns(sampling),
                "response_schema": schema,
                "schema_id": schema_id(schema),
                "parameters": parameters_text(sampling, request.template_options),
                "requested_model": request.requested_model,
                "shortened": False,
                "may_be_shortened": self._settings.shorten,
                "suspected_instructions": False,
                "request_key": key,
                "redaction": "none",
                "redacted": None,
                **dict.fromkeys(FACT_COLUMNS),
                "error": request.error,
            }

    def _sampling(self, request: OpenAIRequest) -> Sampling:
        """Returns the sampling of a row; a rubric's schema replaces any constraint that it has."""
        if self._rubric is None or "structured_outputs" not in request.sampling.further:
            return request.sampling
        further = dict(request.sampling.further)
        del further["structured_outputs"]
        return replace(request.sampling, further=further)

    def prepare(self) -> ProfilePrompts:
        """Returns the shared part of all profile prompts, made once and before threads start."""
        if self._profile_prompts is None:
            if self._rubric is None:
                raise ConfigError("candidates without messages of their own need a rubric")
            self._profile_prompts = ProfilePrompts(
                self._rubric, self._tokenizer, self._settings, self._max_model_len, self._as_of
            )
            lint_static_first(self._rubric, self._tokenizer)
            check_fits(self._rubric, self._tokenizer, self._profile_prompts.sampling.max_tokens)
        return self._profile_prompts


def _sampling_columns(sampling: Sampling) -> Row:
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
