"""`aris audit impact`: how often people of each category are selected."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from aris_pipeline.audit import (
    MeasuredImpact,
    measure_impact,
    read_demographics,
    read_quarantined,
)
from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.judges import judge_of
from aris_pipeline.cli.options import AsJson, DataDir, JudgedBy
from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import Population, read_population
from aris_pipeline.reports import Published, write_impact_page
from aris_pipeline.storage import DataStore

_WIDTH = 40


def impact(
    batches: Annotated[
        list[str],
        typer.Argument(help="Names of batches, measured as one sample; `aris status` lists them."),
    ],
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
        populations = _populations(store, batches, rubric, model)
        quarantined = read_quarantined(store, populations)
        ids = pl.concat([*(one.rows["custom_id"] for one in populations), quarantined.ids])
        measured = measure_impact(
            store,
            populations,
            quarantined,
            read_demographics(demographics, ids),
            selected=selected or (),
            by=by or (),
            without_small=exclude_small is not None,
        )
        if distributed and distributed.date() > datetime.now(UTC).date():
            raise ConfigError(f"--distributed {distributed:%Y-%m-%d} is in the future")
        published = Published(source, distributed.date() if distributed else None, exclude_small)
        page = write_impact_page(
            store, populations, measured, published, out.absolute() if out else None
        )
        emit(
            {
                "batches": [one.batch.name for one in populations],
                **vars(populations[0].judge),
                **{name: value for name, value in vars(measured).items() if name != "path"},
                "rows": [row for table in measured.tables() for row in table.rows],
                "table": str(measured.path) if measured.path else None,
                "file": str(page),
            }
        )
        _show(measured)
        for name, given in (("--source", source), ("--distributed", distributed)):
            if given is None:
                console.complain(f"the page lacks what {name} says", word="warning")
        for written in filter(None, (page, measured.path)):
            console.say(f"wrote {written}")


def _populations(
    store: DataStore, names: list[str], rubric: str | None, model: str | None
) -> list[Population]:
    landed = [store.batch(name) for name in dict.fromkeys(names)]
    unjudged = [one.name for one in landed if not store.judges("evaluations", one.name)]
    if unjudged and len(landed) > 1:
        raise ConfigError(
            f"no verdicts are there of {', '.join(unjudged)}: run it, or leave it out"
        )
    judges = [judge_of(store, one, rubric, model) for one in landed]
    if len(set(judges)) > 1:
        raise ConfigError(
            "the newest verdicts of the batches are by several judges: choose one by --rubric and "
            "--model"
        )
    return [read_population(store, judges[0], one) for one in landed]


def _show(measured: MeasuredImpact) -> None:
    console.say(f"{measured.assessed:,} candidates assessed, {measured.unscored:,} without a score")
    if measured.quarantined or measured.without_id:
        console.say(
            f"in quarantine: {measured.quarantined:,} candidates, and {measured.without_id:,} "
            "records without a readable id, who cannot be counted"
        )
    for dimension, unknown in measured.unknown.items():
        console.say(f"{dimension}: {unknown:,} unknown")
    if measured.strangers:
        console.complain(
            f"rows of the demographics that name nobody of the batch: {measured.strangers:,}",
            word="warning",
        )
    for table in measured.tables():
        shown = [
            {
                "category": _clipped(row["category"])
                + (" (under 2 %)" if row["under_2pct"] else ""),
                "n": row["n"],
                "selected": row["selected"],
                "rate": f"{row['rate']:.1%}",
                "ratio": "-" if row["ratio"] is None else f"{row['ratio']:.2f}",
                "95 % interval": "-"
                if row["low"] is None
                else f"{row['low']:.2f} to {row['high']:.2f}",
                "Fisher's p": _p_value(row["fisher_p"]),
                "four fifths": row["four_fifths"],
            }
            for row in table.rows
        ]
        title = f"{table.basis}, by {table.dimension}; significant: p below {table.level:.2g}"
        console.show_table(shown, title=title)
    console.say("These are figures, not a legal opinion and not the independent audit itself.")


def _clipped(category: str) -> str:
    """Returns a category without its middle if it is too long for a table."""
    half = _WIDTH // 2
    return category if len(category) <= _WIDTH else f"{category[:half]}...{category[-half:]}"


def _p_value(value: float | None) -> str:
    if value is None:
        return "-"
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"  # noqa: PLR2004 - four digits are shown
