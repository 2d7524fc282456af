"""Declares the columns of the append-only log of verdicts."""

import dataframely as dy


def _text(description: str) -> dy.String:
    return dy.String(nullable=True, description=description)


class VerdictLog(dy.Schema):
    """One row a new or changed verdict; only ever added to, and each row is chained to the last.

    The row of an erasure (`kind`) says that a person's rows were emptied. A row that was emptied
    keeps its number, time, batch and hashes.
    """

    sequence = dy.Int64(
        primary_key=True, min=1, description="Number of the row in its log, from 1."
    )
    logged_at = dy.Datetime(time_zone="UTC", description="When the row was added.")
    batch = dy.String(description="Name of the batch.")
    kind = dy.String(description="verdict or erasure.")
    custom_id = dy.String(
        min_length=1,
        description="Id of the candidate; of an erased one `erased:` and a keyed hash of the id.",
    )
    shard = _text("Name of the shard.")
    status = _text(
        "evaluated, unscored (a verdict without a score), or invalid_reason of evaluations, such "
        "as triaged; of an erasure, erased."
    )
    recommendation = _text("The verdict.")
    score = dy.Float64(nullable=True, description="The score.")
    run_id = _text("Dagster run that generated the answer.")
    code_version = _text("Version of the package that logged the row, with its commit if known.")
    model_id = _text("Checkpoint that answered.")
    model_revision = _text("Revision of the checkpoint.")
    rubric_id = _text("Id of the rubric, or openai where the file brought its own questions.")
    rubric_digest = _text("Digest of the rubric's content.")
    request_key = _text("The prompt's request_key.")
    prompt_digest = _text("sha256 of the prompt's messages.")
    answer_digest = _text("sha256 of the text that the model answered; null without an answer.")
    attempt = dy.Int32(nullable=True, description="1 for the first request; repairs count up.")
    overrides = _text(
        "What differs from the default settings, as JSON text: temperature, top_p, seed, "
        "max_tokens, parameters of an OpenAI row, no redaction, and what repairs changed."
    )
    erased_rows = dy.Int64(nullable=True, description="Of an erasure: how many rows it emptied.")
    salt = _text("Random bytes in hexadecimal, so that content_hash does not tell the content.")
    content_hash = dy.String(
        description="sha256 of the columns from custom_id to salt that are not null."
    )
    previous_hash = dy.String(
        description="hash of the row before; of the first row, a hash of the log's place."
    )
    hash = dy.String(
        description="sha256 of previous_hash, sequence, logged_at, batch, kind and content_hash."
    )
