"""Do the reasons rest on the profiles, agree with themselves, and differ from row to row?"""

from collections import Counter

import polars as pl

from aris_pipeline.quality.finding import Finding
from aris_pipeline.quality.thresholds import Thresholds
from aris_pipeline.storage import DataStore, Judge, Shard, read_parquet

_FEWEST_ROWS = 20
_SHOWN = 5
_HINT = "materialize evaluations of this shard"


def grounded_rate(store: DataStore, judge: Judge, shard: Shard, thresholds: Thresholds) -> Finding:
    """Returns whether the profiles have what the reasons name; who names nothing does not count."""
    rows = _valid_rows(store, judge, shard, "grounding")
    found = Counter(rows["grounding"].cast(pl.String).to_list() if rows is not None else ())
    checked = found["grounded"] + found["ungrounded"]
    rate = found["grounded"] / checked if checked else None
    return Finding(
        check="grounded_rate",
        passed=rate is None or rate >= thresholds.min_grounded_rate,
        severity="warn",
        value=rate,
        threshold=thresholds.min_grounded_rate,
        detail=f"the profile has all names, years and figures of {found['grounded']:,} of"
        f" {checked:,} answers that name any"
        if checked
        else "no answer names anything that can be checked",
        figures=dict(found),
    )


def contradiction_rate(
    store: DataStore, judge: Judge, shard: Shard, thresholds: Thresholds
) -> Finding:
    """Returns whether few answers contradict themselves, the profile or the dates."""
    rows = _valid_rows(store, judge, shard, "contradictions")
    lists = rows["contradictions"] if rows is not None else pl.Series([], dtype=pl.List(pl.String))
    found = Counter(lists.explode().drop_nulls().to_list())
    contradicting = int((lists.list.len() > 0).sum())
    rate = contradicting / lists.len() if lists.len() else None
    listed = ", ".join(f"{count:,} {name}" for name, count in found.most_common(_SHOWN))
    return Finding(
        check="contradiction_rate",
        passed=rate is None or rate <= thresholds.max_contradiction_rate,
        severity="warn",
        value=rate,
        threshold=thresholds.max_contradiction_rate,
        detail=f"{contradicting:,} of {lists.len():,} answers contradict themselves, the profile or"
        f" the dates{f': {listed}' if listed else ''}"
        if lists.len()
        else "the rubric asks for no evidence, so nothing is checked",
        figures=dict(found),
    )


def distinct_reasons(
    store: DataStore, judge: Judge, shard: Shard, thresholds: Thresholds
) -> Finding:
    """Returns whether the overall reasons are not the same for everybody."""
    rows = _valid_rows(store, judge, shard, "overall_reason")
    reasons = rows["overall_reason"] if rows is not None else pl.Series([], dtype=pl.String)
    enough = reasons.len() >= _FEWEST_ROWS
    rate = reasons.n_unique() / reasons.len() if enough else None
    return Finding(
        check="distinct_reasons",
        passed=rate is None or rate >= thresholds.min_distinct_reasons,
        severity="warn",
        value=rate,
        threshold=thresholds.min_distinct_reasons,
        detail=f"{reasons.n_unique():,} different overall reasons for {reasons.len():,} answers"
        if enough
        else f"fewer than {_FEWEST_ROWS} answers with an overall reason",
        figures={"answers": reasons.len(), "distinct": reasons.n_unique()},
    )


def _valid_rows(store: DataStore, judge: Judge, shard: Shard, column: str) -> pl.DataFrame | None:
    """Returns a column of the valid rows; None if the rubric has no such column."""
    rows = read_parquet(store.evaluations(judge, shard), hint=_HINT)
    return rows.select(column).drop_nulls() if column in rows.columns else None
