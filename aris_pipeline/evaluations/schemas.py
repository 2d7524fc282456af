"""Defines the columns that a rubric, or an OpenAI file's answer schema, adds to the tables."""

import sys
from typing import Any

import dataframely as dy

from aris_pipeline.evaluations.grounding import GROUNDINGS
from aris_pipeline.prompts import FACT_COLUMNS, Rubric
from aris_pipeline.storage import Evaluations, Prompts

_INT64 = 2**63


def evaluation_schema(rubric: Rubric | None) -> type[dy.Schema]:
    """Returns `Evaluations` extended by the rubric's columns, all null if a row is not valid.

    Without a rubric, as in an OpenAI file, a column has the answers of rows that ask for free text.
    """
    if rubric is None:
        text = dy.String(nullable=True, description="The answer of a row that asks for free text.")
        return _extended("TextEvaluations", Evaluations, {"answer_text": text})
    columns = rubric_columns(rubric, nullable=True) | checked_columns(rubric)
    return _extended("RubricEvaluations", Evaluations, columns)


def rubric_columns(rubric: Rubric, *, nullable: bool) -> dict[str, dy.Column]:
    """Returns the answer's columns, in the order of the answer, then the probabilities."""
    columns: dict[str, dy.Column] = {}
    for criterion in rubric.criteria:
        if rubric.evidence:
            columns[f"{criterion.name}_evidence"] = dy.String(
                nullable=nullable,
                description=f"{criterion.title}: lines of the profile that the reason rests on; -"
                " for none.",
            )
            columns[f"{criterion.name}_quote"] = dy.String(
                nullable=True, description=f"{criterion.title}: these lines, as the model saw them."
            )
        columns[criterion.name] = dy.Enum(
            rubric.rating_options, nullable=nullable, description=f"{criterion.title}: rating."
        )
        columns[f"{criterion.name}_reason"] = dy.String(
            nullable=nullable, description=f"{criterion.title}: reason of the rating."
        )
    for flag in rubric.flags:
        columns[flag.name] = dy.Bool(nullable=nullable, description=flag.guidance)
    columns["overall_reason"] = dy.String(
        nullable=nullable, description="Reason of the recommendation."
    )
    columns["recommendation"] = dy.Enum(
        rubric.recommendations, nullable=nullable, description="The generated verdict."
    )
    for name, option in zip(rubric.probability_columns, rubric.recommendations, strict=True):
        columns[name] = dy.Float64(
            nullable=True, description=f"Calibrated probability of {option}."
        )
    return columns


def checked_columns(rubric: Rubric) -> dict[str, dy.Column]:
    """Returns the columns that say whether a verdict can be trusted; none without evidence."""
    if not rubric.evidence:
        return {}
    given = Prompts.columns()
    return {
        "grounding": dy.Enum(
            GROUNDINGS,
            nullable=True,
            description="Whether the profile has all names, years and figures that the reasons"
            " name; nothing_to_check if they name none.",
        ),
        "ungrounded": dy.List(
            dy.String(), nullable=True, description="What the reasons name and the profile has not."
        ),
        "contradictions": dy.List(
            dy.String(),
            nullable=True,
            description="Where the answer contradicts itself, the profile or the dates, by name.",
        ),
        **{name: given[name] for name in (*FACT_COLUMNS, "redaction")},
    }


def ranking_schema(rubric: Rubric) -> type[dy.Schema]:
    """Returns the columns of `candidate_ranking`: in the order in which an analyst needs them."""
    judged = rubric_columns(rubric, nullable=False)
    given = Evaluations.columns()
    verdict = judged.pop("recommendation")
    columns: dict[str, dy.Column] = {
        "rank": dy.Int64(description="1 is best: by recommendation, then score, then custom_id."),
        "custom_id": given["custom_id"],
        "recommendation": verdict,
        **{name: given[name] for name in ("score", "confidence", "score_recommendation")},
        "disagrees": dy.Bool(
            nullable=True, description="Whether the likeliest verdict is not the generated one."
        ),
        **judged,
        **checked_columns(rubric),
        **{
            name: given[name]
            for name in (
                "shortened", "suspected_instructions", "review_reasons", "rubric_id",
                "rubric_digest", "model_id", "model_revision", "engine", "run_id", "request_key",
            )
        },
    }  # fmt: skip
    return _extended("CandidateRanking", dy.Schema, columns)


def property_columns(answer_schema: dict[str, Any]) -> dict[str, dy.Column]:
    """Returns a column `answer_<property>` for each scalar top-level property of a JSON schema."""
    columns: dict[str, dy.Column] = {}
    properties = answer_schema.get("properties")
    for name, rule in properties.items() if isinstance(properties, dict) else ():
        column = _scalar(rule, f"Property {name} of the answer.")
        if column is not None and f"answer_{name}" not in Evaluations.columns():
            columns[f"answer_{name}"] = column
    return columns


def property_schema(answer_schema: dict[str, Any]) -> type[dy.Schema]:
    """Returns `Evaluations` extended by the properties of an OpenAI file's answer schema."""
    return _extended("OpenAIEvaluations", Evaluations, property_columns(answer_schema))


def property_value(column: dy.Column, value: object) -> object:
    """Returns a parsed property as its column holds it; null if it cannot."""
    if isinstance(column, dy.Bool):
        return value if isinstance(value, bool) else None
    if isinstance(column, dy.String):
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(column, dy.Float64):
        return float(value) if abs(value) <= sys.float_info.max else None
    return int(value) if abs(value) < _INT64 and value == int(value) else None


def _scalar(rule: object, description: str) -> dy.Column | None:
    kind = rule.get("type") if isinstance(rule, dict) else None
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        kind = kinds[0] if len(kinds) == 1 else None
    if kind is None and isinstance(rule, dict) and isinstance(rule.get("enum"), list):
        kind = "string" if all(isinstance(value, str) for value in rule["enum"]) else None
    if kind == "string":
        return dy.String(nullable=True, description=description)
    if kind == "integer":
        return dy.Int64(nullable=True, description=description)
    if kind == "number":
        return dy.Float64(nullable=True, description=description)
    if kind == "boolean":
        return dy.Bool(nullable=True, description=description)
    return None


def _extended(name: str, base: type[dy.Schema], columns: dict[str, dy.Column]) -> type[dy.Schema]:
    taken = sorted(set(columns) & set(base.columns()))
    if taken:
        raise ValueError(f"columns defined twice: {', '.join(taken)}")
    return type(name, (base,), {**columns, "__module__": __name__})
