"""Makes a shard's evaluations from its prompts and completions: one row a prompt, valid or not."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import dataframely as dy
import numpy as np
import polars as pl
from pydantic import ValidationError

from aris_pipeline.completions import SHORTENED, AnswerParser, Parsed
from aris_pipeline.errors import DamagedDataError
from aris_pipeline.evaluations.contradictions import ContradictionFinder
from aris_pipeline.evaluations.grounding import (
    ShownProfile,
    claims_of,
    common_words,
    grounding,
)
from aris_pipeline.evaluations.review import review_reasons
from aris_pipeline.evaluations.schemas import (
    evaluation_schema,
    property_columns,
    property_schema,
    property_value,
    rubric_columns,
)
from aris_pipeline.models import EngineIdentity
from aris_pipeline.prompts import (
    FACT_COLUMNS,
    OPENAI,
    Rubric,
    answer_schema_json,
    constraint_of,
    lines_of_profile,
    named_answer,
    quoted,
    rubric_as_judged,
    shown_profile,
)
from aris_pipeline.scoring.calibration import Floats, scores
from aris_pipeline.storage import (
    Completions,
    DataStore,
    Evaluations,
    Judge,
    Prompts,
    Shard,
    read_metadata,
    read_table,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

RUBRIC_KEY = "aris_rubric"
"""Key of the rubric itself in the parquet footer: a file explains its columns."""

_PROMPT_COLUMNS = [
    "custom_id", "request_key", "response_schema", "parameters", "prompt_tokens", "shortened",
    "may_be_shortened", "suspected_instructions", "requested_model", "error", "redaction",
    *FACT_COLUMNS,
]  # fmt: skip
_COMPLETION_COLUMNS = [
    "custom_id", "request_key", "text", "finish_reason", "option_logprobs", "calibration_logprobs",
    "overrides", "engine", "run_id", "error_type", "error_message", "triaged",
]  # fmt: skip

TRIAGED = "triaged"
"""The `invalid_reason` of a row that has a score and, on purpose, no answer."""

_ELSEWHERE = "grounded_elsewhere"

Row = dict[str, Any]


@dataclass(frozen=True)
class EvaluationCounts:
    """The counts from evaluating a shard."""

    rows: int
    valid: int
    triaged: int
    invalid_reasons: dict[str, int]
    recommendations: dict[str, int]
    grounding: dict[str, int] = field(default_factory=dict)
    grounded_elsewhere: int = 0
    contradictions: dict[str, int] = field(default_factory=dict)
    distinct_reasons: int = 0


def evaluate_shard(
    store: DataStore,
    judge: Judge,
    shard: Shard,
    rubric: Rubric | None,
    identity: EngineIdentity,
) -> EvaluationCounts:
    """Parses, validates and scores the answers of a shard and writes its evaluations.

    Args:
        store: the store of the tables.
        judge: the judge whose answers these are.
        shard: the shard to evaluate.
        rubric: the rubric of the answers; none if an OpenAI file brought its own questions.
        identity: the model that answered.
    """
    answered = _joined(store, judge, shard, with_profiles=bool(rubric and rubric.evidence))
    schema = _schema(answered, rubric)
    evaluated = _evaluated(answered, rubric).with_columns(
        shortened=pl.col("shortened") | pl.col("cut"),
        rubric_id=pl.lit(rubric.id if rubric else OPENAI),
        rubric_digest=pl.lit(rubric.digest if rubric else None, dtype=pl.String),
        model_id=pl.lit(identity.model_id),
        model_revision=pl.lit(identity.revision),
        engine=pl.col("engine").fill_null(identity.kind),
        run_id=pl.col("run_id").fill_null(""),
    )
    evaluated = evaluated.with_columns(review_reasons(rubric))
    write_parquet(
        evaluated.select(schema.column_names()),
        store.evaluations(judge, shard),
        schema,
        metadata={RUBRIC_KEY: rubric.model_dump_json()} if rubric else None,
    )
    return _counts(evaluated)


def rubric_of(file: Path) -> Rubric | None:
    """Returns the rubric that a file of evaluations was judged by; None for OpenAI requests.

    Raises:
        MissingDataError: the file is not there.
        DamagedDataError: the file is damaged, or this version cannot use its rubric.
    """
    written = read_metadata(file, hint="materialize evaluations of this shard").get(RUBRIC_KEY)
    try:
        return rubric_as_judged(written) if written else None
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"])) or "rubric"
        raise DamagedDataError(
            f"{file} was judged by a rubric that this version cannot use ({field}: "
            f"{problem['msg']}): correct the rubric and run the file again, or move "
            f"{file.parents[1]} elsewhere"
        ) from error


def _joined(store: DataStore, judge: Judge, shard: Shard, *, with_profiles: bool) -> pl.DataFrame:
    """Returns every prompt with its completion, if it has one that answers the same request."""
    prompts = read_table(
        store.prompts(judge, shard),
        Prompts,
        hint="materialize prompts of this shard",
        columns=[*_PROMPT_COLUMNS, *(["messages"] if with_profiles else [])],
    )
    completions = read_table(
        store.completions(judge, shard),
        Completions,
        hint="materialize completions of this shard",
        columns=_COMPLETION_COLUMNS,
    )
    # Earlier versions also marked a lowered limit in this way, without a shorter prompt.
    kept = pl.col("overrides").str.json_path_match(f"$.{SHORTENED}.prompt_tokens").cast(pl.Int32)
    return prompts.join(
        completions.with_columns(answered=pl.lit(value=True)),
        on=["custom_id", "request_key"],
        how="left",
        maintain_order="left",
    ).with_columns(cut=(kept < pl.col("prompt_tokens")).fill_null(value=False))


def _schema(answered: pl.DataFrame, rubric: Rubric | None) -> type[dy.Schema]:
    shared = _shared_schema(answered) if rubric is None else None
    return property_schema(shared) if shared else evaluation_schema(rubric)


def _shared_schema(answered: pl.DataFrame) -> Row | None:
    """Returns the answer schema if all rows share it and all were asked for JSON."""
    found = answered["response_schema"].unique().to_list()
    return AnswerParser(found[0]).schema if len(found) == 1 and found[0] is not None else None


def _evaluated(answered: pl.DataFrame, rubric: Rubric | None) -> pl.DataFrame:
    parsed = _parsed(answered)
    shared = _shared_schema(answered) if rubric is None else None
    if rubric is not None:
        asked = answer_schema_json(rubric)
        own = [text == asked for text in answered["response_schema"]]
        named = [
            named_answer(rubric, one.answer) if is_own and one.answer is not None else {}
            for one, is_own in zip(parsed, own, strict=True)
        ]
        typed = _rubric_answers(named, answered, rubric)
    elif shared:
        typed = _property_answers(parsed, property_columns(shared))
    else:
        typed = _free_text(parsed, answered)
    results = pl.DataFrame(
        {
            "is_valid": [one.invalid_reason is None for one in parsed],
            "invalid_reason": [one.invalid_reason for one in parsed],
            "invalid_detail": [one.invalid_detail for one in parsed],
            "answer_json": _answers_json(parsed, rubric),
        },
        schema={
            "is_valid": pl.Boolean,
            "invalid_reason": pl.String,
            "invalid_detail": pl.String,
            "answer_json": pl.String,
        },
    )
    return pl.concat([answered, results, typed, _scored(answered, rubric)], how="horizontal")


def _parsed(answered: pl.DataFrame) -> list[Parsed]:
    parsers: dict[tuple[str | None, str | None], AnswerParser] = {}
    results = []
    for row in answered.select(
        "response_schema", "parameters", "answered", "error", "error_type", "error_message", "text",
        "finish_reason", "triaged", "cut", "may_be_shortened",
    ).iter_rows(named=True):  # fmt: skip
        failed = _failure(row)
        if failed is None:
            asked = schema, parameters = row["response_schema"], row["parameters"]
            parser = parsers.get(asked) or parsers.setdefault(
                asked, AnswerParser(schema, constraint_of(parameters))
            )
            failed = parser.parse(row["text"], row["finish_reason"])
        results.append(failed)
    return results


def _failure(row: Mapping[str, Any]) -> Parsed | None:
    """Returns why there is no answer to parse: refused by engine, not rendered, or missing."""
    if row["error_type"] is not None:
        detail = row["error_message"] or row["error"]
        return Parsed(invalid_reason=row["error_type"], invalid_detail=detail)
    if row["error"] is not None:
        return Parsed(invalid_reason="prompt_error", invalid_detail=row["error"])
    if not row["answered"]:
        detail = "no completion has this row's custom_id and request_key"
        return Parsed(invalid_reason="missing_completion", invalid_detail=detail)
    if row["triaged"]:
        detail = "scored, and left without an answer by triage; a run without it generates one"
        return Parsed(invalid_reason=TRIAGED, invalid_detail=detail)
    if row["cut"] and row["may_be_shortened"] is False:
        detail = (
            "the answer that is known is to a part of the prompt, and shortening was not asked for:"
            " raise max_model_len, or run again with --shorten"
        )
        return Parsed(invalid_reason="prompt_too_long", invalid_detail=detail)
    return None


def _answers_json(parsed: list[Parsed], rubric: Rubric | None) -> list[str | None]:
    """Returns the answers as JSON text; an array of a rubric's values gets their names."""
    if rubric is None or rubric.answer_form == "object":
        return [one.answer_json for one in parsed]
    return [
        json.dumps(named_answer(rubric, one.answer), ensure_ascii=False, separators=(",", ":"))
        if isinstance(one.answer, list)
        else one.answer_json
        for one in parsed
    ]


def _rubric_answers(answers: list[Row], answered: pl.DataFrame, rubric: Rubric) -> pl.DataFrame:
    """Returns the rubric's columns; null if a row is not valid or brought its own schema."""
    types = polars_schema(evaluation_schema(rubric))
    columns = rubric_columns(rubric, nullable=True)
    names = [name for name in columns if name not in rubric.probability_columns]
    if rubric.evidence:
        _check(answers, answered, rubric)
        types |= {_ELSEWHERE: pl.Boolean()}
        names += ["grounding", "ungrounded", "contradictions", _ELSEWHERE]
    return pl.DataFrame(
        {
            name: pl.Series([answer.get(name) for answer in answers], dtype=types[name])
            for name in names
        }
    )


def _check(answers: list[Row], answered: pl.DataFrame, rubric: Rubric) -> None:
    """Adds quotes, grounding and contradictions to the answers that there are.

    As a placebo, the claims of each answer are looked for in the next candidate's profile too.
    """
    finder = ContradictionFinder(rubric)
    profiles = [shown_profile(text) for text in answered["messages"]]
    reasons = [[text for name, text in one.items() if name.endswith("_reason")] for one in answers]
    common = common_words([*profiles, *(text for one in reasons for text in one)])
    years = answered["years_experience"]
    own_and_next = pairwise(map(ShownProfile, [*profiles, *profiles[:1]]))
    rows = zip(answers, own_and_next, reasons, years, strict=True)
    for answer, (own, another), said, worked in rows:
        if not answer:
            continue
        lines = lines_of_profile(own.text)
        answer["contradictions"] = finder.find(answer, lines, worked)
        for criterion in rubric.criteria:
            evidence = answer[f"{criterion.name}_evidence"]
            answer[f"{criterion.name}_quote"] = quoted(evidence, lines)
        claims = claims_of(said, common)
        answer["ungrounded"] = own.missing(claims)
        answer["grounding"] = grounding(claims, answer["ungrounded"])
        answer[_ELSEWHERE] = all(map(another.holds, claims)) if claims else None


def _free_text(parsed: list[Parsed], answered: pl.DataFrame) -> pl.DataFrame:
    valid = pl.Series([one.invalid_reason is None for one in parsed], dtype=pl.Boolean)
    return answered.select(
        answer_text=pl.when(valid & pl.col("response_schema").is_null()).then("text")
    )


def _property_answers(parsed: list[Parsed], columns: dict[str, dy.Column]) -> pl.DataFrame:
    answers = [one.answer if isinstance(one.answer, dict) else {} for one in parsed]
    return pl.DataFrame(
        {
            name: pl.Series(
                [
                    property_value(column, answer.get(name.removeprefix("answer_")))
                    for answer in answers
                ],
                dtype=column.dtype,
            )
            for name, column in columns.items()
        }
    )


def _scored(answered: pl.DataFrame, rubric: Rubric | None) -> pl.DataFrame:
    if rubric is None:
        types = polars_schema(Evaluations)
        names = ("score", "confidence", "score_recommendation")
        return pl.DataFrame(schema={name: types[name] for name in names}).clear(answered.height)
    options = rubric.recommendations
    found = scores(
        _matrix(answered["option_logprobs"], len(options)),
        _matrix(answered["calibration_logprobs"], len(options)),
    )
    verdicts = [options[index] if index >= 0 else None for index in found.likeliest.tolist()]
    return pl.DataFrame(
        {
            "score": found.score,
            "confidence": found.confidence,
            "score_recommendation": pl.Series(verdicts, dtype=pl.String),
            **dict(zip(rubric.probability_columns, found.probabilities.T, strict=True)),
        }
    ).fill_nan(None)


def _matrix(lists: pl.Series, width: int) -> Floats:
    """Returns the lists as rows; NaN if a list is null or has another length."""
    missing = [float("nan")] * width
    rows = [one if one is not None and len(one) == width else missing for one in lists.to_list()]
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _counts(evaluated: pl.DataFrame) -> EvaluationCounts:
    reasons = Counter(evaluated["invalid_reason"].drop_nulls().to_list())
    verdicts: Counter[str] = Counter()
    if "recommendation" in evaluated.columns:
        verdicts.update(evaluated["recommendation"].drop_nulls().to_list())
    return EvaluationCounts(
        **_checks(evaluated) if _ELSEWHERE in evaluated.columns else {},
        distinct_reasons=_distinct_reasons(evaluated),
        rows=evaluated.height,
        valid=int(evaluated["is_valid"].sum()),
        triaged=reasons[TRIAGED],
        invalid_reasons=dict(reasons.most_common()),
        recommendations=dict(verdicts.most_common()),
    )


def _checks(evaluated: pl.DataFrame) -> dict[str, Any]:
    found = Counter(evaluated["grounding"].drop_nulls().to_list())
    contradictions = Counter(evaluated["contradictions"].explode().drop_nulls().to_list())
    return {
        "grounding": dict(found.most_common()),
        "grounded_elsewhere": int(evaluated[_ELSEWHERE].sum()),
        "contradictions": dict(contradictions.most_common()),
    }


def _distinct_reasons(evaluated: pl.DataFrame) -> int:
    if "overall_reason" not in evaluated.columns:
        return 0
    return evaluated["overall_reason"].drop_nulls().n_unique()
