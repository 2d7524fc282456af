"""`aris audit impact`: how often people of each category are selected."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from aris_pipeline.audit import MeasuredImpact, measure_impact, read_demographics
from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.judges import judge_of
from aris_pipeline.cli.options import AsJson, BatchName, DataDir, JudgedBy
from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import read_population
from aris_pipeline.reports import Published, write_impact_page
from aris_pipeline.storage import DataStore


def impact(
    batch: BatchName,
    demographics: Annotated[
        Path,
        typer.Option(help="CSV with custom_id and columns such as sex and race; only read."),
    ],
    selected: Annotated[
        list[str] | None,
        typer.Option(
            help='What counts as selected, beside the scoring rate: "recommendation>=Yes", '
            "top:10%, top:50 or triage. Several may be given."
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="A column, or several with commas for their combinations; each column and each "
            "pair by default."
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Where the categories come from; for the page.")
    ] = None,
    distributed: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="When you began to use the tool; for the page."),
    ] = None,
    exclude_small: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Leave categories of less than 2 % out of the comparison, for this reason.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="HTML file; beside the batch's report by default.")
    ] = None,
    data_dir: DataDir = "data",
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Compare how often people of each category are selected: ratios, intervals, exact tests."""
    with command(as_json) as emit:
        if exclude_small is not None and not exclude_small.strip():
            raise ConfigError("--exclude-small needs a reason: the page has to say it")
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        population = read_population(store, judge_of(store, landed, rubric, model), landed)
        measured = measure_impact(
            store,
            population,
            read_demographics(demographics, population.rows["custom_id"]),
            selected=selected or (),
            by=by or (),
            without_small=exclude_small is not None,
        )
        if distributed and distributed.date() > datetime.now(UTC).date():
            raise ConfigError(f"--distributed {distributed:%Y-%m-%d} is in the future")
        published = Published(source, distributed.date() if distributed else None, exclude_small)
        page = write_impact_page(
            store, population, measured, published, out.absolute() if out else None
        )
        table = store.impact(population.judge, batch)
        emit(
            {
                "batch": batch,
                **vars(population.judge),
                **vars(measured),
                "rows": [row for *_, rows in measured.tables() for row in rows],
                "table": str(table),
                "file": str(page),
            }
        )
        _show(measured)
        for name, given in (("--source", source), ("--distributed", distributed)):
            if given is None:
                console.complain(f"the page lacks what {name} says", word="warning")
        console.say(f"wrote {page}\nwrote {table}")


def _show(measured: MeasuredImpact) -> None:
    console.say(f"{measured.assessed:,} candidates assessed, {measured.unscored:,} without a score")
    for dimension, unknown in measured.unknown.items():
        console.say(f"{dimension}: {unknown:,} unknown")
    if measured.strangers:
        console.complain(
            f"rows of the demographics that name nobody of this batch: {measured.strangers:,}",
            word="warning",
        )
    for basis, dimension, rows in measured.tables():
        shown = [
            {
                "category": row["category"] + (" (under 2 %)" if row["under_2pct"] else ""),
                "n": row["n"],
                "selected": row["selected"],
                "rate": f"{row['rate']:.1%}",
                "ratio": "-" if row["ratio"] is None else f"{row['ratio']:.2f}",
                "95 % interval": "-"
                if row["low"] is None
                else f"{row['low']:.2f} to {row['high']:.2f}",
                "Fisher's p": "-" if row["fisher_p"] is None else f"{row['fisher_p']:.4f}",
                "four fifths": row["four_fifths"],
            }
            for row in rows
        ]
        console.show_table(shown, title=f"{basis}, by {dimension}")
    console.say("These are figures, not a legal opinion and not the independent audit itself.")
