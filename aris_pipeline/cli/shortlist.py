"""`aris shortlist`: the shortest list that keeps whom people would advance."""

import math
from pathlib import Path
from typing import Annotated

import typer

from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.judges import judge_of
from aris_pipeline.cli.options import AsJson, BatchName, DataDir, JudgedBy
from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import Promise, Shortlist, make_shortlist, read_population
from aris_pipeline.ledger import formula_safe
from aris_pipeline.storage import DataStore, write_bytes


def shortlist(
    batch: BatchName,
    recall: Annotated[
        float, typer.Option(help="Least share of all whom people would advance.")
    ] = 0.95,
    confidence: Annotated[
        float, typer.Option(help="Probability with which the recall is kept.")
    ] = 0.9,
    out: Annotated[Path | None, typer.Option(help="CSV file to write the list to.")] = None,
    data_dir: DataDir = "data",
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Find the shortest list that keeps whom people would advance; refuse if labels are too few."""
    with command(as_json) as emit:
        for name, share, least in (("--recall", recall, 0.01), ("--confidence", confidence, 0.5)):
            if not least <= share < 1:
                raise ConfigError(
                    f"{name} {share} is not from {least} to below 1: give a number such as 0.95"
                )
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        population = read_population(store, judge_of(store, landed, rubric, model), landed)
        found = make_shortlist(store, population, Promise(recall, confidence))
        if out:
            columns = ["custom_id", "score", "recommendation"]
            table = formula_safe(found.rows.select(columns)).write_csv(include_bom=True)
            write_bytes(table.encode(), out.absolute())
        emit({"batch": batch, **found.as_dict(), "file": str(out) if out else None})
        _show(found)
        if out:
            console.say(f"wrote {out}")


def _show(found: Shortlist) -> None:
    by, promise = found.by, found.by.promise
    cut = "no row" if math.isinf(by.cut) else f"a score of at least {by.cut:.3f}"
    console.say(f"{found.rows.height:,} of {found.of:,} candidates: {cut}, and those without one")
    console.say(
        f"With confidence {promise.confidence:.0%} they are at least {promise.recall:.0%} of all "
        f"whom people would advance, by {by.labeled:,} labels drawn with equal probability, "
        f"{by.advanced:,} of them advanced."
    )
    console.say(
        "This holds if the labeled batches and this one have the same kind of candidates, the same "
        "judge and the same standard of people."
    )
    for drift in by.drifts:
        if drift.index is None:
            console.say(f"{drift.batch}: too few rows to compare its scores with these")
        elif not drift.is_used:
            console.complain(
                f"{drift.batch}: its labels are left out, because its scores have another "
                f"distribution (index {drift.index:.2f}); label rows of this batch",
                word="warning",
            )
    console.say(
        f"`aris run FILE --triage-recall {promise.recall:g} "
        f"--triage-confidence {promise.confidence:g}` "
        "keeps the same promise for a new file, and answers only whom its list holds"
    )
