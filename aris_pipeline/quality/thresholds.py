"""Configures when a shard is not good enough, and what an hour of the machine costs."""

from pydantic import BaseModel, Field


class Thresholds(BaseModel, frozen=True):
    """Limits of the checks; a value that equals its limit passes."""

    min_valid_rate: float = Field(
        default=0.95, ge=0, le=1, description="least share of rows with a valid answer"
    )
    max_truncation_rate: float = Field(
        default=0.02, ge=0, le=1, description="largest share of answers cut at the token limit"
    )
    max_unused_text: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="largest share of the candidates' text in fields that are not judged",
    )
    min_grounded_rate: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="least share of answers whose names, years and figures the profile has",
    )
    max_contradiction_rate: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="largest share of answers that contradict themselves, the profile or the dates",
    )
    min_distinct_reasons: float = Field(
        default=0.3, ge=0, le=1, description="least share of different overall reasons"
    )
    max_recommendation_drift: float = Field(
        default=0.25,
        ge=0,
        description="largest population stability index of the recommendations, against the "
        "batches before",
    )
    min_throughput_ratio: float = Field(
        default=0.7,
        ge=0,
        description="least req/s, as a share of the median of earlier shards on this hardware",
    )
    cost_per_hour: float | None = Field(
        default=None, ge=0, description="price of an hour of the machine, in any currency"
    )
