"""Declares the columns of what people say: samples, labels, metrics of labels, and decisions."""

import dataframely as dy


def _candidate() -> dy.String:
    return dy.String(min_length=1, description="Id of the candidate, unique in its batch.")


def _request_key() -> dy.String:
    return dy.String(description="request_key of the prompt whose profile the rater saw.")


def _stratum() -> dy.String:
    return dy.String(description="Why the row was drawn: top, borderline or random.")


def _weight() -> dy.Float64:
    return dy.Float64(
        description="Inverse of the probability that the design draws the row: how many rows of "
        "the batch it speaks for."
    )


class LabelSamples(dy.Schema):
    """One row a candidate that was drawn to be labeled; raters do not see stratum and weight."""

    batch = dy.String(description="Name of the batch.")
    sample_id = dy.String(description="Id of the sample: a digest of its design and its judge.")
    row = dy.Int64(primary_key=True, description="Number of the row on the sheets, from 1.")
    custom_id = _candidate()
    stratum = _stratum()
    weight = _weight()
    sheets = dy.List(dy.Int64(), description="Sheets that have the row, one a rater, from 1.")
    request_key = _request_key()
    rubric = dy.String(description="Rubric whose criteria are labeled.")
    model = dy.String(description="Model by whose verdicts the rows were drawn.")


class Labels(dy.Schema):
    """One row a label; only ever added to. Of a rater's labels for one criterion the newest counts.

    It is personal data of the rater, too.
    """

    batch = dy.String(description="Name of the batch.")
    custom_id = _candidate()
    criterion = dy.String(description="A criterion of the rubric, or recommendation.")
    label = dy.String(description="What the rater chose, in the rubric's words.")
    rater = dy.String(description="Who labeled, as given by --by.")
    labelled_at = dy.Datetime(time_zone="UTC", description="When the label was imported.")
    sample_id = dy.String(description="Sample by which the rater was asked.")
    stratum = _stratum()
    weight = _weight()
    request_key = _request_key()


class LabelMetrics(dy.Schema):
    """One row a figure: how far a judge agrees with people on a batch, weighted by the design."""

    metric = dy.String(
        description="precision_at_k, recall_at_k, auc, brier, calibration_error, reliability (a "
        "bin of it), kappa_model (model and people), kappa_people (two people) or confusion (a "
        "cell)."
    )
    criterion = dy.String(description="What was labeled.")
    k = dy.Int64(nullable=True, description="Rows of the ranking, or the number of the bin.")
    people = dy.String(nullable=True, description="People's option of a cell of confusion.")
    judge = dy.String(nullable=True, description="The judge's option of the cell.")
    predicted = dy.Float64(nullable=True, description="Mean probability of the bin, by the judge.")
    value = dy.Float64(
        nullable=True,
        description="The figure; of confusion, rows of the batch. Null if it cannot be computed.",
    )
    low = dy.Float64(nullable=True, description="Lower end of the 95 % interval.")
    high = dy.Float64(nullable=True, description="Upper end.")
    labeled = dy.Int64(description="Labeled rows behind it.")
    enough = dy.Bool(
        nullable=True,
        description="Whether the interval is at most 0.2 wide; if not, too few rows are labeled to "
        "tell. Null for confusion.",
    )


class Decisions(dy.Schema):
    """One row a decision of a person about a candidate; only ever added to, the newest counts.

    It is personal data of who decided, too.
    """

    batch = dy.String(description="Name of the batch.")
    custom_id = _candidate()
    decision = dy.String(description="advance, reject or hold.")
    reason = dy.String(nullable=True, description="Why, in the words of who decided.")
    decided_by = dy.String(description="Who decided, as given by --by.")
    decided_at = dy.Datetime(time_zone="UTC", description="When the decision was imported.")
    rubric = dy.String(description="Rubric of the verdict that was there.")
    model = dy.String(description="Model of that verdict.")
    recommendation = dy.String(nullable=True, description="What that verdict recommended.")
    request_key = dy.String(description="request_key of the prompt of that verdict.")
