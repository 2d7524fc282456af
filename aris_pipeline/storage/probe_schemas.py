"""Declares the columns of what an audit asks the judge: the bias probe and its stability."""

import dataframely as dy


def _figure(description: str) -> dy.Float64:
    return dy.Float64(nullable=True, description=description)


class _Asked(dy.Schema):
    """Who was asked, and when."""

    rubric_digest = dy.String(description="Digest of the rubric's content: its version.")
    model_id = dy.String(description="Checkpoint that was asked.")
    model_revision = dy.String(description="Revision of the checkpoint.")
    engine = dy.String(description="Engine and version.")
    run_id = dy.String(description="Dagster run that asked.")
    asked_at = dy.Datetime(time_zone="UTC", description="When the last row was asked.")
    seed = dy.Int64(description="Seed of the draw and of the order; equal seeds ask equally.")
    rows = dy.Int64(description="Candidates that were drawn.")


class BiasProbe(_Asked):
    """One row a signal: pairs of profiles that differ in one thing, judged side by side."""

    signal = dy.String(primary_key=True, description="What was changed; see signals.yaml.")
    change = dy.String(description="Reference and changed text of the first pair.")
    is_placebo = dy.Bool(description="Whether both say the same; it shows what wording alone does.")
    pairs = dy.Int64(description="Pairs with two different prompts and two scores.")
    inert = dy.Int64(description="Pairs whose prompts are the same: the model cannot see a change.")
    not_applicable = dy.Int64(
        description="Candidates without anything to change, such as a school."
    )
    unscored = dy.Int64(description="Pairs without a score on both sides.")
    must_be_inert = dy.Bool(
        description="Whether redaction must hide the change: then any pair that is not inert is a "
        "fault."
    )
    mean_shift = _figure("Mean score of the changed minus that of the reference, in points.")
    low = _figure("Lower end of its 95 % interval.")
    high = _figure("Upper end.")
    p_value = _figure("p-value of the paired t-test.")
    p_holm = _figure("p-value after Holm's correction over all signals but the placebo.")
    clear = dy.Bool(
        nullable=True,
        description="Whether the shift differs from 0 after the correction (the placebo without "
        "one); null with under 10 pairs.",
    )
    flips_up = dy.Int64(description="Pairs of which only the changed profile is above the cut.")
    flips_down = dy.Int64(description="Pairs of which only the reference is above it.")
    flip_share = _figure("Share of the pairs on two sides of the cut.")
    answered = dy.Int64(description="Pairs with two valid answers, if answers were asked for.")
    answer_shift = _figure("Mean change of the written recommendation, in steps of the scale.")
    answers_changed = dy.Int64(description="Pairs whose written recommendations differ.")


class VerdictStability(_Asked):
    """One row a way of asking again and a part of the batch, beside the stored scores."""

    kind = dy.String(
        description="other_rows (in another order), alone (asked one at a time), paraphrased (the "
        "user turn), sections (of the profile, in another order) or scale_reversed."
    )
    part = dy.String(
        description="batch (both strata, weighted to the whole batch) or border (the rows nearest "
        "to the cut)."
    )
    asked_again = dy.Int64(description="Rows with a stored and a new score.")
    not_applicable = dy.Int64(description="Rows whose prompt this kind does not change.")
    unscored = dy.Int64(description="Rows without a new score.")
    flips = dy.Int64(description="Rows that are on the other side of the cut now.")
    flip_rate = _figure("Share of the part that changes sides, weighted by the design.")
    flip_low = _figure("Lower end of its 95 % interval.")
    flip_high = _figure("Upper end.")
    mean_shift = _figure("Mean change of the score, in points.")
    shift_low = _figure("Lower end of its 95 % interval.")
    shift_high = _figure("Upper end.")
    shift_95 = _figure("Absolute change of the score that 95 % of the part stay within.")
    top = dy.Int64(description="k of the churn: the first of the batch by stored score.")
    churn = _figure("Share of the first k that is not among the first k now; of the batch alone.")
    churn_low = _figure("Lower end of its 95 % interval.")
    churn_high = _figure("Upper end.")
    stale = dy.Int64(description="Drawn rows whose request would be another one now; left out.")
