"""Computes the cost of evaluated rows from the price of an hour of the machine."""

from collections.abc import Mapping
from typing import Any


def cost_per_1000_rows(throughput: Mapping[str, Any], cost_per_hour: float | None) -> float | None:
    """Returns the cost of 1,000 evaluated rows of a shard, in the currency of the price.

        (load_s + wall_s) / 3600 * cost_per_hour / evaluated * 1000

    The time of loading the model costs money, too; in a run over many shards it is charged to the
    first one. Evaluated rows are those that the run generated and whose answer is complete; reused
    answers cost nothing again and do not count.

    Args:
        throughput: a row of the throughput table.
        cost_per_hour: the price of an hour of the machine.

    Returns:
        None without a price, or if the run itself evaluated no rows.
    """
    evaluated = min(throughput["rows_generated"], throughput["rows_ok"])
    if cost_per_hour is None or not evaluated:
        return None
    hours = (throughput["load_s"] + throughput["wall_s"]) / 3600
    return float(hours * cost_per_hour / evaluated * 1000)
