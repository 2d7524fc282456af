"""Declares the columns of every table, with their meaning, for validation, the UI and the docs.

The columns that a rubric adds (ratings, reasons, verdict probabilities) depend on the rubric file;
`aris_pipeline.evaluations` extends `Evaluations` with them.
"""

from typing import Any, cast

import dataframely as dy
import polars as pl
import pyarrow as pa

_JOB: dict[str, dy.Column] = {
    "title": dy.String(nullable=True),
    "company": dy.String(nullable=True),
    "work_start_date": dy.String(nullable=True),
    "work_end_date": dy.String(nullable=True),
    "is_current": dy.Bool(nullable=True),
    "description": dy.String(nullable=True),
}
_DEGREE: dict[str, dy.Column] = {
    "degree": dy.String(nullable=True),
    "school": dy.String(nullable=True),
    "field_of_study": dy.String(nullable=True),
    "end_date": dy.String(nullable=True),
}


def _custom_id() -> dy.String:
    return dy.String(
        primary_key=True, min_length=1, description="Id of the candidate, unique in its batch."
    )


def _years(description: str) -> dy.Float64:
    return dy.Float64(nullable=True, description=description)


class Landed(dy.Schema):
    """One row a record, as landing read it."""

    custom_id = _custom_id()
    file = dy.String(description="Name of the landed file.")
    line = dy.Int64(description="Line in the file; for JSON arrays and parquet the row's number.")
    record = dy.String(description="The record as JSON text.")


class Quarantine(dy.Schema):
    """One row for each record that is not usable, with the rule that it broke."""

    file = dy.String(description="Name of the landed file.")
    line = dy.Int64(description="Line in the file; for JSON arrays and parquet the row's number.")
    custom_id = dy.String(nullable=True, description="Id of the candidate where one could be read.")
    field = dy.String(nullable=True, description="The field at fault, as a dotted path.")
    rule = dy.String(description="The rule that was broken, such as duplicate_id or wrong_type.")
    message = dy.String(description="What was found and what was expected.")
    raw = dy.String(description="The raw text of the record, at most 64 KiB of it.")


class RawCandidates(dy.Schema):
    """Validated, typed candidates of a shard; rows of an OpenAI file have `request` instead."""

    custom_id = _custom_id()
    file = dy.String(description="Name of the landed file.")
    line = dy.Int64(description="Line in the file; for JSON arrays and parquet the row's number.")
    first_name = dy.String(nullable=True, description="Given name (personal data).")
    last_name = dy.String(nullable=True, description="Family name (personal data).")
    other_names = dy.List(
        dy.String(),
        nullable=True,
        description="Middle, maiden and nick names, and full names that say more (personal data).",
    )
    title = dy.String(nullable=True, description="Present job title or headline.")
    company = dy.String(nullable=True, description="Present employer.")
    location = dy.String(nullable=True, description="Where the candidate lives.")
    work_info = dy.List(dy.Struct(_JOB), description="Jobs, in the order of the source.")
    education_info = dy.List(
        dy.Struct(_DEGREE), description="Education, in the order of the source."
    )
    skills = dy.List(dy.String(), description="Named skills.")
    resume_text = dy.String(nullable=True, description="Free text of the resume (personal data).")
    extra = dy.String(
        nullable=True, description="Fields without a column of their own, as JSON text."
    )
    request = dy.String(nullable=True, description="Body of an OpenAI batch line, as JSON text.")
    repaired = dy.Bool(
        description="Whether any text had to be repaired: its encoding, HTML or printed escapes."
    )


class Prompts(dy.Schema):
    """One row a candidate: exactly what the engine is asked."""

    custom_id = _custom_id()
    messages = dy.String(description="Chat messages as JSON text.")
    prompt_token_ids = dy.List(dy.Int32(), description="The rendered prompt as token ids.")
    prompt_tokens = dy.Int32(description="Length of the prompt in tokens.")
    static_prefix_tokens = dy.Int32(
        description="Leading tokens that all prompts of the rubric share, for the prefix cache."
    )
    temperature = dy.Float64(description="Sampling temperature; 0 is greedy.")
    top_p = dy.Float64(description="Nucleus sampling threshold.")
    max_tokens = dy.Int32(description="Limit of the answer's length in tokens.")
    seed = dy.Int64(nullable=True, description="Sampling seed.")
    response_schema = dy.String(
        nullable=True, description="JSON schema of the answer, as JSON text."
    )
    schema_id = dy.String(nullable=True, description="Short digest of response_schema.")
    parameters = dy.String(
        nullable=True,
        description="Further parameters of an OpenAI row, as JSON text: sampling, a choice, regex "
        "or grammar of the answer (structured_outputs), options of the chat template.",
    )
    requested_model = dy.String(nullable=True, description="body.model of an OpenAI line.")
    shortened = dy.Bool(description="Whether the profile was cut to fit the context.")
    may_be_shortened = dy.Bool(
        nullable=True,
        description="Whether a prompt that the engine finds too long may be cut: of profiles, and "
        "of OpenAI rows where that was asked for.",
    )
    suspected_instructions = dy.Bool(
        description="Whether the profile seems to give the model orders; false for OpenAI rows."
    )
    request_key = dy.String(
        description="Digest of all that determines the answer; equal keys are generated once."
    )
    redaction = dy.String(
        nullable=True,
        description="How names were found: fields (given in fields of their own), patterns (in the "
        "text alone), none (nothing was redacted).",
    )
    redacted = dy.String(
        nullable=True,
        description="How often each kind of personal detail was replaced, as JSON text.",
    )
    years_experience = _years("Years with a job, up to the day of the export.")
    years_latest_job = _years("Years of the job that ended last.")
    jobs = dy.Int64(nullable=True, description="Jobs of the profile.")
    gap_years = _years("Years without a job between the first and the last; never in a prompt.")
    error = dy.String(nullable=True, description="Why no prompt could be rendered.")


class Completions(dy.Schema):
    """One row a prompt: what the engine answered, or why it did not."""

    custom_id = _custom_id()
    request_key = dy.String(description="The prompt's request_key.")
    text = dy.String(nullable=True, description="The generated text.")
    finish_reason = dy.String(nullable=True, description="stop, length, abort or error.")
    prompt_tokens = dy.Int32(description="Tokens of the prompt.")
    cached_tokens = dy.Int32(description="Tokens of the prompt that the prefix cache answered.")
    output_tokens = dy.Int32(description="Tokens of the answer.")
    latency_s = dy.Float64(nullable=True, description="Seconds from queueing to the last token.")
    preemptions = dy.Int32(
        description="Times the engine set the request back for want of KV cache."
    )
    option_logprobs = dy.List(
        dy.Float64(), nullable=True, description="Log-probability of each verdict, in rubric order."
    )
    calibration_logprobs = dy.List(
        dy.Float64(), nullable=True, description="The same for a profile that says nothing."
    )
    attempt = dy.Int32(description="1 for the first request; repairs count up.")
    overrides = dy.String(
        nullable=True,
        description="What repairs changed about the first request, as JSON text; null without.",
    )
    triaged = dy.Bool(
        nullable=True,
        description="Whether triage has only scored the row, so that it has no answer on purpose.",
    )
    reused = dy.Bool(
        description="Whether the answer was taken over instead of generated in run_id."
    )
    run_id = dy.String(description="Dagster run that generated the answer.")
    engine = dy.String(description="Engine and version.")
    error_type = dy.String(
        nullable=True, description="Why there is no answer, such as prompt_too_long."
    )
    error_message = dy.String(nullable=True, description="The engine's own words.")
    completed_at = dy.Datetime(time_zone="UTC", description="When the answer was complete.")


class Evaluations(dy.Schema):
    """One row a prompt: the parsed verdict. The rubric's own columns follow these."""

    custom_id = _custom_id()
    valid = dy.Bool(
        alias="is_valid", description="Whether the answer is complete and satisfies its schema."
    )
    invalid_reason = dy.String(nullable=True, description="Typed reason where is_valid is false.")
    invalid_detail = dy.String(nullable=True, description="What exactly was wrong.")
    answer_json = dy.String(nullable=True, description="The parsed answer as JSON text.")
    score = dy.Float64(
        nullable=True,
        description="Expected recommendation by calibrated probabilities, 0 (worst) to 4.",
    )
    confidence = dy.Float64(
        nullable=True, description="Calibrated probability of the likeliest verdict."
    )
    score_recommendation = dy.String(nullable=True, description="The likeliest verdict.")
    shortened = dy.Bool(description="Whether the model saw a shortened profile or request.")
    suspected_instructions = dy.Bool(
        description="Whether the profile seems to give the model orders; false for OpenAI rows."
    )
    review_reasons = dy.List(
        dy.String(),
        nullable=True,
        description="Why a person should look at the verdict, in the words of the page's review "
        "queue; null if is_valid is false, or a version before 0.3.0 evaluated the shard.",
    )
    request_key = dy.String(description="The prompt's request_key.")
    rubric_id = dy.String(description="Id of the rubric, or openai where the file brought its own.")
    rubric_digest = dy.String(nullable=True, description="Digest of the rubric's content.")
    model_id = dy.String(description="Checkpoint that answered.")
    model_revision = dy.String(description="Revision of the checkpoint.")
    requested_model = dy.String(nullable=True, description="body.model of an OpenAI line.")
    engine = dy.String(description="Engine and version.")
    run_id = dy.String(description="Dagster run that generated the answer.")


class Throughput(dy.Schema):
    """One row a shard: what its latest run cost. Rates count the rows that the run generated."""

    run_id = dy.String(description="Dagster run that was measured.")
    started_at = dy.Datetime(time_zone="UTC", description="When the shard's rows came up.")
    rows = dy.Int64(description="Prompts of the shard.")
    rows_ok = dy.Int64(description="Rows whose answer came to its own end (stop).")
    rows_failed = dy.Int64(description="Rows without one.")
    rows_reused = dy.Int64(description="Rows whose answer was taken over.")
    rows_generated = dy.Int64(description="Rows whose answer was generated in this run.")
    triage = dy.Float64(
        nullable=True,
        description="Share of the rows to be answered; rates are then not those of a full run.",
    )
    rows_triaged = dy.Int64(nullable=True, description="Rows that triage has only scored.")
    rows_scored = dy.Int64(nullable=True, description="Requests that triage scored in this run.")
    score_s = dy.Float64(nullable=True, description="Seconds of generate_s that scores took.")
    rows_poison = dy.Int64(description="Rows that no engine survived.")
    repairs_longer = dy.Int64(description="Rows asked again with a larger token limit.")
    repairs_reseeded = dy.Int64(description="Rows asked again with another seed.")
    repairs_shortened = dy.Int64(description="Rows asked again with a shorter prompt.")
    engine_restarts = dy.Int64(description="Engines that died or hung and were replaced.")
    load_s = dy.Float64(
        description="Seconds to load the engine since the shard before ended; 0 without a load."
    )
    generate_s = dy.Float64(
        description="Seconds of generation that fell to the shard: each span between two finished "
        "rows of a run goes to the later row's shard, so that shards add up to the run."
    )
    predicted_s = dy.Float64(
        nullable=True, description="Seconds of generation that were expected; null if unknown."
    )
    predicted_from = dy.String(
        nullable=True, description="What that was an estimate of, or why there was none."
    )
    busy_s = dy.Float64(
        nullable=True,
        description="Of generate_s: the engine had all rows that it takes, or all of the run.",
    )
    starved_s = dy.Float64(
        nullable=True,
        description="Of generate_s: rows were left, and we had control, to feed or to finish rows.",
    )
    draining_s = dy.Float64(
        nullable=True, description="Of generate_s: no rows were left to feed, the last ones ended."
    )
    wall_s = dy.Float64(
        description="Seconds from started_at to the file, without loads; shards overlap."
    )
    prompt_tokens = dy.Int64(description="Prompt tokens of generated rows.")
    cached_tokens = dy.Int64(description="Prompt tokens that the prefix cache answered.")
    output_tokens = dy.Int64(description="Output tokens of generated rows.")
    req_s = dy.Float64(nullable=True, description="Generated rows per second of generation.")
    output_tok_s = dy.Float64(nullable=True, description="Output tokens per second.")
    total_tok_s = dy.Float64(nullable=True, description="Prompt and output tokens per second.")
    success_rate = dy.Float64(nullable=True, description="rows_ok / (rows - rows_triaged).")
    latency_p50_s = dy.Float64(nullable=True, description="Median latency of a row.")
    latency_p95_s = dy.Float64(nullable=True, description="95th percentile of the latency.")
    preemptions = dy.Int64(description="Preemptions in all.")
    prefix_hit_rate = dy.Float64(nullable=True, description="cached_tokens / prompt_tokens.")
    kv_cache_tokens = dy.Int64(nullable=True, description="Tokens that the KV cache holds.")
    kv_cache_peak = dy.Float64(nullable=True, description="Highest share of the KV cache in use.")
    cpu_percent = dy.Float64(nullable=True, description="Mean use of the host's cores, 0 to 100.")
    rss_peak_gib = dy.Float64(nullable=True, description="Highest resident memory, in GiB.")
    gpu_memory_peak_gib = dy.Float64(
        nullable=True, description="Highest GPU memory in use, in GiB."
    )
    gpu_utilization = dy.Float64(nullable=True, description="Mean GPU utilization, 0 to 100.")
    gpu_energy_wh = dy.Float64(nullable=True, description="Energy that the GPU took, in Wh.")
    projected_hours_5k = dy.Float64(
        nullable=True,
        description="Hours for 5,000 rows at this rate; in a triage, to score and answer them.",
    )
    projected_hours_50k = dy.Float64(
        nullable=True, description="Hours for 50,000 rows at this rate."
    )
    projected_hours_200k = dy.Float64(
        nullable=True, description="Hours for 200,000 rows at this rate."
    )
    host = dy.String(description="Processor and number of cores.")
    gpu = dy.String(nullable=True, description="GPU name.")
    engine = dy.String(description="Engine and version.")
    replicas = dy.Int64(
        nullable=True,
        description="Copies of the model that shared the work; null without any.",
    )
    versions = dy.String(description="Versions of the packages that matter, as JSON text.")


class ThroughputReport(dy.Schema):
    """One row a batch: what its shards' latest runs cost together, for the morning after."""

    shards = dy.Int64(description="Shards of the batch.")
    shards_measured = dy.Int64(description="Shards that have throughput.")
    rows_in = dy.Int64(description="Records that were landed.")
    rows_quarantined = dy.Int64(description="Records that were not usable.")
    rows = dy.Int64(description="Prompts of the measured shards.")
    rows_ok = dy.Int64(description="Rows whose answer came to its own end (stop).")
    rows_failed = dy.Int64(description="Rows without one.")
    rows_reused = dy.Int64(description="Rows whose answer was taken over.")
    rows_generated = dy.Int64(description="Rows whose answer was generated.")
    rows_triaged = dy.Int64(nullable=True, description="Rows that triage has only scored.")
    rows_scored = dy.Int64(nullable=True, description="Requests that triage scored.")
    score_s = dy.Float64(nullable=True, description="Seconds of generate_s that scores took.")
    success_rate = dy.Float64(nullable=True, description="rows_ok / (rows - rows_triaged).")
    started_at = dy.Datetime(time_zone="UTC", description="When the first shard began.")
    finished_at = dy.Datetime(time_zone="UTC", description="When the last shard was done.")
    loads = dy.Int64(description="Times a model was loaded.")
    load_s = dy.Float64(description="Seconds of loading.")
    generate_s = dy.Float64(description="Seconds of generation.")
    busy_s = dy.Float64(nullable=True, description="Of generate_s: the engine had all it takes.")
    starved_s = dy.Float64(
        nullable=True, description="Of generate_s: it may have waited for rows that were left."
    )
    draining_s = dy.Float64(
        nullable=True, description="Of generate_s: no rows were left to feed, the last ones ended."
    )
    between_shards_s = dy.Float64(
        nullable=True,
        description="Longest time from the end of a shard to the start of its run's next one.",
    )
    prompt_tokens = dy.Int64(description="Prompt tokens of generated rows.")
    output_tokens = dy.Int64(description="Output tokens of generated rows.")
    req_s = dy.Float64(nullable=True, description="Generated rows per second of generation.")
    output_tok_s = dy.Float64(nullable=True, description="Output tokens per second.")
    total_tok_s = dy.Float64(nullable=True, description="Prompt and output tokens per second.")
    slowest_shard = dy.String(nullable=True, description="Shard with the lowest req_s.")
    slowest_req_s = dy.Float64(nullable=True, description="Its rate.")
    latency_p95_s = dy.Float64(
        nullable=True, description="Highest 95th percentile of the latency of a shard."
    )
    prefix_hit_rate = dy.Float64(nullable=True, description="Cached share of the prompt tokens.")
    preemptions = dy.Int64(description="Preemptions in all.")
    engine_restarts = dy.Int64(description="Engines that died or hung and were replaced.")
    rows_poison = dy.Int64(description="Rows that no engine survived.")
    gpu_memory_peak_gib = dy.Float64(
        nullable=True, description="Highest GPU memory in use, in GiB."
    )
    gpu_energy_wh = dy.Float64(nullable=True, description="Energy that the GPU took, in Wh.")
    projected_hours_200k = dy.Float64(
        nullable=True, description="Hours for 200,000 rows at this rate."
    )
    host = dy.String(description="Processor and number of cores, of the latest shard.")
    gpu = dy.String(nullable=True, description="GPU name, of the latest shard.")
    engine = dy.String(description="Engine and version, of the latest shard.")


def polars_schema(schema: type[dy.Schema]) -> pl.Schema:
    """Returns the polars types of a table."""
    return pl.Schema({name: column.dtype for name, column in schema.columns().items()})


def frame_of(rows: list[dict[str, Any]], schema: type[dy.Schema]) -> pl.DataFrame:
    """Returns rows as a frame, by Arrow, which is three times as fast as polars for nested rows."""
    empty = pl.DataFrame(schema=polars_schema(schema))
    table = pa.Table.from_pylist(rows, schema=empty.to_arrow().schema)
    return cast("pl.DataFrame", pl.from_arrow(table))
