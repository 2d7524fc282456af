"""Weighs the labeled rows of a batch by all samples that were drawn of it together.

A sample s draws a row with the probability p_s: the inverse of its weight there, or that of the
random rows if s did not draw it, times the share of the sample's rows that have been labeled.
Samples are drawn independently of each other, so that a row is labeled with 1 - prod_s (1 - p_s),
and the inverse of that is its weight.
"""

import numpy as np
import polars as pl

from aris_pipeline.labels.additions import newest_rows
from aris_pipeline.labels.sampling import read_sample
from aris_pipeline.storage import DataStore, Labels

_TYPES = (pl.String, pl.String, pl.Float64)


def design_weights(store: DataStore, batch: str) -> pl.DataFrame:
    """Returns `criterion`, `custom_id` and `weight` of each labeled row of a batch.

    A row may be labeled for one criterion and not for another, so each has its own weights.
    """
    key = ["criterion", "custom_id", "sample_id"]
    labels = newest_rows(store.labels(batch), Labels, key, "labelled_at")
    found = [pl.DataFrame(schema=dict(zip([*key[:2], "weight"], _TYPES, strict=True)))]
    for (criterion,), own in labels.group_by("criterion", maintain_order=True):
        weights = _weights(store, batch, own)
        found.append(weights.select(pl.lit(criterion).alias("criterion"), "custom_id", "weight"))
    return pl.concat(found)


def _weights(store: DataStore, batch: str, labels: pl.DataFrame) -> pl.DataFrame:
    ids = labels.select("custom_id").unique(maintain_order=True)
    never = np.ones(ids.height)
    for (sample,), own in labels.group_by("sample_id", maintain_order=True):
        drawn = read_sample(store, batch, str(sample))
        rows = own if drawn is None else drawn
        others = rows.filter(stratum="random")["weight"]
        rest = 1 / float(others[0]) if others.len() else 0.0
        weights = ids.join(
            rows.select("custom_id", "weight"), on="custom_id", how="left", maintain_order="left"
        )["weight"]
        chance = (1 / weights).fill_null(rest).to_numpy()
        never *= 1 - chance * (own.height / rows.height)
    return ids.with_columns(weight=pl.Series(1 / (1 - never), dtype=pl.Float64))
